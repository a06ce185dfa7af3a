"""Made bars: a random walk that is the same on every machine."""

from itertools import islice
from typing import Any

import numpy as np

from raymill.market.named import find
from raymill.market.prices import Prices
from raymill.market.sweep.space import Range, Sets, checked, grid

DAYS, MINUTES = 2_520, 500_000
SETS = 1_000
DAY_US, MINUTE_US = 86_400_000_000, 60_000_000
COSTS = {"days": 10.0, "minutes": 0.2}  # fee in bps


def days(count: int = DAYS) -> Prices:
    """Daily bars of ten years."""
    return _walk(count, 0.01, DAY_US)


def minutes(count: int = MINUTES) -> Prices:
    """Bars of a minute."""
    return _walk(count, 0.001, MINUTE_US)


def _walk(count: int, step: float, every: int) -> Prices:
    rng = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(rng.normal(0, step, count)))
    first = np.append(100.0, close[:-1])
    high, low = np.maximum(first, close), np.minimum(first, close)
    return Prices("MADE", np.arange(count) * every, first, high, low, close, np.ones(count))


def pairs(count: int = SETS) -> list[dict[str, Any]]:
    """Pairs of a fast and a slow average."""
    fast, slow = Range(2, 50, 2), Range(60, 450, 10)
    return list(islice(grid({"fast": fast, "slow": slow}), count))


def sets(count: int = SETS) -> Sets:
    """The same, checked."""
    return checked(find("sma_cross"), pairs(count))
