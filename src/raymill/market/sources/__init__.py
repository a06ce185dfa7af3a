"""Vendors of market data, one module each: they translate, and do nothing else."""
