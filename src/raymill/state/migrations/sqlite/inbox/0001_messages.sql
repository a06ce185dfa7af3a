CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  run TEXT NOT NULL,
  body BLOB NOT NULL,
  at REAL NOT NULL
);
CREATE INDEX messages_of_a_run ON messages (run, id);
