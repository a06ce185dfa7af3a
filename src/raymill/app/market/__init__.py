"""Market data: the workflow of crawls over sources and a lake that the settings describe."""

from raymill.app.market.flows import CRAWL

__all__ = ["CRAWL"]
