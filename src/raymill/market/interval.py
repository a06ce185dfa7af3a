"""Intervals of bars by name, and where a bar begins and ends. Times are epoch microseconds, UTC."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raymill.errors import UnknownName, unknown

Times = NDArray[np.int64]

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
WEEK_US = 7 * DAY_US
MONDAY_US = -3 * DAY_US  # the Monday before 1970-01-01

_LENGTHS = {
    "1s": SECOND_US,
    "1m": MINUTE_US,
    "3m": 3 * MINUTE_US,
    "5m": 5 * MINUTE_US,
    "15m": 15 * MINUTE_US,
    "30m": 30 * MINUTE_US,
    "1h": HOUR_US,
    "2h": 2 * HOUR_US,
    "4h": 4 * HOUR_US,
    "6h": 6 * HOUR_US,
    "8h": 8 * HOUR_US,
    "12h": 12 * HOUR_US,
    "1d": DAY_US,
    "3d": 3 * DAY_US,
    "1w": WEEK_US,
    "1M": 0,
}


@dataclass(frozen=True, slots=True)
class Interval:
    """How long a bar lasts. A month has no length of its own: `length_us` is 0."""

    name: str
    length_us: int

    @property
    def is_month(self) -> bool:
        """Whether bars begin on the first of each month."""
        return self.length_us == 0

    @property
    def is_daily(self) -> bool:
        """Whether bars last a day or longer, and so are named after a date."""
        return self.is_month or self.length_us >= DAY_US

    def starts(self, times: Times) -> Times:
        """Where the bars begin that hold these times.

        >>> from datetime import datetime, UTC
        >>> at = np.array([1_570_752_017_964_000])
        >>> f"{datetime.fromtimestamp(interval('5m').starts(at)[0] / 1e6, UTC):%H:%M:%S}"
        '00:00:00'
        """
        if self.is_month:
            months = times.astype("datetime64[us]").astype("datetime64[M]")
            return months.astype("datetime64[us]").astype(np.int64)
        first = MONDAY_US if self.length_us == WEEK_US else 0
        return (times - first) // self.length_us * self.length_us + first

    def ends(self, starts: Times) -> Times:
        """Where bars end that begin at these times; the end belongs to the next bar."""
        if self.is_month:
            months = starts.astype("datetime64[us]").astype("datetime64[M]")
            return (months + 1).astype("datetime64[us]").astype(np.int64)
        return starts + self.length_us

    def holds(self, smaller: "Interval") -> bool:
        """Whether bars of this interval can be built from whole bars of a smaller one."""
        if smaller.is_month:
            return self.is_month
        whole = DAY_US if self.is_month else self.length_us
        return whole % smaller.length_us == 0


INTERVALS = {name: Interval(name, length) for name, length in _LENGTHS.items()}


def interval(name: str) -> Interval:
    """Find an interval by its name; `1m` is a minute, `1M` a month. Raises UnknownName."""
    found = INTERVALS.get(name)
    if found is None:
        raise unknown("interval", name, INTERVALS)
    return found


def spacing(times: Times) -> Interval:
    """The largest interval that all these rising starts of bars fit; a day where they say nothing.

    Raises UnknownName where they fit none.
    """
    steps = np.diff(times)
    if len(steps) == 0:
        return INTERVALS["1d"]
    if _all_start(INTERVALS["1M"], times) and len(set(_months(times))) == len(times):
        return INTERVALS["1M"]
    common = int(np.gcd.reduce(steps))
    for one in reversed(INTERVALS.values()):
        if one.length_us and common % one.length_us == 0 and _all_start(one, times):
            return one
    raise UnknownName("The times of the bars fit no interval", hint=_HINT)


_HINT = f"a bar's time is where it begins; intervals are {', '.join(INTERVALS)}"


def _all_start(one: Interval, times: Times) -> bool:
    return bool(np.all(one.starts(times) == times))


def _months(times: Times) -> list[int]:
    months: list[int] = (
        times.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64).tolist()
    )
    return months
