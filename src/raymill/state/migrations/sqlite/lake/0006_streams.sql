-- Streams: what is wanted of each, whose they are, where they stand. Times are seconds since 1970.
CREATE TABLE market_stream (
  run TEXT PRIMARY KEY,
  wanted TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  state TEXT NOT NULL,
  status TEXT NOT NULL,
  started REAL NOT NULL,
  updated REAL NOT NULL
) WITHOUT ROWID;

-- How far the channels of a stream are: committed together with the rows that it speaks of.
CREATE TABLE market_stream_cursor (
  run TEXT NOT NULL,
  channel TEXT NOT NULL,
  number INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  cursor TEXT NOT NULL,
  PRIMARY KEY (run, channel)
) WITHOUT ROWID;

-- What streams missed. Times are microseconds since 1970.
CREATE TABLE market_gap (
  run TEXT NOT NULL,
  channel TEXT NOT NULL,
  instrument_id INTEGER NOT NULL,
  place INTEGER NOT NULL,
  first_id INTEGER,
  last_id INTEGER,
  since_us INTEGER NOT NULL,
  until_us INTEGER NOT NULL,
  found_us INTEGER NOT NULL,
  state TEXT NOT NULL,
  rows INTEGER NOT NULL,
  closed_us INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (run, channel, instrument_id, place)
) WITHOUT ROWID;
CREATE INDEX market_gap_of_instrument ON market_gap (instrument_id, channel, since_us);
