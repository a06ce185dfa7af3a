"""Daily bars of many instruments side by side: a row for each bar, counted from the last one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raymill.market.screen.columns import Numbers

Table = NDArray[np.float64]  # a row a bar, a column an instrument; NaN before the first bar
Dates = NDArray[np.int32]  # days since 1970
NEVER = np.iinfo(np.int32).min
WIDTH = 512  # instruments of one panel


@dataclass(frozen=True)
class Bars:
    """Daily bars by instrument and day; `instrument` counts from 0 without gaps."""

    instrument: NDArray[np.int32]
    day: Dates
    open: Numbers
    high: Numbers
    low: Numbers
    close: Numbers
    volume: Numbers
    value: Numbers  # that was traded, NaN where it is not told


@dataclass(frozen=True)
class Panel:
    """Bars of some instruments. All end in the last row; `first` is where each begins."""

    day: Dates
    open: Table
    high: Table
    low: Table
    close: Table
    volume: Table
    value: Table
    first: NDArray[np.intp]

    @property
    def length(self) -> int:
        """The number of rows."""
        return len(self.day)

    def before(self) -> "Panel":
        """The panel as it was a bar ago."""
        return Panel(
            day=self.day[:-1],
            open=self.open[:-1],
            high=self.high[:-1],
            low=self.low[:-1],
            close=self.close[:-1],
            volume=self.volume[:-1],
            value=self.value[:-1],
            first=self.first,
        )


def panels(bars: Bars, count: int) -> Iterator[tuple[slice, Panel]]:
    """The bars of `count` instruments, some hundred at a time, each with which ones they are."""
    ends = np.searchsorted(bars.instrument, np.arange(count), side="right")
    starts = np.concatenate([[0], ends[:-1]]) if count else ends
    for begin in range(0, count, WIDTH):
        part = slice(begin, min(begin + WIDTH, count))
        yield part, _panel(bars, starts[part], ends[part])


def _panel(bars: Bars, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> Panel:
    sizes = ends - starts
    length = max(int(sizes.max(initial=0)), 2)
    rows = np.arange(length)[:, None] - (length - sizes)[None, :]
    is_there = rows >= 0
    places = np.where(is_there, rows + starts[None, :], 0)

    def table(values: Numbers) -> Table:
        if not len(values):
            return np.full(is_there.shape, np.nan)
        return np.where(is_there, values[places], np.nan)

    day = np.full(is_there.shape, NEVER, np.int32)
    day[is_there] = bars.day[places[is_there]]
    return Panel(
        day=day,
        open=table(bars.open),
        high=table(bars.high),
        low=table(bars.low),
        close=table(bars.close),
        volume=table(bars.volume),
        value=table(bars.value),
        first=(length - sizes).astype(np.intp),
    )
