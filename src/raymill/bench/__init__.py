"""What `raymill bench` measures: areas of rows, each a figure with its spread."""
