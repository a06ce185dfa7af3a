"""What is left of the best Sharpe ratio of many: Bailey and Lopez de Prado, 2014.

Of many sets that earn nothing, the best one shows a Sharpe ratio all the same. The deflated Sharpe
ratio is the probability that the best one's true ratio is above what chance alone would show.
"""

import math
from statistics import NormalDist

import numpy as np

from raymill.market.prices import Numbers

EULER = 0.5772156649015329
_NORMAL = NormalDist()


def best_by_chance(variance: float, trials: int) -> float:
    """The Sharpe ratio that the best of so many trials without any skill is expected to show.

    >>> round(best_by_chance(0.5 / 250, 100), 4)  # the paper's example, for a day
    0.1132
    """
    if trials < 2:
        return 0.0
    first = _NORMAL.inv_cdf(1 - 1 / trials)
    second = _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(max(variance, 0.0)) * ((1 - EULER) * first + EULER * second)


def deflated_sharpe(
    sharpe: float, chance: float, count: int, skew: float, kurtosis: float
) -> float | None:
    """The probability that a true Sharpe ratio is above `chance`.

    Ratios are those of one bar, `count` is how many returns, `kurtosis` is 3 for a normal one.

    >>> chance = best_by_chance(0.5 / 250, 100)  # the paper's example
    >>> round(deflated_sharpe(2.5 / 250**0.5, chance, 1250, -3.0, 10.0), 4)
    0.9004
    """
    spread = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if count < 2 or spread <= 0:
        return None
    return _NORMAL.cdf((sharpe - chance) * math.sqrt(count - 1) / math.sqrt(spread))


def variance_of(sharpes: Numbers) -> float:
    """How much the Sharpe ratios of trials differ, those that have none left out."""
    known = sharpes[np.isfinite(sharpes)]
    return float(np.var(known, ddof=1)) if len(known) > 1 else 0.0
