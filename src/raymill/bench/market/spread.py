"""Sweeps bar by bar: in this process, in two, on Ray with two workers. Workers are up before."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from raymill.bench.case import Case, Sample, Setup, Work
from raymill.bench.market import series
from raymill.bench.streams.on_ray import cluster
from raymill.engines.batch_pool import LocalBatchPool
from raymill.engines.ray.batch_pool import RayBatchPool
from raymill.flow.batches import BatchPool
from raymill.market.costs import Costs
from raymill.market.named import Named
from raymill.market.strategies.sma_cross import SmaCross
from raymill.market.strategy import Strategy
from raymill.market.sweep.run import job_for, sweep
from raymill.market.sweep.space import checked

NAME = "market.sweep.on_bar"
SETS, BARS, WORKERS = 400, 10_000, 2


@dataclass
class BarByBar(SmaCross):
    """Two moving averages without a path over columns."""

    vector = Strategy.vector


def cases() -> Iterator[Case]:
    """The same sweep by one process, by two, and by two actors."""
    text = f"{SETS} pairs over {BARS:,} bars, bar by bar in this process"
    yield Case(f"{NAME}.one_process", text, _sweep(None), "s", "", most_runs=3)
    for row, text, make, needs in (
        ("two_processes", "the same in two processes with one copy of the bars", _processes, ""),
        ("ray", "the same on Ray, two workers", _actors, "ray"),
    ):
        yield Case(
            f"{NAME}.{row}",
            text,
            _sweep(make),
            "s",
            "",
            against=f"{NAME}.one_process",
            most_runs=3,
            needs=needs,
        )


def _processes(setup: Setup) -> BatchPool:
    return LocalBatchPool(WORKERS)


def _actors(setup: Setup) -> BatchPool:
    cluster(setup)
    return RayBatchPool(WORKERS)


def _sweep(make: Callable[[Setup], BatchPool] | None) -> Callable[[Setup], Work]:
    def prepare(setup: Setup) -> Work:
        sets = checked(Named("sma_cross", BarByBar), series.pairs(max(8, setup.count(SETS))))
        job = job_for(sets, series.minutes(BARS), Costs(), per_year=1e5)
        pool = make(setup) if make else None
        if pool is not None:
            setup.lasting.callback(pool.close)

        def work() -> Sample:
            begun = time.perf_counter()
            trials = sweep(job, sets, beyond=lambda left_s, here: pool).trials
            return Sample(time.perf_counter() - begun, trials)

        return work

    return prepare
