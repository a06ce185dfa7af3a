"""SenML: records of named measurements in JSON, to columns, straight from their bytes."""
