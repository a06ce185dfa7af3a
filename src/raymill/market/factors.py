"""Adjustment when bars are read: factors for splits and dividends, as they were known on a day.

For a bar of date d the row with the smallest date >= d holds, and 1 behind the last row. An
adjusted series that was stored would be wrong after the next dividend, so none is stored.
"""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill.errors import ConfigError, InputError
from raymill.market.interval import DAY_US
from raymill.market.prices import ADJUSTS, Adjust, Numbers, Prices
from raymill.market.tables import read_columns, to_dates, to_numbers

COLUMNS = ("date", "price_factor", "split_factor")


@dataclass(frozen=True)
class Factors:
    """Factors up to and with a date, in rising order of dates (days since 1970)."""

    days: NDArray[np.int64]
    price: Numbers
    split: Numbers

    def at(self, days: NDArray[np.int64]) -> tuple[Numbers, Numbers]:
        """The factors of price and split that hold for days."""
        places = np.searchsorted(self.days, days, side="left")
        ones = np.ones(1)
        return np.append(self.price, ones)[places], np.append(self.split, ones)[places]


def read_factors(path: str | Path) -> Factors:
    """Read a factor file: `date,price_factor,split_factor`. Raises InputError, DataError."""
    columns = read_columns(path)
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise InputError(
            f"Factor file `{path}` has no column `{missing[0]}`", hint=f"it needs {COLUMNS}"
        )
    days = to_dates(columns["date"], path).astype(np.int64)
    order = np.argsort(days, kind="stable")
    price, split = (to_numbers(columns[name], path, name)[order] for name in COLUMNS[1:])
    if not (np.all(price > 0) and np.all(split > 0)):
        raise InputError(f"Factor file `{path}` holds a factor that is not above 0")
    return Factors(days[order], price, split)


def factors_of(actions: pa.Table, bars: Prices) -> Factors:
    """Factors out of corporate actions (`market.schemas.CORPORATE_ACTION`) and raw bars.

    A split of `ratio` new shares for an old one divides the prices before its ex-date by it; a
    dividend or spin-off of `amount` a share multiplies them by 1 - amount / close, the close of the
    last bar before the ex-date. Actions before the first bar change nothing.
    """
    days = bars.ts // DAY_US
    price = split = 1.0
    rows: list[tuple[int, float, float]] = []
    for action in sorted(actions.to_pylist(), key=lambda row: row["ex_date"], reverse=True):
        before = _days(action["ex_date"]) - 1
        place = int(np.searchsorted(days, before, side="right"))
        if place == 0:
            break
        if action["kind"] == "split":
            split /= action["ratio"]
        else:
            price *= 1.0 - action["amount"] / float(bars.close[place - 1])
        rows.append((before, price, split))
    latest = {day: (price, split) for day, price, split in rows}  # of one day, the last holds
    found = sorted(latest)
    return Factors(
        np.array(found, np.int64),
        np.array([latest[day][0] for day in found], np.float64),
        np.array([latest[day][1] for day in found], np.float64),
    )


def adjusted(
    bars: Prices, factors: Factors | None, adjust: Adjust, as_of: date | None = None
) -> Prices:
    """Raw bars as split- or total-adjusted ones.

    `split` multiplies prices by the split factor and divides volume by it; `total` multiplies
    prices by the factor for dividends too. With `as_of` there is what was known at the end of that
    day: no later bar, and no later split or dividend in the factors. Raises ConfigError.
    """
    if adjust not in ADJUSTS:
        raise ConfigError(f"`adjust` cannot be `{adjust}`", hint=f"give one of {ADJUSTS}")
    if as_of is not None:
        bars = bars.part(0, int(np.searchsorted(bars.ts // DAY_US, _days(as_of), side="right")))
    if adjust == "raw" or bars.adjust == adjust:
        return bars
    if bars.adjust != "raw":
        raise ConfigError(f"Bars that are adjusted for `{bars.adjust}` cannot become `{adjust}`")
    if factors is None:
        raise ConfigError(
            f"Prices cannot be adjusted for `{adjust}` without factors",
            hint="name a factor file: --factors FILE.csv",
        )
    return _apply(bars, factors, adjust, as_of)


def _apply(bars: Prices, factors: Factors, adjust: Adjust, as_of: date | None) -> Prices:
    price, split = factors.at(bars.ts // DAY_US)
    if as_of is not None:
        known_price, known_split = factors.at(np.array([_days(as_of)]))
        price, split = price / known_price, split / known_split
    factor = split * price if adjust == "total" else split
    columns = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    return replace(bars, adjust=adjust, volume=bars.volume / split, **columns)


def _days(day: date) -> int:
    return (day - date(1970, 1, 1)).days
