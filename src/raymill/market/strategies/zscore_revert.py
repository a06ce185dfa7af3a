"""Reversion by z-score: against the close where it is far from its mean."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt

from raymill.compiled import inline, kernel, plain
from raymill.errors import ConfigError
from raymill.market.prices import Numbers, Prices
from raymill.market.sliding import Moments, moved
from raymill.market.strategy import Bar, Context, Strategy
from raymill.market.windows import deviation, fresh


@dataclass
class ZscoreRevert(Strategy):
    """Trade against the close where it is more than `entry` deviations from its mean.

    z = (P - m) / s over `window` closes, s with ddof = 1. Short when z > entry, long when
    z < -entry, out when abs(z) < exit or abs(z) > stop; after a stop nothing is entered before
    abs(z) < entry. A window whose closes are all equal changes nothing.

    window: closes that the mean and the deviation are of.
    entry: deviations from the mean at which a position is entered.
    exit: deviations below which it is left, less than `entry`.
    stop: deviations above which it is given up, more than `entry`; none for never.
    short: sell short above the mean, too.
    """

    writes_all: ClassVar[bool] = True

    window: Annotated[int, Ge(3)] = 20
    entry: Annotated[float, Gt(0)] = 2.0
    exit: Annotated[float, Ge(0)] = 0.5
    stop: Annotated[float, Gt(0)] | None = None
    short: bool = True

    def __post_init__(self) -> None:
        self._moments = Moments(self.window)
        self._stop = math.inf if self.stop is None else self.stop
        self._held = 0.0
        self._waits = False

    @property
    def history(self) -> int:
        """The window."""
        return self.window

    def check(self) -> None:
        """Raise ConfigError unless exit < entry < stop."""
        check_bounds(self.entry, self.exit, self._stop)

    def on_bar(self, ctx: Context, bars: Mapping[str, Bar]) -> float | None:
        """Measure how far the close is from its mean."""
        (bar,) = bars.values()
        moments, close = self._moments, bar.close
        if not moments.add(close):
            return None
        spread = moments.deviation(1)
        if not moments.is_flat and spread > 0.0:
            z = (close - moments.mean) / spread
            self._held, self._waits = reacted(
                self._held, self._waits, z, self.entry, self.exit, self._stop, self.short
            )
        return self._held

    def vector(self, bars: Prices, out: Numbers) -> None:
        """The same over columns."""
        bounds = self.entry, self.exit, self._stop
        _zscore(bars.close, self.window, *bounds, self.short, out)


def check_bounds(entry: float, exit: float, stop: float) -> None:
    """Raise ConfigError unless exit < entry < stop."""
    if not exit < entry < stop:
        raise ConfigError(
            f"`exit` < `entry` < `stop` must hold, not {exit:g}, {entry:g} and {stop:g}",
            hint="--set exit=0.5 --set entry=2 --set stop=4",
        )


@inline
def react(
    held: float, waits: bool, z: float, entry: float, exit: float, stop: float, short: bool
) -> tuple[float, bool]:
    """The position at a z-score, and whether it waits behind a stop."""
    far = abs(z)
    if far > stop:
        return 0.0, True
    waits = waits and far >= entry
    if far < exit:
        return 0.0, waits
    if waits:
        return held, waits
    if z < -entry:
        return 1.0, waits
    if z > entry:
        return (-1.0 if short else 0.0), waits
    return held, waits


reacted: Any = plain(react)


@kernel
def _zscore(
    close: Numbers,
    window: int,
    entry: float,
    exit: float,
    stop: float,
    short: bool,
    out: Numbers,
) -> None:
    held = 0.0
    waits = False
    same = 1
    for i in range(1, min(window - 1, len(close))):
        same = same + 1 if close[i] == close[i - 1] else 1
    out[: window - 1] = np.nan
    for begin in range(window - 1, len(close), window):
        ref = close[begin]
        total, squares = fresh(close[begin + 1 - window : begin + 1], ref)
        for i in range(begin, min(begin + window, len(close))):
            if i > begin:
                total, squares = moved(total, squares, close[i], close[i - window], ref)
            same = same + 1 if close[i] == close[i - 1] else 1
            spread = deviation(total, squares, window, 1)
            if same < window and spread > 0.0:
                z = (close[i] - (ref + total / window)) / spread
                held, waits = react(held, waits, z, entry, exit, stop, short)
            out[i] = held
