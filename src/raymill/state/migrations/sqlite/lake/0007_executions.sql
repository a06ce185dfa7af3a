-- Runs of strategies: what was asked, where each stands. Times are seconds since 1970.
CREATE TABLE algorunner_executions (
  execution_id TEXT PRIMARY KEY,
  algorithm_id TEXT NOT NULL,
  engine TEXT NOT NULL,
  asked TEXT NOT NULL,
  state TEXT NOT NULL,
  wanted TEXT NOT NULL,
  progress REAL NOT NULL,
  created REAL NOT NULL,
  started REAL,
  ended REAL,
  figures TEXT,
  error TEXT
) WITHOUT ROWID;
CREATE INDEX algorunner_executions_by_time ON algorunner_executions (created, execution_id);
CREATE INDEX algorunner_executions_of_algorithm
  ON algorunner_executions (algorithm_id, created, execution_id);

-- What came of them: the record as JSON; the rest as it lies in the artifacts, small ones here.
CREATE TABLE algorunner_results (
  execution_id TEXT PRIMARY KEY,
  record TEXT NOT NULL,
  trades BLOB NOT NULL,
  equity BLOB NOT NULL,
  found BLOB NOT NULL
);
