"""Whether two series keep together: the gate that a pair must pass before it is traded.

Engle-Granger with MacKinnon's critical values, by statsmodels (`pip install 'raymill[stats]'`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from raymill.errors import ConfigError, EngineUnavailable
from raymill.market.prices import Numbers, Prices

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Cointegration:
    """A pair, tested in both orders; `beta` and `half_life` are of the order with the smaller p."""

    p: float
    is_turned: bool  # x is explained by y, instead of y by x
    beta: float
    half_life: float | None  # bars; none where the spread does not come back


@dataclass(frozen=True, slots=True)
class PairTest:
    """A tested pair among many, and whether it holds by Benjamini-Hochberg."""

    y: str
    x: str
    found: Cointegration
    holds: bool
    tests: int  # pairs that were tested with it


def cointegrated(y: Numbers, x: Numbers) -> Cointegration:
    """Test two series of logarithms. Raises EngineUnavailable without statsmodels."""
    coint = _coint()
    ps = [
        float(coint(left, right, trend="c", autolag="aic")[1]) for left, right in ((y, x), (x, y))
    ]
    is_turned = ps[1] < ps[0]
    left, right = (x, y) if is_turned else (y, x)
    beta = hedge_ratio(left, right)
    return Cointegration(min(ps), is_turned, beta, half_life(left - beta * right))


def _coint() -> Any:
    try:
        from statsmodels.tsa.stattools import coint
    except ImportError as error:
        raise EngineUnavailable(
            "The cointegration of a pair is tested by `statsmodels`, which is not installed",
            hint="pip install 'raymill[stats]', or --set max_p=1 for pairs without a test",
        ) from error
    return coint


def hedge_ratio(y: Numbers, x: Numbers) -> float:
    """cov(x, y) / var(x): the slope of least squares with a constant; 0 where x rests."""
    away = x - np.mean(x)
    spread = float(np.dot(away, away))
    return float(np.dot(away, y - np.mean(y))) / spread if spread > 0 else 0.0


def half_life(spread: Numbers) -> float | None:
    """-ln 2 / lambda of d(spread) = c + lambda * spread before; None where lambda >= 0."""
    rate = hedge_ratio(np.diff(spread), spread[:-1])
    return -math.log(2) / rate if rate < 0 else None


def benjamini_hochberg(ps: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Which of many tests hold, with a share of false ones below `level`.

    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5])
    [True, False, False, False]
    """
    order = sorted(range(len(ps)), key=ps.__getitem__)
    most = max(
        (rank for rank, at in enumerate(order, start=1) if ps[at] <= level * rank / len(ps)),
        default=0,
    )
    holds = set(order[:most])
    return [at in holds for at in range(len(ps))]


def pair_tests(bars: Sequence[Prices], level: float = LEVEL) -> list[PairTest]:
    """Test every pair of instruments on the bars that they share, the surest first."""
    if len(bars) < 2:
        raise ConfigError("A pair needs two instruments", hint="name several price files")
    found = []
    for left, right in combinations(bars, 2):
        _, ours, theirs = np.intersect1d(left.ts, right.ts, return_indices=True)
        logs = np.log(left.close[ours]), np.log(right.close[theirs])
        found.append((left.symbol, right.symbol, cointegrated(*logs)))
    holds = benjamini_hochberg([one.p for *_, one in found], level)
    tests = [
        PairTest(y, x, one, held and one.half_life is not None, len(found))
        for (y, x, one), held in zip(found, holds, strict=True)
    ]
    return sorted(tests, key=lambda test: test.found.p)
