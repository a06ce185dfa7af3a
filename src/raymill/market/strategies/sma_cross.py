"""Moving averages: in the market while the fast one is above the slow one."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from raymill.compiled import inline, kernel, plain
from raymill.errors import ConfigError
from raymill.market.prices import Numbers, Prices
from raymill.market.strategy import Bar, Context, Strategy
from raymill.market.windows import EVEN, total

BLOCK = 4096  # bars until running sums are made anew
_total: Any = plain(total)


@dataclass
class SmaCross(Strategy):
    """Hold while the fast moving average of closes is above the slow one.

    The target is a state: 1 while SMA(fast) > SMA(slow), else 0, or -1 with `short`. Averages that
    differ by rounding alone are equal.

    fast: bars of the fast average.
    slow: bars of the slow average, more than `fast`.
    short: sell short instead of staying out.
    """

    writes_all: ClassVar[bool] = True

    fast: Annotated[int, Ge(1)] = 10
    slow: Annotated[int, Ge(2)] = 50
    short: bool = False

    def __post_init__(self) -> None:
        self._low = -1.0 if self.short else 0.0
        self._even = self.fast * EVEN
        self._block = max(BLOCK, self.slow)
        self._closes: deque[float] = deque(maxlen=self.slow)
        self._sum_fast = self._sum_slow = 0.0
        self._left = 0  # bars until the sums are made anew

    @property
    def history(self) -> int:
        """The slow average."""
        return self.slow

    def check(self) -> None:
        """Raise ConfigError unless fast is below slow."""
        if self.fast >= self.slow:
            raise ConfigError(
                f"`fast` must be below `slow`, not {self.fast} and {self.slow}",
                hint="--set fast=10 --set slow=50",
            )

    def on_bar(self, ctx: Context, bars: Mapping[str, Bar]) -> float | None:
        """Compare the averages."""
        (bar,) = bars.values()
        close, closes = bar.close, self._closes
        if not self._left:
            return self._anew(close)
        self._left -= 1
        fast = self._sum_fast = self._sum_fast + (close - closes[-self.fast])
        slow = self._sum_slow = self._sum_slow + (close - closes[0])
        closes.append(close)
        return 1.0 if fast * self.slow > slow * self._even else self._low

    def _anew(self, close: float) -> float | None:
        self._closes.append(close)
        if len(self._closes) < self.slow:
            return None
        closes = [*self._closes]
        self._sum_fast, self._sum_slow = _total(closes[-self.fast :]), _total(closes)
        self._left = self._block - 1
        is_above = self._sum_fast * self.slow > self._sum_slow * self._even
        return 1.0 if is_above else self._low

    def vector(self, bars: Prices, out: Numbers) -> None:
        """The same over columns."""
        _sma_cross(bars.close, self.fast, self.slow, self._low, self._even, self._block, out)


@inline
def _sums(close: Numbers, at: int, fast: int, slow: int) -> tuple[float, float]:
    return total(close[at + 1 - fast : at + 1]), total(close[at + 1 - slow : at + 1])


@kernel
def _sma_cross(
    close: Numbers, fast: int, slow: int, low: float, even: float, block: int, out: Numbers
) -> None:
    """Two blocks at a time: an addition waits for the one before, those of two blocks do not."""
    out[: slow - 1] = np.nan
    begin = slow - 1
    while begin + 2 * block <= len(close):
        a_fast, a_slow = _sums(close, begin, fast, slow)
        b_fast, b_slow = _sums(close, begin + block, fast, slow)
        for i in range(begin, begin + block):
            j = i + block
            if i > begin:
                a_fast += close[i] - close[i - fast]
                a_slow += close[i] - close[i - slow]
                b_fast += close[j] - close[j - fast]
                b_slow += close[j] - close[j - slow]
            out[i] = 1.0 if a_fast * slow > a_slow * even else low
            out[j] = 1.0 if b_fast * slow > b_slow * even else low
        begin += 2 * block
    for start in range(begin, len(close), block):
        a_fast, a_slow = _sums(close, start, fast, slow)
        for i in range(start, min(start + block, len(close))):
            if i > start:
                a_fast += close[i] - close[i - fast]
                a_slow += close[i] - close[i - slow]
            out[i] = 1.0 if a_fast * slow > a_slow * even else low
