"""Tide gauges: what a package of somebody else adds to raymill."""
