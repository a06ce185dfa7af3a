-- What services were asked to crawl, and where each stands. Times are seconds since 1970.
CREATE TABLE tickscrawler_crawls (
  crawl_id TEXT PRIMARY KEY,
  asked TEXT NOT NULL,
  run TEXT NOT NULL,
  state TEXT NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  expires DOUBLE PRECISION NOT NULL,
  ended DOUBLE PRECISION,
  found TEXT,
  error TEXT
);
CREATE INDEX tickscrawler_crawls_by_time ON tickscrawler_crawls (created, crawl_id);
