"""Averages, ranges and strengths over tables of closes: a row a bar, a column an instrument.

What needs more bars than there are is unknown. Formulas stand in the catalogue of fields.
"""

import numpy as np
from numpy.typing import NDArray

from raymill.market.screen.columns import Numbers
from raymill.market.screen.panel import Table

First = NDArray[np.intp]


def last(table: Table, n: int) -> Table:
    """The last n rows; with fewer, rows of nothing before them."""
    if len(table) >= n:
        return table[-n:]
    return np.vstack([np.full((n - len(table), table.shape[1]), np.nan), table])


def mean_of_last(table: Table, n: int) -> Numbers:
    """The mean of the last n rows."""
    found: Numbers = last(table, n).mean(axis=0)
    return found


def std_of_last(table: Table, n: int, ddof: int) -> Numbers:
    """The standard deviation of the last n rows; exactly 0 where they are equal."""
    window = last(table, n)
    is_flat = (window == window[0]).all(axis=0)
    return np.where(is_flat, 0.0, window.std(axis=0, ddof=ddof))


def smoothed(table: Table, first: First, n: int, weight: float) -> Table:
    """An exponential average: the mean of the first n values, then a step towards each next one."""
    found = np.full(table.shape, np.nan)
    running = np.zeros(table.shape[1])
    average = np.full(table.shape[1], np.nan)
    for row, values in enumerate(table):
        age = row - first
        running = np.where((age >= 0) & (age < n), running + values, running)
        average = np.where(
            age == n - 1,
            running / n,
            np.where(age >= n, average + weight * (values - average), average),
        )
        found[row] = average
    return found


def ema(table: Table, first: First, n: int) -> Table:
    """The exponential average of n: each step is 2 / (n + 1) of the distance."""
    return smoothed(table, first, n, 2 / (n + 1))


def wilder(table: Table, first: First, n: int) -> Table:
    """Wilder's average of n: each step is 1 / n of the distance."""
    return smoothed(table, first, n, 1 / n)


def macd(close: Table, first: First) -> tuple[Table, Table, Table, Table]:
    """EMA of 12 and of 26, their difference, and its EMA of 9."""
    quick, slow = ema(close, first, 12), ema(close, first, 26)
    away = quick - slow
    return quick, slow, away, ema(away, first + 25, 9)


def rsi(close: Table, first: First, n: int = 14) -> Table:
    """Wilder's relative strength: 100 without a loss, 50 without any change."""
    change = np.vstack([np.full((1, close.shape[1]), np.nan), np.diff(close, axis=0)])
    gain = wilder(np.maximum(change, 0.0), first + 1, n)
    loss = wilder(np.maximum(-change, 0.0), first + 1, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 100 - 100 / (1 + gain / loss)
    found = np.where(loss == 0, 100.0, found)
    found = np.where((loss == 0) & (gain == 0), 50.0, found)
    return np.where(np.isnan(loss), np.nan, found)


def average_true_range(high: Table, low: Table, close: Table, first: First, n: int = 14) -> Table:
    """Wilder's average of true ranges, which begin at the second bar."""
    before = np.vstack([np.full((1, close.shape[1]), np.nan), close[:-1]])
    ranges = np.maximum(high, before) - np.minimum(low, before)
    return wilder(ranges, first + 1, n)


def returns(close: Table) -> Table:
    """The change of each close as a part of the one before; the first row has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = close[1:] / close[:-1] - 1
    found[~np.isfinite(found)] = np.nan
    return np.vstack([np.full((1, close.shape[1]), np.nan), found])


def beta(own: Table, others: Table, n: int) -> Numbers:
    """cov / var of the last n pairs of returns; unknown with fewer pairs."""
    pairs = ~(np.isnan(own) | np.isnan(others))
    newer = np.cumsum(pairs[::-1], axis=0)[::-1]
    taken = pairs & (newer <= n)
    count = taken.sum(axis=0)
    x, y = np.where(taken, others, 0.0), np.where(taken, own, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.where(taken, others - x.sum(axis=0) / count, 0.0)
        found = (away * y).sum(axis=0) / (away * away).sum(axis=0)
    return np.where((count == n) & np.isfinite(found), found, np.nan)
