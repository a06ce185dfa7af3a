-- The companies that were asked for, their newest run, and where they stand.
CREATE TABLE filings_company (
  called TEXT PRIMARY KEY,
  generation INTEGER NOT NULL,
  run TEXT NOT NULL,
  asked TEXT NOT NULL,
  status TEXT NOT NULL,
  cik INTEGER,
  filings INTEGER NOT NULL,
  facts INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  message TEXT NOT NULL,
  created REAL NOT NULL,
  updated REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX filings_company_of_status ON filings_company (status, called);

CREATE TABLE filings_cursor (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
