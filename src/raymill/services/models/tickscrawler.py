"""What is asked of the crawler of market data, and what it answers."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from raymill.services.service import Model

DataType = Literal["ticks", "ohlc", "trades", "quotes"]
Symbol = Annotated[str, Field(min_length=1, max_length=64)]
Symbols = Annotated[list[Symbol], Field(min_length=1, max_length=100)]


class CrawlRequest(Model):
    """What to crawl: the newest records, or those from `start_date` to before `end_date`."""

    source_id: str = Field(min_length=1, max_length=64)
    symbols: Symbols
    data_type: DataType = "ticks"
    limit: int = Field(100, ge=1, le=10_000, description="Most records of each symbol")
    start_date: str | None = Field(None, max_length=64)
    end_date: str | None = Field(None, max_length=64)
    interval: str | None = Field(None, max_length=8, description="Of bars: 1m, 1h, 1d, ...")


class CrawlAbout(Model):
    """Where a crawl stands: running, waiting, completed, failed or stopped."""

    crawl_id: str
    source: str
    source_id: str
    symbols: list[str]
    data_type: DataType
    limit: int
    interval: str | None
    start_date: str | None
    end_date: str | None
    status: str
    created: str
    ended: str | None
    records: int
    reason: str | None


class Crawled(CrawlAbout):
    """A crawl with the records that it gave, by symbol and time; none while it goes on."""

    data: list[dict[str, Any]]
    total_records: int
    simulated: bool = False


class CrawlList(Model):
    """A page of crawls, the newest first, and how many there are in each state."""

    crawls: list[CrawlAbout]
    counts: dict[str, int]
    next_before: str | None = None


class Endpoints(Model):
    """Where a source is asked."""

    rest: str | None = None
    websocket: str | None = None


class SourceAbout(Model):
    """A source that is enabled, and what it has."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    name: str
    type: str
    description: str
    endpoints: Endpoints
    supported_symbols: list[str]
    data_types: list[str]
    intervals: list[str]
    streaming: str
    simulated: bool
    note: str = ""
