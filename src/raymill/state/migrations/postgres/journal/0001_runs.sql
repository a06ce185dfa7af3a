-- One row: who may write the journal. `token` names the commit that was made last.
CREATE TABLE lease (
  name TEXT COLLATE "C" PRIMARY KEY,
  epoch BIGINT NOT NULL,
  owner TEXT NOT NULL,
  beat DOUBLE PRECISION NOT NULL,
  expires DOUBLE PRECISION NOT NULL,
  token TEXT NOT NULL
) WITH (fillfactor = 50);
INSERT INTO lease VALUES ('orchestrator', 0, '', 0, 0, '');

CREATE TABLE runs (
  id TEXT COLLATE "C" PRIMARY KEY,
  workflow TEXT COLLATE "C" NOT NULL,
  place TEXT NOT NULL,
  version TEXT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  priority BIGINT NOT NULL,
  input BYTEA,
  output BYTEA,
  error BYTEA,
  parent BYTEA,
  created DOUBLE PRECISION NOT NULL,
  ended DOUBLE PRECISION,
  deadline DOUBLE PRECISION,
  engine TEXT NOT NULL
);
CREATE INDEX runs_in_time ON runs (created, id);
CREATE INDEX runs_not_completed ON runs (status, created, id) WHERE status <> 'completed';

CREATE TABLE steps (
  run TEXT COLLATE "C" NOT NULL,
  step TEXT COLLATE "C" NOT NULL,
  item BIGINT NOT NULL,
  status TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  losses BIGINT NOT NULL,
  due DOUBLE PRECISION NOT NULL,
  ended DOUBLE PRECISION,
  seconds DOUBLE PRECISION,
  output BYTEA,
  error BYTEA,
  progress BYTEA,
  worker TEXT NOT NULL,
  PRIMARY KEY (run, step, item)
);

CREATE TABLE events (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run TEXT COLLATE "C" NOT NULL,
  at DOUBLE PRECISION NOT NULL,
  kind TEXT NOT NULL,
  step TEXT NOT NULL,
  item BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX events_of_a_run ON events (run, id);

CREATE TABLE limits (
  name TEXT COLLATE "C" PRIMARY KEY,
  next DOUBLE PRECISION NOT NULL
);

CREATE TABLE schedules (
  name TEXT COLLATE "C" PRIMARY KEY,
  workflow TEXT NOT NULL,
  place TEXT NOT NULL,
  input BYTEA NOT NULL,
  cron TEXT NOT NULL,
  every_s DOUBLE PRECISION NOT NULL,
  timezone TEXT NOT NULL,
  catch_up TEXT NOT NULL,
  priority BIGINT NOT NULL,
  engine TEXT NOT NULL,
  status TEXT NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  next DOUBLE PRECISION NOT NULL,
  last DOUBLE PRECISION
);

CREATE TABLE taken (
  box TEXT COLLATE "C" PRIMARY KEY,
  message BIGINT NOT NULL
);
INSERT INTO taken VALUES ('inbox', 0);
