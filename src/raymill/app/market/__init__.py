"""Market data: the workflows of crawls, streams and backtests over sources and a lake that the
settings describe."""

from raymill.app.market.flows import BACKTEST, CRAWL, GATHER, STREAM

__all__ = ["BACKTEST", "CRAWL", "GATHER", "STREAM"]
