"""The channels of a stream, by what is wanted of its instruments."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from raymill.market.interval import MONDAY_US, WEEK_US, interval
from raymill.market.streams.buffer import MOST, Every, Newest, Row, Spill
from raymill.market.streams.channel import Channel
from raymill.market.streams.heard import Wanted
from raymill.market.streams.tracks import Numbered, Rising, Timed

TRADE_ID, TRADE_TS = 2, 1
UPDATE_ID, QUOTE_TS = 6, 1
BAR_TS = 2
VALUES = slice(3, 5)  # of a trade: its price and size


def channels(
    wanted: Sequence[Wanted],
    folder: Path,
    *,
    interval: str = "1m",
    most: int = MOST,
    has_ids: bool = True,
) -> dict[str, Channel]:
    """The channels. Rows of which none may be lost wait in `folder` where there are too many.

    has_ids: whether trades are numbered without gaps.
    """
    return {name: _channel(name, folder, interval, most, has_ids) for name in wanted}


def _channel(name: Wanted, folder: Path, interval: str, most: int, has_ids: bool) -> Channel:
    if name in ("quotes", "book"):
        return Channel(name, "quote", Rising(UPDATE_ID, QUOTE_TS), Newest(most))
    buffer = Every(Spill(folder / f"{name}.jsonl"), most)
    if name == "bars":
        return Channel(name, "bar", Numbered(bar_number(interval), BAR_TS), buffer)
    if has_ids:
        return Channel(name, "trade", Numbered(lambda row: row[TRADE_ID], TRADE_TS), buffer)
    return Channel(name, "trade", Timed(TRADE_TS, VALUES), buffer)


def bar_number(name: str) -> Callable[[Row], int]:
    """Numbers bars of an interval by their starts, so that a bar that is missing is seen.

    >>> number = bar_number("1m")
    >>> number((7, "1m", 120_000_000)), number((7, "1m", 180_000_000))
    (2, 3)
    """
    every = interval(name)
    if every.is_month:
        return lambda row: _months(row[BAR_TS])
    first = MONDAY_US if every.length_us == WEEK_US else 0
    length = every.length_us
    return lambda row: (row[BAR_TS] - first) // length


def bar_start(name: str, number: int) -> int:
    """Where the bar of a number begins.

    >>> bar_start("1m", 3), bar_start("1M", 12)
    (180000000, 31536000000000)
    """
    every = interval(name)
    if every.is_month:
        year, month = divmod(number, 12)
        return int(datetime(1970 + year, month + 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    first = MONDAY_US if every.length_us == WEEK_US else 0
    return number * every.length_us + first


def _months(ts: int) -> int:
    day = datetime.fromtimestamp(ts // 1_000_000, UTC)
    return (day.year - 1970) * 12 + day.month - 1
