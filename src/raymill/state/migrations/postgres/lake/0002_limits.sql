-- Seconds of `granted` and `next` are those of `clock`; those of `stopped` and `until` since 1970.
CREATE TABLE rate_limits (
  name TEXT PRIMARY KEY,
  clock TEXT NOT NULL,
  granted DOUBLE PRECISION NOT NULL,
  next DOUBLE PRECISION NOT NULL,
  stopped DOUBLE PRECISION NOT NULL,
  until DOUBLE PRECISION NOT NULL,
  reason TEXT NOT NULL
);
