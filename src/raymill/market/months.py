"""Returns by month and year out of a curve of equity."""

from typing import NamedTuple

import numpy as np

from raymill.market.interval import Times
from raymill.market.prices import Numbers

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Year(NamedTuple):
    """A year: the return of each month, None for one without bars, and of all of it."""

    year: int
    months: tuple[float | None, ...]
    whole: float


def monthly(ts: Times, equity: Numbers, cash: float) -> list[Year]:
    """Returns by month, in UTC; those of a month's bars behind the last bar of the month before."""
    month = ts.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    lasts = np.append(np.flatnonzero(np.diff(month)), len(month) - 1)
    before, found = cash, {}
    for at in lasts.tolist():
        now = float(equity[at])
        found[int(month[at])] = now / before - 1.0 if before > 0 else 0.0
        before = now
    years = sorted({number // 12 for number in found})
    return [_year(year, found) for year in years]


def _year(year: int, found: dict[int, float]) -> Year:
    months = tuple(found.get(12 * year + month) for month in range(12))
    grown = float(np.prod([1.0 + share for share in months if share is not None]))
    return Year(1970 + year, months, grown - 1.0)
