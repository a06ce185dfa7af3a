"""Simulated instruments: made by a formula, for trying things out. Nothing in them is a price.

Every bar depends on the seed, the instrument and its minute alone, so that whatever range is asked
for, and in whatever order, the same records come. Returns of all instruments share a market factor
and lie on slow trends with jumps; some hours are missing, as with a venue that is down.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.market.instrument import Instrument
from raymill.market.interval import DAY_US, HOUR_US, MINUTE_US, SECOND_US, interval
from raymill.market.schemas import BAR, QUOTE, TRADE
from raymill.market.sources.columns import records, times
from raymill.market.sources.contract import (
    Capabilities,
    Fetch,
    LimitRule,
    Listing,
    Page,
    PageRequest,
    refusal,
)
from raymill.net import Head, Verdict

FIRST_US = 1_577_836_800_000_000  # 2020-01-01: before it there is nothing
MOST = 1000
TICK = 0.01
NOISE, SHARED, JUMP = 6e-4, 5e-4, 0.012  # of one alone, of all together, of a jump
WAVES = 8
TREND = 0.12
PER_TRADE_US = 5 * SECOND_US
_INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")
_MARKET = 0
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Simulated:
    """A venue that does not exist, with as many instruments as wanted.

    seed: the same seed gives the same world. gaps: the part of hours without any record.
    """

    id = "simulated"
    capabilities = Capabilities(
        kinds=("bar", "trade", "quote"),
        intervals=_INTERVALS,
        page_rows={"bar": MOST, "trade": MOST, "quote": MOST},
        has_ids=True,
        lists=True,
        streaming="yes",
        simulated=True,
    )
    limits: Sequence[LimitRule] = ()

    def __init__(self, seed: int = 0, count: int = 8, gaps: float = 0.004) -> None:
        self._seed, self._count, self._gaps = seed, count, gaps

    def judge(self, head: Head, now: float) -> Verdict:
        """It asks nobody."""
        return Verdict("ok")

    def used(self, head: Head) -> Mapping[str, float]:
        """It has no limits."""
        return {}

    def instruments(self, fetch: Fetch, symbols: Sequence[str] = ()) -> Listing:
        """`SIM1/USD`, `SIM2/USD`, ..."""
        found = [_instrument(number) for number in range(1, self._count + 1)]
        wanted = {symbol.upper() for symbol in symbols}
        return Listing([one for one in found if not wanted or one.symbol in wanted])

    def page(self, asked: PageRequest, fetch: Fetch) -> Page:
        """A page of bars, trades or quotes."""
        number = _number(asked.instrument)
        if not 1 <= number <= self._count:
            raise refusal("unknown_symbol", f"`{asked.instrument.symbol}` is not simulated")
        start_us = max(int(asked.cursor or asked.start_us), FIRST_US)
        end_us = min(asked.end_us, asked.now_us)
        if asked.kind == "bar":
            return self._bars(asked, number, start_us, end_us)
        return self._ticks(asked, number, start_us, end_us)

    def _bars(self, asked: PageRequest, number: int, start_us: int, end_us: int) -> Page:
        every = interval(asked.interval or "1m")
        first_us = -(-start_us // every.length_us) * every.length_us
        last_us = min(end_us, first_us + MOST * every.length_us)
        starts = np.arange(first_us, last_us, every.length_us, dtype=np.int64)
        batch = self._as_bars(asked, number, starts, every.length_us)
        cursor = str(last_us) if last_us < end_us else None
        return _page(batch, cursor, last_us if cursor else asked.end_us, asked)

    def _as_bars(
        self, asked: PageRequest, number: int, starts: Ints, length_us: int
    ) -> pa.RecordBatch:
        minutes = length_us // MINUTE_US
        grid = (starts[:, None] // MINUTE_US + np.arange(minutes + 1)).astype(np.int64)
        path = self._prices(number, grid)
        there: NDArray[np.bool_] = np.any(self._is_there(grid[:, :-1]), axis=1)
        volume = (1.0 + 9.0 * _uniform(self._seed, number, grid[:, :-1], 4)).sum(axis=1)
        given: dict[str, Any] = {
            "ts": times(starts, 1),
            "open": path[:, 0],
            "high": path.max(axis=1),
            "low": path.min(axis=1),
            "close": path[:, -1],
            "volume": np.round(volume, 3),
            "trades": np.full(len(starts), length_us // PER_TRADE_US, np.int32),
            "closed": starts + length_us <= asked.now_us,
        }
        number_of = asked.instrument.instrument_id
        about = {"instrument_id": number_of, "interval": asked.interval, "adj": "raw"}
        batch = records(BAR, len(starts), given, source=self.id, **about)
        return arrow.keep_rows(batch, there)

    def _ticks(self, asked: PageRequest, number: int, start_us: int, end_us: int) -> Page:
        """One each five seconds, numbered from the first of all."""
        first = -(-(start_us - FIRST_US) // PER_TRADE_US)
        last = min(-(-(end_us - FIRST_US) // PER_TRADE_US), first + MOST)
        numbers = np.arange(first, max(first, last), dtype=np.int64)
        at_us = FIRST_US + numbers * PER_TRADE_US
        price = self._between(number, at_us)
        if asked.kind == "trade":
            batch = self._as_trades(asked, number, numbers, at_us, price)
        else:
            batch = self._as_quotes(asked, number, numbers, at_us, price)
        next_us = FIRST_US + int(max(first, last)) * PER_TRADE_US
        cursor = str(next_us) if next_us < end_us else None
        return _page(batch, cursor, next_us if cursor else end_us, asked)

    def _as_trades(
        self, asked: PageRequest, number: int, numbers: Ints, at_us: Ints, price: Floats
    ) -> pa.RecordBatch:
        size = np.round(0.05 + _uniform(self._seed, number, numbers, 5), 3)
        side = np.where(_uniform(self._seed, number, numbers, 6) < 0.5, -1, 1).astype(np.int8)
        given = {"ts": times(at_us, 1), "trade_id": numbers, "price": price, "size": size}
        number_of = asked.instrument.instrument_id
        return records(
            TRADE,
            len(numbers),
            {**given, "side": side},
            instrument_id=number_of,
            source=self.id,
        )

    def _as_quotes(
        self, asked: PageRequest, number: int, numbers: Ints, at_us: Ints, price: Floats
    ) -> pa.RecordBatch:
        given = {
            "ts": times(at_us, 1),
            "bid": price - TICK,
            "ask": price + TICK,
            "bid_size": np.round(1 + 5 * _uniform(self._seed, number, numbers, 7), 2),
            "ask_size": np.round(1 + 5 * _uniform(self._seed, number, numbers, 8), 2),
            "update_id": numbers,
        }
        number_of = asked.instrument.instrument_id
        return records(QUOTE, len(numbers), given, instrument_id=number_of, source=self.id)

    def _between(self, number: int, at_us: Ints) -> Floats:
        """Prices within minutes, on the line from one minute to the next."""
        minute = at_us // MINUTE_US
        grid = np.stack([minute, minute + 1], axis=1)
        ends = self._prices(number, grid)
        part = (at_us % MINUTE_US) / MINUTE_US
        return np.round(ends[:, 0] + part * (ends[:, 1] - ends[:, 0]), 2)

    def _prices(self, number: int, minutes: Ints) -> Floats:
        """The price at the beginning of minutes; on the way between two days it is bound to
        values that depend on these days alone."""
        return np.round(100.0 * np.exp(self._log(number, minutes)), 2).clip(TICK)

    def _log(self, number: int, minutes: Ints) -> Floats:
        days, which = np.unique(minutes * MINUTE_US // DAY_US, return_inverse=True)
        which = which.reshape(minutes.shape)
        part = (minutes * MINUTE_US % DAY_US) / DAY_US
        begin, end = self._daily(number, days)[which], self._daily(number, days + 1)[which]
        # A bridge of waves: zero at both ends, rough in between, without a walk from the start.
        rough = np.zeros(minutes.shape)
        for wave in range(1, WAVES + 1):
            own = _normal(self._seed, number, days * 64 + wave, 1)
            shared = _normal(self._seed, _MARKET, days * 64 + wave, 1)
            height = (NOISE * own + SHARED * shared) * 20 / wave
            rough += height[which] * np.sin(np.pi * wave * part)
        drawn = _uniform(self._seed, number, minutes, 2) - 0.5
        wobble = NOISE * np.sqrt(12.0) * drawn * 2 * np.sqrt(part * (1 - part))
        return np.asarray(begin + part * (end - begin) + rough + wobble)

    def _daily(self, number: int, day: Ints) -> Floats:
        """The level at the beginning of days: waves of weeks to years, and jumps."""
        level = np.zeros(day.shape)
        for own, scale in ((number, 1.0), (_MARKET, 0.7)):
            for wave, length in enumerate((11.0, 37.0, 131.0, 499.0)):
                phase = 2 * np.pi * _uniform(self._seed, own, np.array([wave]), 3)[0]
                level += scale * TREND * (wave + 1) / 4 * np.sin(2 * np.pi * day / length + phase)
        jumps = _uniform(self._seed, number, day, 9) < 0.02
        return level + np.where(jumps, JUMP * _normal(self._seed, number, day, 10), 0.0)

    def _is_there(self, minutes: Ints) -> NDArray[np.bool_]:
        hours = minutes * MINUTE_US // HOUR_US
        return np.asarray(_uniform(self._seed, _MARKET, hours, 11) >= self._gaps)


def _page(batch: pa.RecordBatch, cursor: str | None, complete_us: int, asked: PageRequest) -> Page:
    listed = FIRST_US if asked.start_us < FIRST_US else None
    return Page(batch, cursor, min(complete_us, asked.now_us), listed_us=listed)


def _instrument(number: int) -> Instrument:
    return Instrument(
        symbol=f"SIM{number}/USD",
        venue="simulated",
        venue_symbol=f"SIM{number}USD",
        asset_class="crypto",
        base=f"SIM{number}",
        currency="USD",
        tick_size="0.01",
        step_size="0.001",
        name=f"Simulated instrument {number}",
    )


def _number(instrument: Instrument) -> int:
    digits = instrument.venue_symbol.removeprefix("SIM").removesuffix("USD")
    return int(digits) if digits.isdigit() else 0


def _uniform(seed: int, number: int, at: Ints, use: int) -> Floats:
    """Numbers in [0, 1) that depend on seed, instrument, place and use alone (splitmix64)."""
    start = np.uint64((seed * 0x9E3779B1 + number * 0x85EBCA77 + use * 0xC2B2AE3D) % 2**64)
    with np.errstate(over="ignore"):
        bits = at.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + start
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits = bits ^ (bits >> np.uint64(31))
    return (bits >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def _normal(seed: int, number: int, at: Ints, use: int) -> Floats:
    """Normal numbers in the same way: the sum of twelve uniform ones, less six."""
    total = np.zeros(at.shape)
    for part in range(12):
        total += _uniform(seed, number, at * 16 + part, use + 100)
    return total - 6.0
