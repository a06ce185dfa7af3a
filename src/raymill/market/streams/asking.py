"""Asks a source for records that a stream missed: pages by number, as the rows of a stream."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from raymill import arrow
from raymill.market.instrument import Instrument
from raymill.market.schemas import TIME
from raymill.market.sources.contract import Page, PageRequest
from raymill.market.streams.fills import Filled
from raymill.market.streams.made import bar_number, bar_start

AHEAD_US = 86_400_000_000  # beyond now: pages by number are not cut off by time
PAGE = 1000

TRADE = ("instrument_id", "ts", "trade_id", "price", "size", "side", "recv_ts")
QUOTE = ("instrument_id", "ts", "bid", "bid_size", "ask", "ask_size", "update_id", "recv_ts")
BAR = (
    *("instrument_id", "interval", "ts", "open", "high", "low", "close", "volume"),
    *("quote_volume", "trades", "vwap", "closed"),
)


class Asking:
    """Answers what is missing of some instruments.

    page: asks the source, and waits for as long as its limits say.
    cursor: the cursor of a page that begins with the trade of a number.
    """

    def __init__(
        self,
        page: Callable[[PageRequest], Page],
        instruments: Mapping[int, Instrument],
        *,
        cursor: Callable[[int], str],
        now_us: Callable[[], int],
        interval: str = "1m",
    ) -> None:
        self._page, self._instruments = page, instruments
        self._cursor, self._now_us, self._interval = cursor, now_us, interval

    def __call__(self, channel: str, instrument: int, first: int, last: int) -> Filled:
        """Records from a number on, as far as one page goes. Raises SourceError, InputError."""
        if channel == "bars":
            return self._bars(self._instruments[instrument], first, last)
        return self._trades(self._instruments[instrument], first, last)

    def _trades(self, instrument: Instrument, first: int, last: int) -> Filled:
        now = self._now_us()
        limit = min(PAGE, last - first + 1)
        page = self._page(
            PageRequest(
                *(instrument, "trade", 0, now + AHEAD_US, now),
                cursor=self._cursor(first),
                limit=limit,
            )
        )
        rows = [row for row in rows_of(page.records, TRADE) if first <= row[2] <= last]
        is_full = page.records.num_rows >= limit
        return Filled(rows, rows[-1][2] if rows and is_full else last)

    def _bars(self, instrument: Instrument, first: int, last: int) -> Filled:
        start, end = (bar_start(self._interval, number) for number in (first, last + 1))
        now = self._now_us()
        page = self._page(
            PageRequest(instrument, "bar", start, min(end, now), now, self._interval, limit=PAGE)
        )
        rows = [row for row in rows_of(page.records, BAR) if row[-1]]
        number = bar_number(self._interval)
        return Filled(rows, number(rows[-1]) if rows and page.next_cursor else last)


def rows_of(records: pa.RecordBatch, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Records as rows of plain values, times as microseconds."""
    columns = []
    for name in names:
        column = records.column(name)
        if column.type == TIME:
            column = arrow.cast(column, pa.int64())
        columns.append(column.to_pylist())
    return list(zip(*columns, strict=True))
