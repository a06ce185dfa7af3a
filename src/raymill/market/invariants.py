"""What every bar must fulfil. A bar that does not is set aside with its reason, never repaired."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raymill.market.interval import Interval, Times
from raymill.market.prices import Numbers

REASONS = (
    "",
    "a price or the volume is not a finite number",
    "a price is not above 0",
    "low is above open or close",
    "high is below open or close",
    "the volume is below 0",
    "the time is not where a bar of this interval begins",
    "the bar has not ended yet",
    "a bar of the same time came before",
)


class Columns(NamedTuple):
    """The columns of bars that are checked."""

    ts: Times
    open: Numbers
    high: Numbers
    low: Numbers
    close: Numbers
    volume: Numbers

    def take(self, places: NDArray[Any]) -> "Columns":
        """The bars at these places, or where a mask is true."""
        return Columns(
            self.ts[places],
            self.open[places],
            self.high[places],
            self.low[places],
            self.close[places],
            self.volume[places],
        )


def faults(
    bars: Columns,
    interval: Interval,
    now_us: int | None = None,
    whose: NDArray[np.int32] | None = None,
) -> NDArray[np.uint8]:
    """For each bar the number of the first reason (`REASONS`) that it breaks, 0 for a good one.

    `now_us` says until when bars can have ended. `whose` tells the instrument of each, where there
    are several. A price of 0 or below is no price: a return could not be made of it.
    """
    ts, first, high, low, last, volume = bars
    lowest, highest = np.minimum(first, last), np.maximum(first, last)
    broken = [
        ~np.isfinite(np.stack([first, high, low, last, volume])).all(axis=0),
        ~(np.minimum(lowest, low) > 0),
        ~(low <= lowest),
        ~(high >= highest),
        ~(volume >= 0),
        interval.starts(ts) != ts,
        np.zeros(len(ts), bool) if now_us is None else interval.ends(ts) > now_us,
        _repeats(ts, whose),
    ]
    codes = np.zeros(len(ts), np.uint8)
    for number, mask in reversed(list(enumerate(broken, start=1))):
        codes[mask] = number
    return codes


def _repeats(times: Times, whose: NDArray[np.int32] | None) -> NDArray[np.bool_]:
    order = np.lexsort((times,) if whose is None else (times, whose))
    same = np.diff(times[order]) == 0
    if whose is not None:
        same &= np.diff(whose[order]) == 0
    repeats = np.zeros(len(times), bool)
    repeats[order[1:][same]] = True
    return repeats
