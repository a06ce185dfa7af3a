"""Vendors for trying things out: they speak the protocols of real ones, over simulated records."""
