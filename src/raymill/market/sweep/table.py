"""The sums of a sweep as a table: parameters beside figures, a row for each set."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.errors import unknown
from raymill.market.metrics import EVEN
from raymill.market.simulate import Sum
from raymill.market.sweep.space import Sets

FIGURES = (
    "final_equity",
    "total_return",
    "cagr",
    "ann_vol",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "closed_trades",
    "win_rate",
    "turnover",
    "exposure",
    "fees",
)
SMALLER_IS_BETTER = ("ann_vol", "turnover", "fees")


def figures(
    sums: NDArray[np.float64], count: int, cash: float, per_year: float
) -> dict[str, NDArray[np.float64]]:
    """The figures of rows of sums, NaN where one has no meaning; as in `metrics.FORMULAS`."""
    column = {one: sums[:, one] for one in Sum}
    final, root = column[Sum.FINAL] / cash, math.sqrt(per_year)
    mean = column[Sum.RETURNS] / count
    spread = column[Sum.SQUARES] - count * mean * mean
    spread = np.where(spread <= EVEN * column[Sum.SQUARES], 0.0, spread)
    deviation = np.sqrt(spread / max(count - 1, 1))
    with np.errstate(over="ignore"):  # what no number can tell is infinite
        grown = np.where(final > 0, np.maximum(final, 0.0) ** (per_year / count), 0.0) - 1.0
    marks, closed = column[Sum.EQUITY] / count, column[Sum.CLOSED]
    return {
        "final_equity": final,
        "total_return": final - 1.0,
        "cagr": grown,
        "ann_vol": deviation * root,
        "sharpe": _per(mean, deviation) * root,
        "sortino": _per(mean, np.sqrt(column[Sum.DOWN] / count)) * root,
        "max_drawdown": column[Sum.DRAWDOWN],
        "calmar": _per(grown, -column[Sum.DRAWDOWN]),
        "closed_trades": closed,
        "win_rate": _per(column[Sum.WINS], closed),
        "turnover": _per(column[Sum.TRADED], marks) / (count / per_year),
        "exposure": column[Sum.INVESTED] / count,
        "fees": column[Sum.FEES],
    }


def table(sets: Sets, found: dict[str, NDArray[np.float64]]) -> pa.Table:
    """Parameters and figures, a row for each set."""
    names = [one.name for one in sets.named.parameters]
    columns: dict[str, Any] = {
        name: arrow.array([one[name] for one in sets.values]) for name in names
    }
    for name in FIGURES:
        columns[name] = pa.array(found[name], pa.float64(), from_pandas=True)
    columns["closed_trades"] = arrow.cast(columns["closed_trades"], pa.int64())
    return pa.table(columns)


def ranked(found: dict[str, NDArray[np.float64]], metric: str) -> Sequence[int]:
    """The places of the sets, the best first, those without the figure last.

    Raises UnknownName with near matches.
    """
    if metric not in FIGURES:
        raise unknown("figure", metric, FIGURES)
    values = found[metric] if metric in SMALLER_IS_BETTER else -found[metric]
    order: list[int] = np.argsort(values, kind="stable").tolist()  # NaN comes last
    return order


def _per(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)
