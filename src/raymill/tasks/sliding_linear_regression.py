"""A line through the last values, and where it goes next."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from raymill.flow import Out, task
from raymill.tasks.properties import fields


@dataclass
class Recent:
    """The last values of one key in order, how many came, how many wait for the first line."""

    last: NDArray[np.float64]
    n: int = 0
    waiting: int = 0


@task(
    compiled=True,
    state=lambda window: Recent(np.zeros(window)),
    unfinished="waiting",
    properties={
        "PREDICT.SIMPLE_LINEAR_REGRESSION.WINDOW_SIZE_TRAIN": "window",
        "PREDICT.SIMPLE_LINEAR_REGRESSION.WINDOW_SIZE_PREDICT": "horizon",
        "PREDICT.SIMPLE_LINEAR_REGRESSION.USE_MSG_FIELD": fields,
    },
)
def sliding_linear_regression(
    s: Recent,
    value: float,
    predictions: Annotated[NDArray[np.float64], Out("horizon")],
    *,
    window: Annotated[int, Ge(2), Le(10_000)] = 10,
    horizon: Annotated[int, Ge(1), Le(10_000)] = 10,
) -> float | None:
    """Fit a line to the last `window` values of a key and predict the next `horizon`.

    Ordinary least squares over (x, value), x being the running number of the record in its key
    (RIoTBench's SimpleLinearRegressionPredictor). Adds `predictions` (for x + 1 to x + horizon) and
    `value` (their mean), in the unit of the input. The first `window` records of a key are held
    without an answer; the record after them answers for the warm-up, and a key that never gets that
    far has its records counted as left in an unfinished window.

    window: how many values the line is fitted to.
    horizon: how many values are predicted.

    >>> recent, ahead = Recent(np.zeros(2)), np.zeros(3)
    >>> [sliding_linear_regression(recent, y, ahead, window=2, horizon=3) for y in (1.0, 3.0, 5.0)]
    [None, None, 9.0]
    >>> ahead.tolist()
    [7.0, 9.0, 11.0]
    """
    last = s.last
    for i in range(window - 1):
        last[i] = last[i + 1]
    last[window - 1] = value
    s.n += 1
    if s.n <= window:
        s.waiting = s.n
        return None
    s.waiting = 0
    middle = (window - 1) / 2.0
    total = 0.0
    lean = 0.0
    for i in range(window):
        y = float(last[i])
        total += y
        lean += (i - middle) * y
    slope = lean * 12.0 / (window * (window * window - 1.0))
    ahead = total / window + slope * middle
    for h in range(horizon):
        predictions[h] = ahead + slope * (h + 1)
    return ahead + slope * ((horizon + 1) / 2.0)
