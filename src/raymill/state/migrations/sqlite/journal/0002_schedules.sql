ALTER TABLE runs ADD COLUMN engine TEXT NOT NULL DEFAULT 'local';
ALTER TABLE steps ADD COLUMN worker TEXT NOT NULL DEFAULT '';

CREATE TABLE schedules (
  name TEXT PRIMARY KEY,
  workflow TEXT NOT NULL,
  place TEXT NOT NULL,
  input BLOB NOT NULL,
  cron TEXT NOT NULL,
  every_s REAL NOT NULL,
  timezone TEXT NOT NULL,
  catch_up TEXT NOT NULL,
  priority INTEGER NOT NULL,
  engine TEXT NOT NULL,
  status TEXT NOT NULL,
  created REAL NOT NULL,
  next REAL NOT NULL,
  last REAL
) WITHOUT ROWID;
