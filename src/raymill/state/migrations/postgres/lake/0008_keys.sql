-- Keys of the HTTP API. A secret is kept as its SHA-256 alone; times are seconds since 1970.
CREATE TABLE api_keys (
  key_id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  scope TEXT NOT NULL,
  rate DOUBLE PRECISION,
  created DOUBLE PRECISION NOT NULL,
  revoked DOUBLE PRECISION
);
CREATE UNIQUE INDEX api_keys_in_force ON api_keys (name) WHERE revoked IS NULL;
