"""Reversion by the relative strength index: bought when oversold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Le

from raymill.compiled import inline, kernel, plain
from raymill.errors import ConfigError
from raymill.market.prices import Numbers, Prices
from raymill.market.strategy import Bar, Context, Strategy


@dataclass
class RsiRevert(Strategy):
    """Buy when Wilder's RSI is below `low`, sell when it is back at `exit`.

    The first averages of gains and losses are the means of the first `window` changes, then
    avg = (avg * (window - 1) + change) / window. RSI = 100 - 100 / (1 + avg_gain / avg_loss); 100
    without a loss, and 50 without any change. With `short` the mirror, too.

    window: changes that the averages are over.
    low: bought below it.
    high: with `short` sold short above it.
    exit: the position is left there, between `low` and `high`.
    short: sell short above `high`, too.
    """

    writes_all: ClassVar[bool] = True

    window: Annotated[int, Ge(2)] = 14
    low: Annotated[float, Ge(0), Le(100)] = 30.0
    high: Annotated[float, Ge(0), Le(100)] = 70.0
    exit: Annotated[float, Ge(0), Le(100)] = 50.0
    short: bool = False

    def __post_init__(self) -> None:
        self._seen = 0
        self._last = self._gain = self._loss = 0.0
        self._held = 0.0

    @property
    def history(self) -> int:
        """The first averages take a bar more than there are changes."""
        return self.window + 1

    def check(self) -> None:
        """Raise ConfigError unless low < exit < high."""
        if not self.low < self.exit < self.high:
            raise ConfigError(
                f"`low` < `exit` < `high` must hold, not {self.low:g}, {self.exit:g} and "
                f"{self.high:g}",
                hint="--set low=30 --set exit=50 --set high=70",
            )

    def on_bar(self, ctx: Context, bars: Mapping[str, Bar]) -> float | None:
        """Look at the strength index."""
        (bar,) = bars.values()
        change, self._last = bar.close - self._last, bar.close
        self._seen += 1
        if self._seen == 1:
            return None
        self._gain, self._loss = _averaged(
            self._gain, self._loss, change, self._seen - 1, self.window
        )
        if self._seen <= self.window:
            return None
        strength = _strong(self._gain, self._loss)
        self._held = _next(self._held, strength, self.low, self.high, self.exit, self.short)
        return self._held

    def vector(self, bars: Prices, out: Numbers) -> None:
        """The same over columns."""
        bounds = self.low, self.high, self.exit
        _rsi(bars.close, self.window, *bounds, self.short, out)


@inline
def _average(
    gain: float, loss: float, change: float, seen: int, window: int
) -> tuple[float, float]:
    """The averages with one change more; sums until there are enough for a mean."""
    up, down = max(change, 0.0), max(-change, 0.0)
    if seen > window:
        return (gain * (window - 1) + up) / window, (loss * (window - 1) + down) / window
    gain, loss = gain + up, loss + down
    return (gain / window, loss / window) if seen == window else (gain, loss)


@inline
def _strength(gain: float, loss: float) -> float:
    if loss == 0.0:
        return 100.0 if gain > 0.0 else 50.0
    return 100.0 - 100.0 / (1.0 + gain / loss)


@inline
def _decide(
    held: float, strength: float, low: float, high: float, exit: float, short: bool
) -> float:
    if strength < low:
        return 1.0
    if strength > high and short:
        return -1.0
    is_over = strength >= exit if held > 0.0 else strength <= exit
    return 0.0 if is_over else held


_averaged: Any = plain(_average)
_strong: Any = plain(_strength)
_next: Any = plain(_decide)


@kernel
def _rsi(
    close: Numbers, window: int, low: float, high: float, exit: float, short: bool, out: Numbers
) -> None:
    out[:window] = np.nan
    gain = 0.0
    loss = 0.0
    held = 0.0
    for i in range(1, len(close)):
        gain, loss = _average(gain, loss, close[i] - close[i - 1], i, window)
        if i >= window:
            held = _decide(held, _strength(gain, loss), low, high, exit, short)
            out[i] = held
