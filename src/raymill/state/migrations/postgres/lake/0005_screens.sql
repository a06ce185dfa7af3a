-- Filters that users stored, as they are now, and every version that each of them had.
CREATE TABLE screener_filters (
  filter_id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  criteria TEXT NOT NULL,
  version BIGINT NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  updated DOUBLE PRECISION NOT NULL,
  UNIQUE (owner, name)
);

CREATE TABLE screener_filter_versions (
  filter_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  criteria TEXT NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  updated DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (filter_id, version)
);
