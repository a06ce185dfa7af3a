"""raymill: write the logic once in plain Python; run it in process or on a Ray cluster, and get the same answer."""

__version__ = "0.1.0"
