-- Columns bear the names of DuckLake's where they hold the same.
CREATE TABLE lake_table (
  table_id INTEGER PRIMARY KEY AUTOINCREMENT,
  table_name TEXT NOT NULL UNIQUE,
  columns TEXT NOT NULL,
  oldest_snapshot INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE lake_snapshot (
  snapshot_id INTEGER PRIMARY KEY AUTOINCREMENT,
  snapshot_time REAL NOT NULL,
  table_id INTEGER NOT NULL,
  changes_made TEXT NOT NULL
);

CREATE TABLE lake_data_file (
  data_file_id INTEGER PRIMARY KEY AUTOINCREMENT,
  table_id INTEGER NOT NULL,
  begin_snapshot INTEGER NOT NULL,
  end_snapshot INTEGER,
  path TEXT NOT NULL UNIQUE,
  partition_value TEXT NOT NULL,
  record_count INTEGER NOT NULL,
  file_size_bytes INTEGER NOT NULL,
  schema_id TEXT NOT NULL
);
CREATE INDEX lake_data_file_of_partition
  ON lake_data_file (table_id, partition_value, begin_snapshot);
CREATE INDEX lake_data_file_ended
  ON lake_data_file (table_id, end_snapshot) WHERE end_snapshot IS NOT NULL;

CREATE TABLE lake_file_column_stats (
  data_file_id INTEGER NOT NULL,
  column_name TEXT NOT NULL,
  null_count INTEGER NOT NULL,
  min_value TEXT,
  max_value TEXT,
  PRIMARY KEY (data_file_id, column_name)
) WITHOUT ROWID;

-- What is kept per key now: in which file (none without a row), and a hash of it.
CREATE TABLE lake_key (
  table_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  data_file_id INTEGER,
  content TEXT NOT NULL,
  PRIMARY KEY (table_id, key)
) WITHOUT ROWID;
CREATE INDEX lake_key_of_file ON lake_key (data_file_id);

CREATE TABLE lake_sequence (
  name TEXT PRIMARY KEY,
  number INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE lake_fence (
  name TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE lake_reader (
  reader_id TEXT PRIMARY KEY,
  snapshot_id INTEGER NOT NULL,
  owner TEXT NOT NULL,
  expires REAL NOT NULL
) WITHOUT ROWID;

-- Filings of the dataset of facts; `extractor` is 0 where no document was read yet.
CREATE TABLE facts_filing (
  cik INTEGER NOT NULL,
  accession TEXT NOT NULL,
  form TEXT,
  filed TEXT,
  facts INTEGER NOT NULL,
  source TEXT NOT NULL,
  reason TEXT,
  extractor INTEGER NOT NULL,
  metrics TEXT NOT NULL,
  documents TEXT NOT NULL,
  PRIMARY KEY (cik, accession)
) WITHOUT ROWID;

CREATE TABLE facts_ticker (
  ticker TEXT PRIMARY KEY,
  cik INTEGER NOT NULL
) WITHOUT ROWID;
