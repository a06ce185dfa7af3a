"""Sweeps: one strategy with many parameter sets over the same bars."""
