CREATE TABLE lease (
  name TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL,
  owner TEXT NOT NULL,
  beat REAL NOT NULL,
  expires REAL NOT NULL
) WITHOUT ROWID;
INSERT INTO lease VALUES ('orchestrator', 0, '', 0, 0);

CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  workflow TEXT NOT NULL,
  place TEXT NOT NULL,
  version TEXT NOT NULL,
  status TEXT NOT NULL,
  priority INTEGER NOT NULL,
  input BLOB,
  output BLOB,
  error BLOB,
  parent BLOB,
  created REAL NOT NULL,
  ended REAL,
  deadline REAL
) WITHOUT ROWID;
CREATE INDEX runs_in_time ON runs (created, id);
CREATE INDEX runs_not_completed ON runs (status, created, id) WHERE status <> 'completed';

CREATE TABLE steps (
  run TEXT NOT NULL,
  step TEXT NOT NULL,
  item INTEGER NOT NULL,
  status TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  losses INTEGER NOT NULL,
  due REAL NOT NULL,
  ended REAL,
  seconds REAL,
  output BLOB,
  error BLOB,
  progress BLOB,
  PRIMARY KEY (run, step, item)
) WITHOUT ROWID;

CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  run TEXT NOT NULL,
  at REAL NOT NULL,
  kind TEXT NOT NULL,
  step TEXT NOT NULL,
  item INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX events_of_a_run ON events (run, id);

CREATE TABLE limits (
  name TEXT PRIMARY KEY,
  next REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE taken (
  box TEXT PRIMARY KEY,
  message INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO taken VALUES ('inbox', 0);
