"""Market data: the workflows of crawls and streams over sources and a lake that the settings
describe."""

from raymill.app.market.flows import CRAWL, STREAM

__all__ = ["CRAWL", "STREAM"]
