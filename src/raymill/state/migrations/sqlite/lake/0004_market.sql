-- Times are microseconds since 1970, those of `found`, `asked`, `updated`, `listed` seconds.
-- What is traded: a row for each name that a thing has had, an open one (no valid_to) for now.
CREATE TABLE market_instrument (
  instrument_id INTEGER NOT NULL,
  valid_from INTEGER NOT NULL,
  valid_to INTEGER,
  venue TEXT NOT NULL,
  symbol TEXT NOT NULL,
  venue_symbol TEXT NOT NULL,
  status TEXT NOT NULL,
  about TEXT NOT NULL,
  PRIMARY KEY (instrument_id, valid_from)
) WITHOUT ROWID;
CREATE UNIQUE INDEX market_instrument_of_symbol
  ON market_instrument (venue, symbol) WHERE valid_to IS NULL;

-- What a source says of itself: the limits that it states, when it listed its instruments last.
CREATE TABLE market_source (
  source TEXT PRIMARY KEY,
  limits TEXT NOT NULL,
  listed REAL NOT NULL
) WITHOUT ROWID;

-- Ranges [begin_us, end_us) that are known to be complete, and why: data, venue_empty,
-- before_listing. Those of one key do not overlap.
CREATE TABLE market_coverage (
  instrument_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  interval TEXT NOT NULL,
  source TEXT NOT NULL,
  begin_us INTEGER NOT NULL,
  end_us INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (instrument_id, kind, interval, source, begin_us)
) WITHOUT ROWID;

-- Ranges that a venue answered with nothing, and when it was first asked.
CREATE TABLE market_empty (
  instrument_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  interval TEXT NOT NULL,
  source TEXT NOT NULL,
  begin_us INTEGER NOT NULL,
  end_us INTEGER NOT NULL,
  asked REAL NOT NULL,
  PRIMARY KEY (instrument_id, kind, interval, source, begin_us)
) WITHOUT ROWID;

-- How far a crawl is: which page comes next, and where in which hole.
CREATE TABLE market_crawl (
  run TEXT PRIMARY KEY,
  number INTEGER NOT NULL,
  place TEXT NOT NULL,
  updated REAL NOT NULL
) WITHOUT ROWID;

-- Records that were set aside, with the reason.
CREATE TABLE market_quarantine (
  digest TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  instrument_id INTEGER NOT NULL,
  ts INTEGER,
  reason TEXT NOT NULL,
  record TEXT NOT NULL,
  found REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX market_quarantine_of_instrument ON market_quarantine (instrument_id, kind, ts);

-- Closed bars that a source changed afterwards: what they were, what they became.
CREATE TABLE market_revision (
  digest TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  instrument_id INTEGER NOT NULL,
  interval TEXT NOT NULL,
  ts INTEGER NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  found REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX market_revision_of_instrument ON market_revision (instrument_id, interval, ts);

-- What was used of an allowance for a day, and which day that was.
CREATE TABLE rate_quotas (
  name TEXT PRIMARY KEY,
  day TEXT NOT NULL,
  used REAL NOT NULL
) WITHOUT ROWID;

-- Breakers: failures in a row, how often it opened in a row, and until when nobody gets through.
CREATE TABLE rate_breakers (
  name TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  opened INTEGER NOT NULL,
  since REAL NOT NULL,
  until REAL NOT NULL
) WITHOUT ROWID;
