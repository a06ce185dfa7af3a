"""Arithmetic of windows, shared by both paths: plain on a bar, compiled over columns.

A running sum gathers rounding errors, so sums are made anew each time a window's length has gone
by, and around a value near the window's own: a thousand bars cost as much as one.
"""

import math

from raymill.compiled import inline
from raymill.market.prices import Numbers

EVEN = 1.0 + 1e-12
"""Means of prices that differ by less than this factor are equal: running sums are no nearer."""


@inline
def total(window: Numbers) -> float:
    """The sum of a window, from the oldest value on."""
    found = 0.0
    for value in window:
        found += value
    return found


@inline
def fresh(window: Numbers, ref: float) -> tuple[float, float]:
    """The sum of a window and of its squares, both less a reference."""
    away_sum = 0.0
    squares = 0.0
    for value in window:
        away = value - ref
        away_sum += away
        squares += away * away
    return away_sum, squares


@inline
def deviation(running: float, squares: float, count: int, ddof: int) -> float:
    """The standard deviation of a window from its sums."""
    rest = squares - running * running / count
    return math.sqrt(rest / (count - ddof)) if rest > 0.0 else 0.0
