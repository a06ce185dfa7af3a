"""Market data and strategies as plain Python: bars, factors, backtests, metrics, sweeps."""
