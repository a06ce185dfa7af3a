"""Bars of one instrument as columns in memory: what strategies are run on."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from raymill.errors import DataError
from raymill.market.interval import DAY_US, HOUR_US, WEEK_US, Interval, Times, spacing

Numbers: TypeAlias = NDArray[np.float64]
Adjust: TypeAlias = Literal["raw", "split", "total"]
ADJUSTS: tuple[Adjust, ...] = ("raw", "split", "total")
FIELDS = ("open", "high", "low", "close", "volume")
COLUMNS = ("ts", *FIELDS)
EQUITY_DAYS, CRYPTO_DAYS = 252.0, 365.0


@dataclass(frozen=True)
class Prices:
    """Closed bars in rising order; `ts` is where a bar begins, in epoch microseconds.

    The arrays are read-only, since runs share them. Raises DataError where they do not fit.
    """

    symbol: str
    ts: Times
    open: Numbers
    high: Numbers
    low: Numbers
    close: Numbers
    volume: Numbers
    adjust: Adjust = "raw"

    def __post_init__(self) -> None:
        for name in COLUMNS:
            kind = np.int64 if name == "ts" else np.float64
            column = np.ascontiguousarray(getattr(self, name), kind).view()
            column.flags.writeable = False
            object.__setattr__(self, name, column)
            if len(column) != len(self.ts):
                raise DataError(f"The columns of `{self.symbol}` differ in length")
        if len(self.ts) > 1 and not np.all(self.ts[1:] > self.ts[:-1]):
            raise DataError(f"The bars of `{self.symbol}` do not rise in time")

    def __len__(self) -> int:
        return len(self.ts)

    def part(self, begin: int, end: int) -> "Prices":
        """The bars from one place up to another."""
        return replace(self, **{name: getattr(self, name)[begin:end] for name in COLUMNS})

    @cached_property
    def interval(self) -> Interval:
        """How far the bars are apart. Raises UnknownName where they fit no interval."""
        return spacing(self.ts)

    @cached_property
    def sha256(self) -> str:
        """A hash of everything that a run sees of the bars."""
        found = hashlib.sha256(f"{self.symbol} {self.adjust}".encode())
        for name in COLUMNS:
            found.update(getattr(self, name).data)
        return found.hexdigest()

    @cached_property
    def periods(self) -> "Periods":
        """How many bars make a year."""
        return periods_per_year(self.interval, self.ts)


@dataclass(frozen=True, slots=True)
class Periods:
    """Bars per year, and why so many: ratios over a year depend on it."""

    per_year: float
    why: str


def periods_per_year(interval: Interval, times: Times) -> Periods:
    """Count the bars of a year: 252 days of an exchange, 365 where weekends are traded."""
    if interval.is_month:
        return Periods(12.0, "monthly bars")
    if interval.length_us > DAY_US:
        days = interval.length_us / DAY_US
        weekly = days == 7
        return Periods(52.0 if weekly else CRYPTO_DAYS / days, f"bars of {days:.0f} days")
    days_a_year, why = _days(times, interval)
    if interval.length_us == DAY_US:
        return Periods(days_a_year, f"daily bars, {why}")
    per_day = DAY_US / interval.length_us if days_a_year == CRYPTO_DAYS else _per_session(times)
    return Periods(days_a_year * per_day, f"{per_day:g} bars of {interval.name} a day, {why}")


def _days(times: Times, interval: Interval) -> tuple[float, str]:
    weekdays = (times // DAY_US + 3) % 7  # Monday is 0
    if np.any(weekdays == 5):
        return CRYPTO_DAYS, "traded at weekends: 365 days"
    is_short = len(times) == 0 or times[-1] - times[0] < WEEK_US
    if (
        is_short
        and interval.length_us < DAY_US
        and len(set((times // HOUR_US % 24).tolist())) == 24
    ):
        return CRYPTO_DAYS, "traded at all hours: 365 days"
    return EQUITY_DAYS, "not traded at weekends: 252 days"


def _per_session(times: Times) -> float:
    _, counts = np.unique(times // DAY_US, return_counts=True)
    return float(np.median(counts))
