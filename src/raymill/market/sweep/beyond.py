"""A sweep beyond this process: what its workers share is put once, and chunks are given out."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from raymill.errors import EngineError
from raymill.flow.batches import BatchPool, Stop, spread
from raymill.market.record import code_hash, engine_hash
from raymill.market.sweep.chunk import Job, run_chunk
from raymill.market.sweep.cut import Cut
from raymill.market.sweep.space import Sets

PLACE = f"{__name__}:run_range"

Rows: TypeAlias = NDArray[np.float64]
Beyond: TypeAlias = Callable[[float, int], BatchPool | None]
"""Asked with the seconds that one core has to work on what is left, and how many cores can work on
it in this process: the pool to go on with, None to stay here."""


class Chunk(NamedTuple):
    """Sets from one place up to another."""

    begin: int
    end: int

    def __str__(self) -> str:
        last = self.end - 1
        return f"set {last}" if self.begin == last else f"sets {self.begin} to {last}"


@dataclass(frozen=True)
class Shared:
    """What each worker of a sweep has: the bars, the sets, and which code it must run."""

    job: Job
    sets: Sets
    code: tuple[str, str] | None  # None where the code travels along

    def check(self) -> None:
        """Raise EngineError where the code of this process is another one."""
        if self.code not in (None, code_of(self.sets)):
            raise EngineError(
                f"A worker has other code of `{self.sets.named.name}` than the sweep",
                hint="use one environment and the same files on all nodes",
            )


def code_of(sets: Sets) -> tuple[str, str]:
    """Hashes of the strategy's code and of all that turns targets into figures."""
    return code_hash(sets.named.kind), engine_hash()


def run_range(shared: Shared, chunk: Chunk) -> Rows:
    """Run the sets from one place up to another, in a worker."""
    shared.check()
    return run_chunk(shared.job, shared.sets, *chunk)


def on_pool(
    pool: BatchPool, job: Job, sets: Sets, cut: Cut, stop: Stop
) -> Iterator[tuple[int, int, Rows]]:
    """The sums of what is left, as workers tell them; fewer when `stop` says yes.

    Raises what a strategy raised, EngineError where workers are lost again and again.
    """
    cut.spread_over(pool.size)
    held = pool.put(Shared(job, sets, code_of(sets) if sets.named.place else None))
    chunks = ([Chunk(*chunk)] for chunk in cut.chunks())
    try:
        with closing(spread(pool, PLACE, chunks, held, stop=stop)) as ends:
            for (chunk,), ended in ends:
                (answer,) = ended.answers
                if answer.error is not None:
                    raise answer.error
                cut.saw(chunk.end - chunk.begin, ended.seconds)
                yield *chunk, answer.value
    finally:
        pool.drop(held)
