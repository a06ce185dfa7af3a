-- Seconds of `granted` and `next` are those of `clock`; those of `stopped` and `until` since 1970.
CREATE TABLE rate_limits (
  name TEXT PRIMARY KEY,
  clock TEXT NOT NULL,
  granted REAL NOT NULL,
  next REAL NOT NULL,
  stopped REAL NOT NULL,
  until REAL NOT NULL,
  reason TEXT NOT NULL
) WITHOUT ROWID;
