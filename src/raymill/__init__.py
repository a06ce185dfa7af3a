"""raymill: write the logic once, run it in process or on a Ray cluster, get the same answer."""

__version__ = "0.1.0"
