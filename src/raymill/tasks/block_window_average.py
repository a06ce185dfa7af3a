"""The mean of each block of values."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from raymill.flow import task
from raymill.tasks.properties import fields


@dataclass
class Block:
    """The open block of one key: how many values, and their sum."""

    n: int = 0
    total: float = 0.0


def rest(s: Block) -> float | None:
    """Answer the mean of a block that is not full, or nothing when it is empty."""
    return s.total / s.n if s.n > 0 else None


@task(
    compiled=True,
    state=Block,
    unfinished="n",
    flush=rest,
    properties={
        "AGGREGATE.BLOCK_COUNT.WINDOW_SIZE": "window",
        "AGGREGATE.BLOCK_AVERAGE.USE_MSG_FIELD": fields,
    },
)
def block_window_average(
    s: Block, value: float, *, window: Annotated[int, Ge(1)] = 10
) -> float | None:
    """Answer the mean of every `window` values of a key, on the record that fills the window.

    A tumbling window by count (RIoTBench's BlockWindowAverage); the result has the unit of `value`.
    What is left in an open window at the end is counted as skipped, or answered with `flush=true`.

    window: how many records make a block.

    >>> block = Block()
    >>> [block_window_average(block, value, window=2) for value in (1.0, 2.0, 5.0)]
    [None, 1.5, None]
    """
    s.n += 1
    s.total += value
    if s.n < window:
        return None
    mean = s.total / s.n
    s.n = 0
    s.total = 0.0
    return mean
