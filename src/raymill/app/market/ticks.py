"""Ticks as records: trades and quotes in one form; stored ones as a table, live ones in turn."""

import asyncio
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pyarrow as pa

from raymill import arrow
from raymill.app.market.rooms import MarketRooms, open_rooms
from raymill.app.market.streaming import asked_for, opened
from raymill.flow.pool import StepContext
from raymill.market.instrument import Instrument
from raymill.market.schemas import TIME, WORD
from raymill.market.sources.columns import records, together
from raymill.market.streams.intake import Event
from raymill.market.streams.ledger import ask_to_stop
from raymill.state.owner import owner

TICK = pa.schema(
    [
        ("symbol", WORD),
        ("ts", TIME),
        ("price", pa.float64()),  # of a quote the middle of bid and ask
        ("volume", pa.float64()),
        ("bid", pa.float64()),
        ("ask", pa.float64()),
        ("source", WORD),
    ]
)
_number = count(1)


def stored(source: str, symbols: Sequence[str], begin_us: int, end_us: int) -> pa.Table:
    """The ticks of symbols in [begin, end), by time. Raises UnknownName."""
    rooms = open_rooms()
    instruments = [rooms.registry.named(source, symbol) for symbol in symbols]
    batches = [batch for one in instruments for batch in _of(rooms, one, begin_us, end_us)]
    table = together(batches, TICK)
    return arrow.take_rows(table, arrow.sort_places(table, ("ts",)))


def _of(
    rooms: MarketRooms, one: Instrument, begin_us: int, end_us: int
) -> Iterator[pa.RecordBatch]:
    which = ([one.instrument_id], begin_us, end_us)
    about = {"symbol": one.symbol, "source": one.venue}
    trades = rooms.store.read("trade", *which, venue=one.venue)
    names = {"ts": "ts", "price": "price", "volume": "size"}
    yield records(TICK, trades.num_rows, _columns(trades, names), **about)
    quotes = rooms.store.read("quote", *which, venue=one.venue)
    given = _columns(quotes, {"ts": "ts", "bid": "bid", "ask": "ask"})
    given["price"] = (arrow.to_numpy(given["bid"]) + arrow.to_numpy(given["ask"])) / 2
    yield records(TICK, quotes.num_rows, given, **about)


def _columns(rows: pa.Table, names: Mapping[str, str]) -> dict[str, Any]:
    return {name: arrow.combine(rows[there]) for name, there in names.items()}


@contextmanager
def live(
    source: str, symbols: Sequence[str], wanted: Sequence[str] = ("trades",), **how: Any
) -> Iterator[Iterator[dict[str, Any]]]:
    """Stream in this process: gives ticks as they come, and stores them in the lake as well.

    It ends with the block. `how` is as in `Streams.start`. Raises ConfigError, UnknownName.

    >>> import itertools
    >>> with live("simulated", ["SIM1/USD"], start_us=1704067200000000, speed=60) as ticks:
    ...     [tick["ts"].second for tick in itertools.islice(ticks, 3)]
    [0, 5, 10]
    """
    rooms = open_rooms()
    asked = asked_for(rooms, source, symbols, wanted, **how)
    symbol_of = {number: rooms.instrument(number).symbol for number in asked.instruments}
    come: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
    ctx = StepContext(f"here/{owner()}/{next(_number)}")

    def work() -> None:
        try:
            with opened(asked, ctx, listen=come.put) as stream:
                asyncio.run(stream.run())
            come.put(None)
        except BaseException as error:
            come.put(error)

    thread = threading.Thread(target=work, name="raymill-ticks", daemon=True)
    thread.start()
    try:
        yield _ticks(come, symbol_of, source)
    finally:
        ask_to_stop(rooms.database, ctx.run, time.time())
        thread.join()


def _ticks(
    come: "queue.SimpleQueue[Event | BaseException | None]",
    symbol_of: Mapping[int, str],
    source: str,
) -> Iterator[dict[str, Any]]:
    while (event := come.get()) is not None:
        if isinstance(event, BaseException):
            raise event
        for row in event.rows if event.channel != "bars" else ():
            at = {"symbol": symbol_of[row[0]], "ts": datetime.fromtimestamp(row[1] / 1e6, UTC)}
            yield {**at, **_shown(event.channel, row), "source": source}


def _shown(channel: str, row: tuple[Any, ...]) -> dict[str, Any]:
    if channel == "trades":
        return {"price": row[3], "volume": row[4], "bid": None, "ask": None}
    return {"price": (row[2] + row[4]) / 2, "volume": None, "bid": row[2], "ask": row[4]}
