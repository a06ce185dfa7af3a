"""Bollinger bands: bought below the lower band, sold at the mean."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt

from raymill.compiled import inline, kernel, plain
from raymill.market.prices import Numbers, Prices
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

    window: Annotated[int, Ge(2)] = 20
    k: Annotated[float, Gt(0)] = 2.0
    short: bool = False

    def __post_init__(self) -> None:
        self._closes: deque[float] = deque(maxlen=self.window)
        self._ref = self._sum = self._squares = 0.0
        self._left = 0  # bars until the sums are made anew
        self._same = 0  # bars in a row with one close
        self._held = 0.0

    @property
    def history(self) -> int:
        """The window."""
        return self.window

    def on_bar(self, ctx: Context, bars: Mapping[str, Bar]) -> float | None:
        """Compare the close with the bands."""
        (bar,) = bars.values()
        close, closes = bar.close, self._closes
        self._same = self._same + 1 if closes and closes[-1] == close else 1
        old = closes[0] if self._left else 0.0
        closes.append(close)
        if self._left:
            self._left -= 1
            self._sum, self._squares = _step(self._sum, self._squares, close, old, self._ref)
        elif len(closes) < self.window:
            return None
        else:
            self._ref, self._left = close, self.window - 1
            self._sum, self._squares = _sums([*closes], close)
        if self._same < self.window:
            mean = self._ref + self._sum / self.window
            spread = _spread(self._sum, self._squares, self.window, 0)
            self._held = _next(self._held, close, mean, self.k * spread, self.short)
        return self._held

    def vector(self, bars: Prices, out: Numbers) -> None:
        """The same over columns."""
        _bollinger(bars.close, self.window, self.k, self.short, out)


@inline
def _moved(total: float, squares: float, new: float, old: float, ref: float) -> tuple[float, float]:
    """Sums around a reference with one value in and one out."""
    come, gone = new - ref, old - ref
    return total + (come - gone), squares + (come * come - gone * gone)


@inline
def _decide(held: float, close: float, mean: float, width: float, short: bool) -> float:
    if held == 0.0:
        if close < mean - width:
            return 1.0
        return -1.0 if short and close > mean + width else 0.0
    is_over = close >= mean if held > 0.0 else close <= mean
    return 0.0 if is_over else held


_step: Any = plain(_moved)
_sums: Any = plain(fresh)
_spread: Any = plain(deviation)
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
                total, squares = _moved(total, squares, close[i], close[i - window], ref)
            same = same + 1 if close[i] == close[i - 1] else 1
            if same < window:
                mean = ref + total / window
                width = k * deviation(total, squares, window, 0)
                held = _decide(held, close[i], mean, width, short)
            out[i] = held
