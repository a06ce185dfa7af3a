"""What a live connection brings, as rows of plain values: quick to make, one tuple a record.

The order of the values is that of the columns of `market.schemas`; times are microseconds since
1970, UTC. What is the same in all rows (source, adjustment) is added when they are stored.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from raymill.market.streams.book import Diff

Wanted: TypeAlias = Literal["trades", "quotes", "book", "bars"]
Trade: TypeAlias = tuple[int, int, int | None, float, float, int, int | None]
"""Instrument, time, id, price, size, side, received (None where it was asked for later)."""
Quote: TypeAlias = tuple[int, int, float, float, float, float, int | None, int]
"""Instrument, time, bid, its size, ask, its size, update id, received."""
Bar: TypeAlias = tuple[
    int, str, int, float, float, float, float, float, float | None, int | None, float | None, bool
]
"""Instrument, interval, start, open, high, low, close, volume, quote volume, trades, vwap,
closed."""


class Reply(NamedTuple):
    """What the vendor says to a message of ours; an empty error is a yes."""

    number: int
    error: str = ""


class Bad(NamedTuple):
    """A frame that cannot be read, and why."""

    body: bytes
    reason: str
    received: int


@dataclass(slots=True)
class Heard:
    """What some frames brought.

    lags: for each message how long it was under way, in microseconds; below 0 where clocks differ.
    is_alive: the vendor is there, though it may have brought nothing.
    """

    messages: int = 0
    is_alive: bool = False
    size_bytes: int = 0
    trades: list[Trade] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    diffs: list[Diff] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    lags: list[int] = field(default_factory=list)
    last_event: int = 0
    first_received: int = 0
    last_received: int = 0
