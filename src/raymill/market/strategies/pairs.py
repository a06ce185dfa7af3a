"""A pair: one instrument against another, while the two keep together."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le

from raymill.errors import ConfigError, UnknownName
from raymill.market.cointegration import Cointegration, cointegrated, hedge_ratio
from raymill.market.prices import Numbers
from raymill.market.strategies.zscore_revert import check_bounds
from raymill.market.strategy import Bar, Context, Strategy

DELTA = 1e-4  # how fast the hedge ratio of the Kalman filter may wander
NOISE = 1e-3  # variance of what it observes


@dataclass
class Pairs(Strategy):
    """Trade the spread of two instruments back to its mean, if they are cointegrated.

    y and x are logarithms of closes, beta = cov(x, y) / var(x) over `lookback` bars, renewed every
    `refit` bars while there is no position and frozen while there is one. z is that of
    y - beta x over `window` bars, with ddof = 1. Where abs(z) > entry, Engle-Granger tests the
    pair over `lookback` in both orders; the order with the smaller p is taken with its own beta,
    and entered if p < max_p, the spread comes back at all (half-life), and z still says so:
    against y with s / (1 + abs(beta)) of equity, and -s beta / (1 + abs(beta)) in x. Units stay
    until abs(z) < exit or abs(z) > stop; after a stop nothing is entered before abs(z) < entry.

    y: symbol of the first instrument; the first that has a bar, if not given.
    x: symbol of the second one.
    lookback: bars of the hedge ratio and of the test.
    window: bars of the z-score.
    entry: deviations at which the pair is entered.
    exit: deviations below which it is left.
    stop: deviations above which it is given up; none for never.
    refit: bars after which the hedge ratio is made anew, and a refused pair is tested again.
    max_p: largest p of the test; 1 trades without a test.
    kalman: take the hedge ratio from a Kalman filter instead.
    """

    instruments: ClassVar[int | None] = 2

    y: str | None = None
    x: str | None = None
    lookback: Annotated[int, Ge(20)] = 252
    window: Annotated[int, Ge(3)] = 60
    entry: Annotated[float, Gt(0)] = 2.0
    exit: Annotated[float, Ge(0)] = 0.5
    stop: Annotated[float, Gt(0)] | None = 4.0
    refit: Annotated[int, Ge(1)] = 21
    max_p: Annotated[float, Gt(0), Le(1)] = 0.05
    kalman: bool = False

    def __post_init__(self) -> None:
        self._stop = math.inf if self.stop is None else self.stop
        self._names: tuple[str, str] | None = None
        self._logs: dict[str, deque[float]] = {}
        self._filter = HedgeFilter()
        self._beta = 0.0
        self._is_turned = False
        self._left = 0  # bars until beta is made anew
        self._refused = False  # the test said no since then
        self._side = 0.0
        self._waits = False

    @property
    def history(self) -> int:
        """The longer of the two spans."""
        return max(self.lookback, self.window)

    def check(self) -> None:
        """Raise ConfigError unless exit < entry < stop."""
        check_bounds(self.entry, self.exit, self._stop)
        if self.y is not None and self.y == self.x:
            raise ConfigError(f"`{self.y}` makes no pair with itself")

    def test(self, y: Numbers, x: Numbers) -> Cointegration:
        """Whether the pair keeps together; a strategy of your own may test otherwise."""
        return cointegrated(y, x)

    def on_bar(self, ctx: Context, bars: Mapping[str, Bar]) -> dict[str, float] | None:
        """Measure the spread, and trade it."""
        if len(bars) < 2:
            return None
        y, x = self._pair(bars)
        for symbol in (y, x):
            self._logs[symbol].append(math.log(bars[symbol].close))
        if self.kalman:
            self._filter.step(self._logs[y][-1], self._logs[x][-1])
        if len(self._logs[y]) < self.history:
            return None
        return self._hold() if self._side else self._look()

    def _pair(self, bars: Mapping[str, Bar]) -> tuple[str, str]:
        if self._names is None:
            first, second = bars
            y = self.y or (second if self.x == first else first)
            x = self.x or (second if y == first else first)
            if {y, x} != set(bars):
                raise UnknownName(f"The pair is `{y}` and `{x}`", hint=f"there are {set(bars)}")
            self._names = y, x
            self._logs = {symbol: deque(maxlen=self.history) for symbol in (y, x)}
        return self._names

    def _columns(self, count: int) -> tuple[Numbers, Numbers]:
        """The newest logarithms: what is explained, and by what."""
        assert self._names is not None
        y, x = (np.array(self._logs[symbol])[-count:] for symbol in self._names)
        return (x, y) if self._is_turned else (y, x)

    def _z(self) -> float | None:
        y, x = self._columns(self.window)
        spread = y - self._beta * x
        deviation = float(np.std(spread, ddof=1))
        return float(spread[-1] - np.mean(spread)) / deviation if deviation > 0 else None

    def _hold(self) -> dict[str, float] | None:
        z = self._z()
        if z is None or self.exit <= abs(z) <= self._stop:
            return None
        self._waits = abs(z) > self._stop
        self._side, self._left = 0.0, 0
        assert self._names is not None
        return dict.fromkeys(self._names, 0.0)

    def _look(self) -> dict[str, float] | None:
        if self._left == 0 or self.kalman:
            self._fit()
        self._left -= 1
        z = self._z()
        if z is None or abs(z) > self._stop:
            return None
        self._waits = self._waits and abs(z) >= self.entry
        if abs(z) <= self.entry or self._waits or self._refused or not self._passes():
            return None
        z = self._z()
        if z is None or not self.entry < abs(z) <= self._stop:
            return None
        return self._enter(-1.0 if z > 0 else 1.0)

    def _fit(self) -> None:
        if self._left <= 0:
            self._left, self._refused, self._is_turned = self.refit, False, False
        if self.kalman:
            self._beta, self._is_turned = self._filter.beta, False
        else:
            self._beta = hedge_ratio(*self._columns(self.lookback))

    def _passes(self) -> bool:
        """Test the pair, and take the order and the beta that the test prefers."""
        if self.max_p >= 1.0:
            return True
        self._is_turned = False
        found = self.test(*self._columns(self.lookback))
        if found.p >= self.max_p or found.half_life is None:
            self._refused = True
            return False
        self._is_turned = found.is_turned
        self._beta = found.beta
        return True

    def _enter(self, side: float) -> dict[str, float]:
        assert self._names is not None
        y, x = self._names[::-1] if self._is_turned else self._names
        self._side = side
        whole = 1.0 + abs(self._beta)
        return {y: side / whole, x: -side * self._beta / whole}


class HedgeFilter:
    """A Kalman filter for y = alpha + beta x, whose alpha and beta wander."""

    def __init__(self, delta: float = DELTA, noise: float = NOISE) -> None:
        self.state = np.zeros(2)
        self.spread = np.zeros((2, 2))
        self.wander = delta / (1 - delta) * np.eye(2)
        self.noise = noise

    @property
    def beta(self) -> float:
        """The hedge ratio now."""
        return float(self.state[1])

    def step(self, y: float, x: float) -> None:
        """Take one pair of values."""
        sees = np.array([1.0, x])
        ahead = self.spread + self.wander
        error = y - float(sees @ self.state)
        gain = ahead @ sees / (float(sees @ ahead @ sees) + self.noise)
        self.state = self.state + gain * error
        self.spread = ahead - np.outer(gain, sees) @ ahead
