"""Trades into the lake: from Arrow tables, and from pages as Binance answers them."""

import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa

from raymill import arrow, json
from raymill.bench.case import Case, Setup, Work, speed
from raymill.flow.pool import StepContext
from raymill.market.asked import Asked
from raymill.market.crawl import Crawl
from raymill.market.instrument import Instrument
from raymill.market.interval import DAY_US
from raymill.market.schemas import TRADE
from raymill.market.sources.binance import MOST, Binance
from raymill.market.sources.contract import Fetch, Page, PageRequest
from raymill.market.sources.outlet import Outlet
from raymill.market.store import MarketStore
from raymill.market.stored import TABLES
from raymill.net import Answer, Head, Http, Request
from raymill.state.database import open_database
from raymill.state.lake_files import write_file

TRADES = 2_000_000  # of eight instruments, by time
PAGES = 200  # of a thousand trades
BEGIN_US = 1_704_067_200_000_000  # 2024-01-01


def cases() -> Iterator[Case]:
    """The rows of ingest."""
    text = "trades of eight instruments by time: checked, told from known ones, named, on the disk"
    against = "market.ingest.bare"
    yield Case("market.ingest.arrow", text, _arrow, stream="", against=against)
    text = "the same table as a Parquet file of the same encodings, on the disk"
    yield Case("market.ingest.bare", text, _bare, stream="")
    text = "a crawl over pages of 1,000 trades as Binance answers them, from memory"
    yield Case("market.ingest.pages", text, _pages, stream="")


def _arrow(setup: Setup) -> Work:
    store, day = _store(setup, "arrow"), itertools.count()
    rows = _trades(setup)

    def work() -> int:
        shifted = _on(rows, next(day))
        return store.put("trade", "binance", shifted).new

    return speed(work)


def _bare(setup: Setup) -> Work:
    rows, day = _trades(setup), itertools.count()
    folder = setup.folder / "bare"

    def work() -> int:
        return write_file(folder, TABLES["trade"], "", _on(rows, next(day))).record_count

    return speed(work)


def _store(setup: Setup, name: str) -> MarketStore:
    database = open_database(setup.folder / name)
    setup.lasting.callback(database.close)
    return MarketStore(setup.folder / name / "lake", database)


def _trades(setup: Setup) -> pa.Table:
    return setup.once(("trades", setup.records), lambda: _made(setup.count(TRADES)))


def _made(count: int) -> pa.Table:
    """Trades of a day: prices walk, numbers are those of each instrument."""
    random = np.random.default_rng(1)
    at_us = np.sort(random.integers(0, DAY_US, count)) + BEGIN_US
    who = random.integers(1, 9, count).astype(np.int32)
    order = np.argsort(who, kind="stable")
    first = np.searchsorted(who[order], who[order])
    numbers = np.empty(count, np.int64)
    numbers[order] = np.arange(count) - first + 200_000_000
    columns: dict[str, Any] = {
        "instrument_id": who,
        "ts": arrow.cast(arrow.array(at_us), pa.timestamp("us", "UTC")),
        "trade_id": numbers,
        "price": np.round(100 + np.cumsum(random.normal(0, 0.01, count)), 2),
        "size": np.round(random.exponential(1, count), 3),
        "side": random.choice(np.array([-1, 1], np.int8), count),
        "recv_ts": arrow.nulls(count, pa.timestamp("us", "UTC")),
        "source": arrow.dictionary_encode(arrow.repeat("binance", count, pa.string())),
    }
    return pa.table([columns[name] for name in TRADE.names], schema=TRADE)


def _on(rows: pa.Table, day: int) -> pa.Table:
    """The same trades on another day."""
    at = np.asarray(arrow.to_numpy(arrow.cast(rows["ts"], pa.int64()))) + day * DAY_US
    return arrow.with_column(rows, "ts", arrow.cast(arrow.array(at), pa.timestamp("us", "UTC")))


def _pages(setup: Setup) -> Work:
    count = max(1, setup.count(PAGES))
    pages = setup.once(("pages", count), lambda: [_page(n) for n in range(count)])
    rooms, number = _Rooms(setup, pages), itertools.count(1)

    def work() -> int:
        one = next(number)
        asked = Asked("binance", one, "trade", BEGIN_US, BEGIN_US + DAY_US)
        done = Crawl(rooms, asked, StepContext(run=f"run {one}")).run()
        return int(done["new"])

    return speed(work)


def _page(number: int) -> bytes:
    """A page of aggregated trades, 5 ms apart."""
    random = np.random.default_rng(number)
    first = number * MOST
    rows = [
        {
            "a": first + at,
            "p": f"{7000 + float(random.normal()):.8f}",
            "q": f"{float(random.exponential()):.8f}",
            "f": first + at,
            "l": first + at,
            "T": BEGIN_US // 1000 + (first + at) * 5,
            "m": at % 2 == 0,
            "M": True,
        }
        for at in range(MOST)
    ]
    return json.dumps(rows)


class _FromMemory(Binance):
    """Binance, answered from pages in memory."""

    def __init__(self, pages: list[bytes]) -> None:
        super().__init__()
        self._pages, self.limits = pages, ()

    def page(self, asked: PageRequest, fetch: Fetch) -> Page:
        """A page of trades."""
        return super().page(asked, _Answers(self._pages))


class _Answers:
    def __init__(self, pages: list[bytes]) -> None:
        self._pages = pages

    def __call__(self, request: Request, *, weight: float = 1.0) -> Answer:
        given = parse_qs(urlsplit(request.url).query)
        at = int(given["fromId"][0]) // MOST if "fromId" in given else 0
        body = self._pages[at] if at < len(self._pages) else b"[]"
        return Answer("ok", request.url, Head(200, {}), body, len(body))

    def through(self, name: str, work: Any, *, weight: float = 1.0) -> Any:
        return work()


class _Rooms:
    """A lake, and Binance from memory."""

    def __init__(self, setup: Setup, pages: list[bytes]) -> None:
        self.store = _store(setup, "pages")
        self._source, self._http = _FromMemory(pages), Http()
        setup.lasting.callback(self._http.close)

    def outlet(self, source: str) -> Outlet:
        """The way to the pages."""
        return Outlet(self._source, self._http)

    def instrument(self, number: int) -> Instrument:
        """One of many."""
        name = f"C{number}"
        return Instrument(name, "binance", name, "crypto", "USDT", instrument_id=number)
