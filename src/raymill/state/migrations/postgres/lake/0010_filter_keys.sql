-- The key of the HTTP API that stored a filter; empty where none was shown.
ALTER TABLE screener_filters ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
ALTER TABLE screener_filter_versions ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
