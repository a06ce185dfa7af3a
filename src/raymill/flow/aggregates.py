"""Aggregates: what a window computes, in two compiled steps. Write your own in the same three
lines."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Aggregate:
    """state: makes the empty state; add: takes one value in; result: what the window answers.

    `result(s) -> float` adds a column `value`; a NamedTuple adds one column for each of its fields.
    """

    state: Callable[[], Any]
    add: Callable[[Any, float], None]
    result: Callable[[Any], Any]


@dataclass
class Sum:
    """Number of values and their sum."""

    n: int = 0
    total: float = 0.0


@dataclass
class Extreme:
    """The smallest and the largest value."""

    low: float = np.inf
    high: float = -np.inf


@dataclass
class Moments:
    """Welford's running mean and sum of squared differences."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0


def _add_sum(s: Sum, value: float) -> None:
    s.n += 1
    s.total += value


def _mean(s: Sum) -> float:
    return s.total / s.n


def _total(s: Sum) -> float:
    return s.total


def _tally(s: Sum) -> int:
    return s.n


def _add_extreme(s: Extreme, value: float) -> None:
    s.low = min(s.low, value)
    s.high = max(s.high, value)


def _minimum(s: Extreme) -> float:
    return s.low


def _maximum(s: Extreme) -> float:
    return s.high


def _add_moments(s: Moments, value: float) -> None:
    s.n += 1
    delta = value - s.mean
    s.mean += delta / s.n
    s.squares += delta * (value - s.mean)


def _spread(s: Moments) -> float:
    return float(np.sqrt(s.squares / (s.n - 1))) if s.n > 1 else 0.0


mean = Aggregate(Sum, _add_sum, _mean)
total = Aggregate(Sum, _add_sum, _total)
tally = Aggregate(Sum, _add_sum, _tally)
minimum = Aggregate(Extreme, _add_extreme, _minimum)
maximum = Aggregate(Extreme, _add_extreme, _maximum)
spread = Aggregate(Moments, _add_moments, _spread)  # sample standard deviation

BUILT_IN = {
    "mean": mean,
    "total": total,
    "tally": tally,
    "minimum": minimum,
    "maximum": maximum,
    "spread": spread,
}
