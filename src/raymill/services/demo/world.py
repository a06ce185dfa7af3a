"""What the demo's vendors tell of: simulated instruments under the symbols of real ones."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.errors import unknown
from raymill.market.instrument import Instrument
from raymill.market.interval import interval
from raymill.market.schemas import Kind
from raymill.market.sources.contract import PageRequest
from raymill.market.sources.simulated import FIRST_US, PER_TRADE_US, Simulated
from raymill.net import Answer, Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ware:
    """Something that a vendor of the demo trades: its name, and its price on average."""

    symbol: str
    name: str
    level: float = 100.0
    digits: int = 2


CRYPTO = (
    Ware("BTCUSDT", "Bitcoin", 65_000.0),
    Ware("ETHUSDT", "Ether", 3_200.0),
    Ware("ADAUSDT", "Cardano", 0.6, 5),
    Ware("DOTUSDT", "Polkadot", 7.0, 4),
)
EQUITIES = (
    Ware("AAPL", "Apple Inc", 190.0),
    Ware("GOOGL", "Alphabet Inc", 150.0),
    Ware("MSFT", "Microsoft Corporation", 400.0),
    Ware("AMZN", "Amazon.com Inc", 175.0),
)
INDICES = (
    Ware("^GSPC", "S&P 500", 5_200.0),
    Ware("^IXIC", "NASDAQ Composite", 16_300.0),
    Ware("^DJI", "Dow Jones Industrial Average", 39_000.0),
)
PAIRS = (
    Ware("EURUSD", "Euro to US Dollar", 1.08, 5),
    Ware("GBPUSD", "Pound Sterling to US Dollar", 1.27, 5),
    Ware("USDJPY", "US Dollar to Japanese Yen", 150.0, 3),
    Ware("AUDUSD", "Australian Dollar to US Dollar", 0.66, 5),
)
WARES = (*CRYPTO, *EQUITIES, *INDICES, *PAIRS)
PRICES = ("open", "high", "low", "close", "price", "bid", "ask")


class World:
    """Records of the demo's wares; the same seed tells the same."""

    def __init__(self, seed: int = 0) -> None:
        self._source = Simulated(seed, len(WARES), gaps=0.0)
        self._places = {ware.symbol: place for place, ware in enumerate(WARES, start=1)}

    def ware(self, symbol: str) -> Ware:
        """A ware. Raises UnknownName."""
        if symbol not in self._places:
            raise unknown("symbol", symbol, self._places)
        return WARES[self._places[symbol] - 1]

    def bars(self, symbol: str, every: str, start_us: int, end_us: int, most: int) -> pa.Table:
        """At most so many bars that begin in [start, end), the oldest first; one may be open."""
        length_us = interval(every).length_us
        end_us = min(end_us, max(start_us, FIRST_US) + most * length_us)
        return self._records("bar", symbol, start_us, end_us, every)

    def trades(self, symbol: str, first: int, most: int) -> pa.Table:
        """At most so many trades from a number on, as far as they have happened."""
        start_us = FIRST_US + max(0, first) * PER_TRADE_US
        return self._records("trade", symbol, start_us, start_us + most * PER_TRADE_US)

    def quote(self, symbol: str) -> dict[str, float]:
        """The best prices of now: bid, bid_size, ask, ask_size, update_id."""
        start_us = FIRST_US + (last_number() - 1) * PER_TRADE_US
        rows = self._records("quote", symbol, start_us, now_us())
        names = ("bid", "bid_size", "ask", "ask_size", "update_id")
        return {name: rows[name][-1].as_py() for name in names}

    def _records(
        self, kind: Kind, symbol: str, start_us: int, end_us: int, every: str | None = None
    ) -> pa.Table:
        ware = self.ware(symbol)
        one = _instrument(self._places[symbol])
        asked = PageRequest(one, kind, start_us, end_us, now_us(), every)
        pages = []
        while True:
            page = self._source.page(asked, _nobody)
            pages.append(page.records)
            if page.next_cursor is None:
                break
            asked = PageRequest(one, kind, start_us, end_us, asked.now_us, every, page.next_cursor)
        return _at_level(pa.Table.from_batches(pages), ware)


def now_us() -> int:
    """The time of now."""
    return int(time.time() * 1e6)


def last_number() -> int:
    """The number of the newest trade."""
    return (now_us() - FIRST_US) // PER_TRADE_US


def at_us(rows: pa.Table) -> list[int]:
    """The times of records in microseconds."""
    found: list[int] = arrow.to_numpy(arrow.cast(arrow.combine(rows["ts"]), pa.int64())).tolist()
    return found


def _at_level(rows: pa.Table, ware: Ware) -> pa.Table:
    """Simulated prices lie about 100; these lie about the level of the ware."""
    for place, name in enumerate(rows.column_names):
        if name in PRICES:
            values = np.asarray(arrow.to_numpy(arrow.combine(rows[name])), np.float64)
            scaled = np.round(values * (ware.level / 100), ware.digits)
            rows = rows.set_column(place, rows.schema.field(name), pa.array(scaled))
    return rows


def _instrument(place: int) -> Instrument:
    return Instrument(
        symbol=f"SIM{place}/USD",
        venue="simulated",
        venue_symbol=f"SIM{place}USD",
        asset_class="crypto",
        currency="USD",
        instrument_id=place,
    )


class _Nobody:
    """Stands where a source asks its vendor; a simulated one asks nobody."""

    def __call__(self, request: Request, *, weight: float = 1.0) -> Answer:
        raise AssertionError(f"a simulated source asked for {request.url}")

    def through(self, name: str, work: Callable[[], T], *, weight: float = 1.0) -> T:
        raise AssertionError(f"a simulated source asked for {name}")


_nobody = _Nobody()
