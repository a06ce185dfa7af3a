"""Momentum of one instrument: in the market while it has risen over a span."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt

from raymill.compiled import inline, kernel, plain
from raymill.market.prices import Numbers, Prices
from raymill.market.strategy import Bar, Context, Strategy
from raymill.market.windows import deviation, fresh

VOL_BARS = 60  # returns that the volatility is measured over


@dataclass
class TsMom(Strategy):
    """Follow the sign of the return over `lookback` bars (Moskowitz, Ooi, Pedersen 2012).

    The signal at t is the sign of P(t - skip) / P(t - skip - lookback) - 1; below 0 it is 0 unless
    `long_only` is off. With `vol_target` the weight is the signal times the lesser of
    `max_leverage` and vol_target / (std of the last 60 returns * sqrt(periods_per_year)).

    lookback: bars of the return.
    skip: bars before now that are left out.
    long_only: stay out instead of selling short.
    vol_target: volatility a year that is aimed at, as in 0.1; none holds a whole position.
    max_leverage: the largest weight with a volatility target.
    periods_per_year: bars of a year, for the volatility.
    """

    writes_all: ClassVar[bool] = True

    lookback: Annotated[int, Ge(1)] = 252
    skip: Annotated[int, Ge(0)] = 0
    long_only: bool = True
    vol_target: Annotated[float, Gt(0)] | None = None
    max_leverage: Annotated[float, Gt(0)] = 1.0
    periods_per_year: Annotated[float, Gt(0)] = 252.0

    def __post_init__(self) -> None:
        self._closes: deque[float] = deque(maxlen=self.history)
        self._low = 0.0 if self.long_only else -1.0
        self._root = math.sqrt(self.periods_per_year)

    @property
    def history(self) -> int:
        """The span with what is left out, or that of the volatility."""
        span = self.lookback + self.skip + 1
        return span if self.vol_target is None else max(span, VOL_BARS + 1)

    def on_bar(self, ctx: Context, bars: Mapping[str, Bar]) -> float | None:
        """Look at the sign of the return."""
        (bar,) = bars.values()
        closes = self._closes
        closes.append(bar.close)
        if len(closes) < self.history:
            return None
        now, then = closes[-1 - self.skip], closes[-1 - self.skip - self.lookback]
        signal: float = _signal(now, then, self._low)
        if self.vol_target is None or signal == 0.0:
            return signal
        recent = np.array(closes)[-1 - VOL_BARS :]
        recent.flags.writeable = False  # as the columns of bars are: compiled once for both
        return _size(signal, recent, self._root, self.vol_target, self.max_leverage)

    def vector(self, bars: Prices, out: Numbers) -> None:
        """The same over columns."""
        target = self.vol_target or 0.0
        spans = self.lookback, self.skip, self.history
        _tsmom(bars.close, *spans, self._low, self._root, target, self.max_leverage, out)


@inline
def _sign(now: float, then: float, low: float) -> float:
    move = now / then - 1.0
    return 1.0 if move > 0.0 else low if move < 0.0 else 0.0


@kernel
def _size(signal: float, closes: Numbers, root: float, target: float, most: float) -> float:
    """A signal with a weight by the volatility of the returns between these closes."""
    moves = closes[1:] / closes[:-1] - 1.0
    mean = moves.mean()
    away, squares = fresh(moves, mean)
    spread = deviation(away, squares, len(moves), 1) * root
    return signal * (min(most, target / spread) if spread > 0.0 else most)


_signal: Any = plain(_sign)


@kernel
def _tsmom(
    close: Numbers,
    lookback: int,
    skip: int,
    history: int,
    low: float,
    root: float,
    target: float,
    most: float,
    out: Numbers,
) -> None:
    out[: history - 1] = np.nan
    for i in range(history - 1, len(close)):
        signal = _sign(close[i - skip], close[i - skip - lookback], low)
        if target > 0.0 and signal != 0.0:
            signal = _size(signal, close[i - VOL_BARS : i + 1], root, target, most)
        out[i] = signal
