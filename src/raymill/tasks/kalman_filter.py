"""A Kalman filter for one value: smooths a noisy sensor."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt

from raymill.flow import task
from raymill.tasks.properties import fields


@dataclass
class Estimate:
    """What the filter knows of one key: the value `x` and how uncertain it is."""

    x: float = 0.0
    p: float = 30.0


@task(
    compiled=True,
    state=lambda p0: Estimate(p=p0),
    properties={
        "STATISTICS.KALMAN_FILTER.PROCESS_NOISE": "q",
        "STATISTICS.KALMAN_FILTER.SENSOR_NOISE": "r",
        "STATISTICS.KALMAN_FILTER.ESTIMATED_ERROR": "p0",
        "STATISTICS.KALMAN_FILTER.USE_MSG_FIELDLIST": fields,
    },
)
def kalman_filter(
    s: Estimate,
    value: float,
    *,
    q: Annotated[float, Ge(0)] = 0.125,
    r: Annotated[float, Gt(0)] = 0.32,
    p0: Annotated[float, Ge(0)] = 30.0,
) -> float:
    """Smooth a noisy value, one filter per key.

    The scalar Kalman filter (R. Kalman, 1960; RIoTBench's KalmanFilter), started at x = 0, p = p0:
    `p += q; gain = p / (p + r); x += gain * (value - x); p *= 1 - gain`. The result has the unit of
    `value`.

    q: process noise, the variance that the true value gains from record to record, in squared
        units.
    r: sensor noise, the variance of a reading.
    p0: variance of the first estimate; large means that the first reading counts almost alone.

    >>> round(kalman_filter(Estimate(), 3.0), 4)
    2.9685
    """
    p = s.p + q
    gain = p / (p + r)
    s.x += gain * (value - s.x)
    s.p = (1.0 - gain) * p
    return s.x
