-- Streams: what is wanted of each, whose they are, where they stand. Times are seconds since 1970.
CREATE TABLE market_stream (
  run TEXT PRIMARY KEY,
  wanted TEXT NOT NULL,
  epoch BIGINT NOT NULL,
  state TEXT NOT NULL,
  status TEXT NOT NULL,
  started DOUBLE PRECISION NOT NULL,
  updated DOUBLE PRECISION NOT NULL
);

-- How far the channels of a stream are: committed together with the rows that it speaks of.
CREATE TABLE market_stream_cursor (
  run TEXT NOT NULL,
  channel TEXT NOT NULL,
  number BIGINT NOT NULL,
  rows BIGINT NOT NULL,
  cursor TEXT NOT NULL,
  PRIMARY KEY (run, channel)
);

-- What streams missed. Times are microseconds since 1970.
CREATE TABLE market_gap (
  run TEXT NOT NULL,
  channel TEXT NOT NULL,
  instrument_id BIGINT NOT NULL,
  place BIGINT NOT NULL,
  first_id BIGINT,
  last_id BIGINT,
  since_us BIGINT NOT NULL,
  until_us BIGINT NOT NULL,
  found_us BIGINT NOT NULL,
  state TEXT NOT NULL,
  rows BIGINT NOT NULL,
  closed_us BIGINT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (run, channel, instrument_id, place)
);
CREATE INDEX market_gap_of_instrument ON market_gap (instrument_id, channel, since_us);
