"""Mean and deviation of a sliding window, plain on a bar; the compiled loops use the same lines."""

from collections import deque
from typing import Any

from raymill.compiled import inline, plain
from raymill.market.windows import deviation, fresh


@inline
def moved(total: float, squares: float, new: float, old: float, ref: float) -> tuple[float, float]:
    """Sums around a reference with one value in and one out."""
    come, gone = new - ref, old - ref
    return total + (come - gone), squares + (come * come - gone * gone)


_fresh: Any = plain(fresh)
_moved: Any = plain(moved)
_deviation: Any = plain(deviation)


class Moments:
    """The newest closes with their mean and deviation.

    The sums are around the newest close of the time when they were made, and made anew each time
    the window has gone by.
    """

    __slots__ = ("_left", "_ref", "_same", "_squares", "_total", "closes", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self.closes: deque[float] = deque(maxlen=window)
        self._ref = self._total = self._squares = 0.0
        self._left = 0  # bars until the sums are made anew
        self._same = 0  # bars in a row with one close

    def add(self, close: float) -> bool:
        """Take a close; whether the window is full."""
        closes = self.closes
        self._same = self._same + 1 if closes and closes[-1] == close else 1
        if self._left:
            self._left -= 1
            self._total, self._squares = _moved(
                self._total, self._squares, close, closes[0], self._ref
            )
            closes.append(close)
            return True
        closes.append(close)
        if len(closes) < self.window:
            return False
        self._ref, self._left = close, self.window - 1
        self._total, self._squares = _fresh([*closes], close)
        return True

    @property
    def is_flat(self) -> bool:
        """Whether all closes are equal: there is no deviation to measure by."""
        return self._same >= self.window

    @property
    def mean(self) -> float:
        """The mean of the window."""
        return self._ref + self._total / self.window

    def deviation(self, ddof: int) -> float:
        """The standard deviation of the window."""
        return float(_deviation(self._total, self._squares, self.window, ddof))
