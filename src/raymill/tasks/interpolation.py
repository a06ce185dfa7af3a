"""Missing values filled with the mean of the last real ones."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from raymill.flow import task
from raymill.tasks.properties import fields


@dataclass
class Recent:
    """The last real values of one key, in a ring, and how many there have been."""

    ring: NDArray[np.float64]
    n: int = 0


def _start(window: int) -> Any:
    return Recent(np.zeros(max(window, 1)))


@task(
    compiled=True,
    state=_start,
    replaces=True,
    missing=True,
    properties={
        "STATISTICS.INTERPOLATION.WINDOW_SIZE": "window",
        "STATISTICS.INTERPOLATION.USE_MSG_FIELD": fields,
        "STATISTICS.INTERPOLATION.USE_MSG_FIELD_LIST": fields,
    },
)
def interpolation(
    s: Recent, value: float | None, *, window: Annotated[int, Ge(0), Le(100_000)] = 5
) -> float | None:
    """Fill a missing value with the mean of the last `window` real values of its key.

    RIoTBench's Interpolation. Null, NaN and infinity are missing; a real value passes unchanged,
    and a filled one is not taken for real later. Without a real value so far the field stays
    missing. Writes over the field that it reads (`as_` keeps both), in its unit.

    window: how many real values are kept; 0 fills nothing.

    >>> recent = Recent(np.zeros(2))
    >>> [interpolation(recent, value, window=2) for value in (None, 1.0, 2.0, 4.0, None, None)]
    [None, 1.0, 2.0, 4.0, 3.0, 3.0]
    """
    if value is not None and math.isfinite(value):
        if window > 0:
            s.ring[s.n % window] = value
            s.n += 1
        return value
    kept = min(s.n, window)
    if kept == 0:
        return None
    total = 0.0
    for i in range(kept):
        total += float(s.ring[i])
    return total / kept
