"""Bollinger bands: bought below the lower band, sold at the mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt

from raymill.compiled import inline, kernel, plain
from raymill.market.prices import Numbers, Prices
from raymill.market.sliding import Moments, moved
from raymill.market.strategy import Bar, Context, Strategy
from raymill.market.windows import deviation, fresh


@dataclass
class BollingerRevert(Strategy):
    """Buy below the lower Bollinger band and sell at the mean; with `short` the mirror too.

    m is the mean of `window` closes, s = sqrt(mean((P - m)^2)) over them. From flat to long when
    P < m - k s, back to flat when P >= m. A window whose closes are all equal gives no signal.

    window: closes in a band.
    k: deviations between the mean and a band.
    short: sell above the upper band, too.
    """

    writes_all: ClassVar[bool] = True

    window: Annotated[int, Ge(2)] = 20
    k: Annotated[float, Gt(0)] = 2.0
    short: bool = False

    def __post_init__(self) -> None:
        self._moments = Moments(self.window)
        self._held = 0.0

    @property
    def history(self) -> int:
        """The window."""
        return self.window

    def on_bar(self, ctx: Context, bars: Mapping[str, Bar]) -> float | None:
        """Compare the close with the bands."""
        (bar,) = bars.values()
        moments, close = self._moments, bar.close
        if not moments.add(close):
            return None
        if not moments.is_flat:
            width = self.k * moments.deviation(0)
            self._held = _next(self._held, close, moments.mean, width, self.short)
        return self._held

    def vector(self, bars: Prices, out: Numbers) -> None:
        """The same over columns."""
        _bollinger(bars.close, self.window, self.k, self.short, out)


@inline
def _decide(held: float, close: float, mean: float, width: float, short: bool) -> float:
    if held == 0.0:
        if close < mean - width:
            return 1.0
        return -1.0 if short and close > mean + width else 0.0
    is_over = close >= mean if held > 0.0 else close <= mean
    return 0.0 if is_over else held


_next: Any = plain(_decide)


@kernel
def _bollinger(close: Numbers, window: int, k: float, short: bool, out: Numbers) -> None:
    held = 0.0
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
            if same < window:
                mean = ref + total / window
                width = k * deviation(total, squares, window, 0)
                held = _decide(held, close[i], mean, width, short)
            out[i] = held
