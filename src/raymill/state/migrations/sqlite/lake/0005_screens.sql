-- Filters that users stored, as they are now, and every version that each of them had.
CREATE TABLE screener_filters (
  filter_id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  criteria TEXT NOT NULL,
  version INTEGER NOT NULL,
  created REAL NOT NULL,
  updated REAL NOT NULL,
  UNIQUE (owner, name)
) WITHOUT ROWID;

CREATE TABLE screener_filter_versions (
  filter_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  criteria TEXT NOT NULL,
  created REAL NOT NULL,
  updated REAL NOT NULL,
  PRIMARY KEY (filter_id, version)
) WITHOUT ROWID;
