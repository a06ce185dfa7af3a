-- The companies that were asked for, their newest run, and where they stand.
CREATE TABLE filings_company (
  called TEXT PRIMARY KEY,
  generation BIGINT NOT NULL,
  run TEXT NOT NULL,
  asked TEXT NOT NULL,
  status TEXT NOT NULL,
  cik BIGINT,
  filings BIGINT NOT NULL,
  facts BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  message TEXT NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  updated DOUBLE PRECISION NOT NULL
);
CREATE INDEX filings_company_of_status ON filings_company (status, called);

CREATE TABLE filings_cursor (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
