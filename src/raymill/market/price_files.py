"""Price files: bars of one instrument in CSV or Parquet, checked as they are read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raymill.arrow import Array
from raymill.errors import DataError, InputError
from raymill.market.interval import Interval, Times, interval, spacing
from raymill.market.invariants import REASONS, Columns, faults
from raymill.market.prices import FIELDS, Numbers, Prices
from raymill.market.tables import read_columns, symbol_of, to_numbers, to_times

TIMES = ("ts", "ts_utc", "date", "time", "timestamp", "datetime")


@dataclass(frozen=True)
class Quarantined:
    """A row of a file that is no bar, and why."""

    row: int
    reason: str


@dataclass(frozen=True)
class PriceFile:
    """What a price file holds: the good bars, and the rows that were set aside."""

    bars: Prices
    quarantined: tuple[Quarantined, ...] = ()

    @property
    def reasons(self) -> Counter[str]:
        """How many rows were set aside for which reason."""
        return Counter(one.reason for one in self.quarantined)


def read_prices(
    path: str | Path,
    *,
    symbol: str | None = None,
    every: str | None = None,
    now_us: int | None = None,
) -> PriceFile:
    """Read raw bars: a time (`date`, `ts`, ...), `open`, `high`, `low`, `close` and `volume`.

    The symbol is the file's name unless it is given, and `every` the interval, else told by the
    times. Rows may stand in any order. Raises InputError, DataError.
    """
    columns = read_columns(path)
    times, numbers = _times(columns, path), _numbers(columns, path)
    given = Columns(times, *(numbers[name] for name in FIELDS))
    wanted = interval(every) if every else _spacing(given)
    order = np.argsort(times, kind="stable")
    given = given.take(order)
    codes = faults(given, wanted, now_us)
    good = codes == 0
    if not good.any():
        raise DataError(f"`{path}` holds no bar", hint=_why(codes))
    bars = Prices(symbol or _named(path), *given.take(good))
    bad = np.flatnonzero(~good)
    quarantined = (Quarantined(int(order[at]) + 1, REASONS[codes[at]]) for at in bad)
    return PriceFile(bars, tuple(quarantined))


def _named(path: str | Path) -> str:
    place = Path(path)
    return symbol_of(place) if place.suffix == ".zip" else place.stem


def _times(columns: Mapping[str, Array], path: str | Path) -> Times:
    for name in TIMES:
        if name in columns:
            return to_times(columns[name], path)
    raise InputError(f"`{path}` has no column of times", hint=f"name it one of {', '.join(TIMES)}")


def _numbers(columns: Mapping[str, Array], path: str | Path) -> dict[str, Numbers]:
    for name in FIELDS:
        if name not in columns:
            there = ", ".join(columns)
            raise InputError(f"`{path}` has no column `{name}`", hint=f"it has {there}")
    return {name: to_numbers(columns[name], path, name) for name in FIELDS}


def _spacing(bars: Columns) -> Interval:
    whole = np.isfinite(np.stack(bars[1:])).all(axis=0)
    return spacing(np.unique(bars.ts[whole]))


def _why(codes: NDArray[np.uint8]) -> str:
    counted = Counter(codes.tolist()).most_common(1)
    return REASONS[counted[0][0]] if counted else "it has no rows"
