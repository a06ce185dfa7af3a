"""Screens and overviews of 10,000 symbols with 20 fields, and snapshots out of their bars."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.bench.case import Case, Sample, Setup, Work, seconds
from raymill.market.instrument import Instrument
from raymill.market.schemas import BAR
from raymill.market.screen.build import Inputs, build
from raymill.market.screen.overview import overview
from raymill.market.screen.request import parse_request
from raymill.market.screen.screener import Screener
from raymill.market.screen.snapshot import Snapshot

SYMBOLS = 10_000
BARS = 260
AS_OF = datetime(2026, 1, 2, 21, tzinfo=UTC)
SECTORS = (
    *("Communication Services", "Consumer Discretionary", "Consumer Staples", "Energy"),
    *("Financials", "Health Care", "Industrials", "Information Technology", "Materials"),
    *("Real Estate", "Utilities"),
)
NUMBERS = (
    *("price", "volume", "market_cap", "pe_ratio", "dividend_yield", "change_pct", "high_52w"),
    *("low_52w", "dollar_volume", "avg_dollar_volume_20d", "earnings_ttm", "beta_1y", "rsi_14"),
    *("sma_20", "sma_50", "sma_200", "roe"),
)
REQUEST = {
    "filters": [
        {"type": "price_filter", "parameters": {"min_price": 10, "max_price": 500}},
        {"type": "volume_filter", "parameters": {"min_volume": 100_000}},
        {"type": "pe_ratio_filter", "parameters": {"min_pe": 5, "max_pe": 30}},
        {"type": "dividend_yield_filter", "parameters": {"min_yield": 1}},
        {"field": "rsi_14", "operator": "between", "value": [20, 80]},
        {"field": "sector", "operator": "in", "value": list(SECTORS[3:8])},
    ],
    "limit": 50,
}
AGAIN = 20  # screens of one run


def cases() -> Iterator[Case]:
    """The rows of screens."""
    text = "six conditions, the 50 largest companies, from the request as a dict to the answer"
    rows = "`market.screen` over a list of dicts, a row at a time"
    yield Case("market.screen", text, _screen, "ms", "", against="market.screen.python")
    yield Case("market.screen.python", rows, _plain, "ms", "")
    text = "breadth, sums, medians, movers and 12 sectors"
    yield Case("market.overview", text, _overview, "ms", "")
    text = f"all fields of 1,000 symbols out of {BARS} daily bars of each"
    yield Case("market.snapshot", text, _snapshot, "s", "")


def _screen(setup: Setup) -> Work:
    screener = Screener(_universe(setup))

    def once() -> int:
        return screener.screen(parse_request(REQUEST), AS_OF).filtered_count

    return _often(once, len(screener.current))


def _plain(setup: Setup) -> Work:
    rows = _universe(setup).table.to_pylist()
    sectors = set(SECTORS[3:8])

    def fits(row: dict[str, Any]) -> bool:
        return bool(
            10 <= row["price"] <= 500
            and row["volume"] >= 100_000
            and row["pe_ratio"] is not None
            and 5 <= row["pe_ratio"] <= 30
            and row["dividend_yield"] is not None
            and row["dividend_yield_pct"] >= 1
            and 20 <= row["rsi_14"] <= 80
            and row["sector"] in sectors
        )

    def once() -> int:
        found = [row for row in rows if fits(row)]
        found.sort(key=lambda row: (-row["market_cap"], row["symbol"]))
        return len(found[:50])

    return _often(once, len(rows))


def _overview(setup: Setup) -> Work:
    universe = _universe(setup)
    return _often(lambda: len(overview(universe, AS_OF)), len(universe))


def _often(work: Callable[[], int], records: int) -> Work:
    """Time many calls, as milliseconds of one."""

    def run() -> Sample:
        begun, busy = time.perf_counter(), time.process_time()
        for _ in range(AGAIN):
            work()
        elapsed = time.perf_counter() - begun
        cores = (time.process_time() - busy) / elapsed
        return Sample(elapsed / AGAIN * 1e3, records, cores)

    return run


def _universe(setup: Setup) -> Snapshot:
    return setup.once(("universe", setup.records), lambda: _made(setup.count(SYMBOLS)))


def _made(count: int) -> Snapshot:
    """A universe of random figures: one value in ten of P/E and yield is unknown."""
    random = np.random.default_rng(1)
    columns: dict[str, Any] = {"symbol": [f"S{at:05}" for at in range(count)]}
    columns |= {"name": [f"Company {at}" for at in range(count)]}
    columns |= {"sector": [[*SECTORS, None][at] for at in random.integers(0, 12, count)]}
    columns |= {name: random.lognormal(3, 1, count) for name in NUMBERS}
    columns["volume"] *= 1e4
    columns["market_cap"] *= 1e8
    columns["rsi_14"] = random.uniform(0, 100, count)
    columns["change_pct"] = random.normal(0, 2, count)
    columns["avg_dollar_volume_20d"] *= 1e5
    columns["dividend_yield"] = random.uniform(0, 0.06, count)
    columns["dividend_yield_pct"] = np.round(100 * columns["dividend_yield"], 10)
    for name in ("pe_ratio", "dividend_yield", "dividend_yield_pct"):
        values = pa.array(columns[name], mask=np.arange(count) % 10 == 0)
        columns[name] = values
    return Snapshot.of(pa.table(columns), AS_OF)


def _snapshot(setup: Setup) -> Work:
    count = setup.count(1000)
    instruments = [
        Instrument(f"S{at}", "XNYS", f"S{at}", "equity", "USD", calendar="XNYS", instrument_id=at)
        for at in range(1, count + 1)
    ]
    inputs = Inputs(instruments, _bars(count), benchmark=1)

    def work() -> int:
        build(inputs, AS_OF)
        return count * BARS

    return seconds(work)


def _bars(count: int) -> pa.Table:
    days = np.busday_offset("2025-01-02", np.arange(BARS), roll="forward")
    random = np.random.default_rng(2)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.02, (count, BARS)), axis=1)).ravel()
    rows = len(close)

    def word(text: str) -> Any:
        return arrow.dictionary_encode(arrow.repeat(text, rows, pa.string()))

    columns = {
        "instrument_id": np.repeat(np.arange(1, count + 1, dtype=np.int32), BARS),
        "interval": word("1d"),
        "ts": np.tile(days.astype("datetime64[us]"), count),
        "open": close,
        "high": close * 1.01,
        "low": close * 0.99,
        "close": close,
        "volume": random.lognormal(10, 1, rows),
        "closed": np.ones(rows, bool),
        "adj": word("raw"),
    }
    names = [name for name in BAR.names if name in columns]
    made = pa.table({name: columns[name] for name in names})
    return made.cast(pa.schema([BAR.field(name) for name in names]))
