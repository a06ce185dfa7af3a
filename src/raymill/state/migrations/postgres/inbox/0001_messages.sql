-- Numbers are given out under a lock on this row: in the order in which they become visible.
CREATE TABLE sent (
  box TEXT COLLATE "C" PRIMARY KEY,
  message BIGINT NOT NULL
) WITH (fillfactor = 50);
INSERT INTO sent VALUES ('inbox', 0);

CREATE TABLE messages (
  id BIGINT PRIMARY KEY,
  kind TEXT NOT NULL,
  run TEXT COLLATE "C" NOT NULL,
  body BYTEA NOT NULL,
  at DOUBLE PRECISION NOT NULL
);
CREATE INDEX messages_of_a_run ON messages (run, id);
