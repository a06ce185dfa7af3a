"""`raymill filings`: from a ticker to facts, and standard metrics over time."""
