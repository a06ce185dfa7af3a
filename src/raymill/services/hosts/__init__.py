"""Where the API runs: in one process, or on Ray Serve."""
