"""What is asked of the crawler of market data, and what it answers."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, ConfigDict, Field

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


class Hole(Model):
    """A range that is not known to be complete."""

    start: str
    end: str


class Historical(Model):
    """Stored bars by time, and what lacks in the range; nobody was asked for them.

    built_from: what they were made of, where none of the interval are stored.
    """

    symbol: str
    source: str
    source_id: str
    interval: str
    start_date: str
    end_date: str
    data_points: int
    data: list[dict[str, Any]]
    holes: list[Hole]
    holes_total: int
    lacking: list[str]
    built_from: str | None
    next_cursor: str | None
    simulated: bool


class StreamRequest(Model):
    """What to stream: trades, quotes, book or bars of some symbols.

    start_date, speed: for sources of this machine, which may begin in the past and run faster.
    """

    source_id: str = Field(
        validation_alias=AliasChoices("source", "source_id"), min_length=1, max_length=64
    )
    symbols: Symbols
    stream_type: Literal["trades", "ticks", "quotes", "book", "bars", "ohlc"] = "trades"
    interval: str = Field("1m", max_length=8, description="Of bars")
    start_date: str | None = Field(None, max_length=64)
    speed: float = Field(1.0, gt=0, le=100_000, allow_inf_nan=False)


class StreamStarted(Model):
    """A stream that goes on, and where its records come."""

    stream_id: str
    source: str
    source_id: str
    symbols: list[str]
    stream_type: str
    status: str
    state: str
    is_new: bool
    websocket_url: str
    simulated: bool


class StreamAbout(Model):
    """Where a stream stands: requested, connecting, live, degraded, stopping, stopped, failed."""

    model_config = ConfigDict(extra="allow", frozen=True)

    stream_id: str
    source: str
    source_id: str
    symbols: list[str]
    kinds: list[str]
    interval: str | None
    status: str
    reason: str
    simulated: bool
    started: str
    duration_s: float
    messages_received: int
    rows_written: int
    gaps_found: int
    gaps_filled: int
    gaps_open: int


class StreamList(Model):
    """A page of streams, the newest first, and how many have not ended."""

    streams: list[StreamAbout]
    active: int
    next_before: str | None = None


class StreamStopped(Model):
    """What came of a stream; `duration` in words."""

    stream_id: str
    status: str
    duration: str
    duration_s: float
    messages_received: int
    rows_written: int
    gaps_found: int
    gaps_filled: int
