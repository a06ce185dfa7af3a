"""`raymill backtest`, `sweep`, `strategies`: strategies over bars."""
