"""Jumps of raw prices that look like splits: over one, a backtest earns what nobody did."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from raymill.market.interval import DAY_US
from raymill.market.prices import Prices
from raymill.market.strategy import time_of

RATIOS = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100)
NEAR = 0.08  # how far off a ratio an open may be: the night has its own move
MOST_TOLD = 3


class Jump(NamedTuple):
    """A bar that opens at a whole multiple or part of the close before it."""

    bar: int
    ratio: float  # of the close before to the open

    @property
    def text(self) -> str:
        """As people read it: `1/7`, or `8 times`."""
        return f"1/{self.ratio:.0f} of" if self.ratio > 1 else f"{1 / self.ratio:.0f} times"


def likely_splits(bars: Prices) -> list[Jump]:
    """The bars of another day than the one before that open as they would after a split.

    >>> from raymill.market.prices import Prices
    >>> close = [70.0, 71.0, 10.2, 10.0]
    >>> days = [day * DAY_US for day in range(4)]
    >>> bars = Prices("X", days, [70.0, 70.0, 10.1, 10.2], close, close, close, [1.0] * 4)
    >>> [(jump.bar, jump.ratio) for jump in likely_splits(bars)]
    [(2, 7)]
    """
    if bars.adjust != "raw" or len(bars) < 2:
        return []
    ratio = bars.close[:-1] / bars.open[1:]
    is_new_day = np.diff(bars.ts // DAY_US) > 0
    places = np.flatnonzero(is_new_day & ((ratio > 2 - 2 * NEAR) | (ratio < 1 / (2 - 2 * NEAR))))
    found = []
    for at in places.tolist():
        near = [n for r in RATIOS for n in (r, 1 / r) if abs(ratio[at] / n - 1) <= NEAR]
        if near:
            best = min(near, key=lambda n: abs(ratio[at] / n - 1))
            found.append(Jump(at + 1, best))
    return found


def warnings(bars: Sequence[Prices]) -> list[str]:
    """What is to be said of likely splits in prices that are not adjusted."""
    said = []
    for one in bars:
        found = likely_splits(one)
        for jump in found[:MOST_TOLD]:
            day = time_of(int(one.ts[jump.bar])).date()
            said.append(
                f"{one.symbol} opens on {day} at {jump.text} the close before, as after a split, "
                "and its prices are not adjusted"
            )
        if len(found) > MOST_TOLD:
            said.append(f"{one.symbol} does so on {len(found) - MOST_TOLD} further days")
    return said
