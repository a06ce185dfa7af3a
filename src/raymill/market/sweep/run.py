"""Runs a sweep: chunks of sets, on one thread, several, or a pool, by the amount of work."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import json
from raymill.errors import Interrupted
from raymill.flow.batches import BatchPool, Stop
from raymill.market.backtest import Result, check_fits
from raymill.market.costs import Costs
from raymill.market.metrics import returns_of
from raymill.market.prices import Prices, periods_per_year
from raymill.market.simulate import SUMS
from raymill.market.sweep.beyond import Beyond, Rows, code_of, on_pool
from raymill.market.sweep.chunk import Job, run_chunk, run_one
from raymill.market.sweep.cut import CHUNK_S, Cut, gaps
from raymill.market.sweep.deflated import best_by_chance, deflated_sharpe, variance_of
from raymill.market.sweep.kept import Kept
from raymill.market.sweep.space import Sets
from raymill.market.sweep.table import figures, ranked, table

Tell = Callable[[int, int], None]

COLUMN_NS, BAR_NS, SET_NS = 7, 1500, 15_000  # what a bar costs on each path, and a set
SHORT_S = 0.02  # below this one thread is as fast
CHUNKS = 64  # at least, where they are not too short, so that no thread waits long for the last


@dataclass(frozen=True)
class Sweep:
    """A sweep, done."""

    job: Job
    sets: Sets
    sums: NDArray[np.float64]
    engine: str
    workers: int

    @cached_property
    def figures(self) -> dict[str, NDArray[np.float64]]:
        """The figures by name, NaN where one has no meaning."""
        return figures(self.sums, self.job.counted, self.job.cash, self.job.per_year)

    @cached_property
    def table(self) -> pa.Table:
        """Parameters beside figures, a row for each set."""
        return table(self.sets, self.figures)

    @property
    def trials(self) -> int:
        """How many parameter sets were tried."""
        return len(self.sets)

    def best(self, metric: str, count: int = 1) -> Sequence[int]:
        """The places of the best sets. Raises UnknownName."""
        return ranked(self.figures, metric)[:count]

    def again(self, at: int) -> Result:
        """The run of one set, whole."""
        return run_one(self.job, self.sets.strategy(at))

    def deflated(self, at: int) -> "Deflated":
        """What is left of the Sharpe ratio of a set after so many trials."""
        done = self.again(at)
        moves = returns_of(done.equity[self.job.muted :], done.cash)
        root = float(np.sqrt(self.job.per_year))
        sharpe = done.basics.sharpe
        chance = best_by_chance(variance_of(self.figures["sharpe"] / root), self.trials)
        probability = None
        skew, kurtosis = done.more.skew, done.more.kurtosis
        if sharpe is not None and skew is not None and kurtosis is not None:
            probability = deflated_sharpe(sharpe / root, chance, len(moves), skew, kurtosis + 3)
        return Deflated(probability, chance * root, self.trials)


@dataclass(frozen=True, slots=True)
class Deflated:
    """The probability that the true Sharpe ratio is above what chance shows for so many trials."""

    deflated_sharpe: float | None
    sharpe_by_chance: float  # a year
    trials: int


def job_for(
    sets: Sets,
    bars: Prices | Sequence[Prices],
    costs: Costs | None = None,
    *,
    cash: float = 1.0,
    per_year: float | None = None,
    muted: int = 0,
    seed: int = 0,
) -> Job:
    """What a sweep shares. Raises ConfigError where a strategy cannot run over the bars."""
    given = (bars,) if isinstance(bars, Prices) else tuple(bars)
    check_fits(sets.strategy(0), given, "auto", cash)
    if per_year is None:
        ts = given[0].ts if len(given) == 1 else np.unique(np.concatenate([x.ts for x in given]))
        per_year = periods_per_year(given[0].interval, ts).per_year
    return Job(given, costs or Costs(), float(cash), per_year, muted, seed)


def sweep(
    job: Job,
    sets: Sets,
    *,
    threads: int | None = None,
    beyond: Beyond | None = None,
    kept: Kept | None = None,
    tell: Tell | None = None,
    stop: Stop | None = None,
) -> Sweep:
    """Run every set. `threads` is at most how many cores are used, all of them unless given.

    `beyond` is asked for other workers, as soon as it is known how much work there is. `stop` is
    asked before each chunk, and all the time where others work. Raises Interrupted when it says
    yes; chunks that are done stay in `kept`.
    """
    plan = plan_for(job, sets, threads or _cores())
    run = _Run(job, sets, plan, beyond or _nobody, stop or _never)
    sums = np.zeros((len(sets), SUMS))
    done = 0
    for begin, end, rows in run.all(kept):
        sums[begin:end] = rows
        done += end - begin
        if tell:
            tell(done, len(sets))
    if done < len(sets):
        raise Interrupted("The sweep was stopped")
    return Sweep(job, sets, sums, run.engine, run.workers)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a sweep begins: on how many threads, and with how many sets in a chunk of columns."""

    engine: str
    threads: int
    chunk: int
    each_s: float  # what a set takes
    columns: bool  # whether it is run over columns


def plan_for(job: Job, sets: Sets, cores: int) -> Plan:
    """Choose by the amount of work; Python itself runs on one thread at a time."""
    strategy = sets.strategy(0)
    columns = job.over_columns(strategy)
    bars = sum(len(one) for one in job.bars)
    each_s = (bars * (COLUMN_NS if columns else BAR_NS) + SET_NS) / 1e9
    work_s = each_s * len(sets)
    is_mostly_compiled = columns and each_s > 4 * SET_NS / 1e9
    threads = cores if is_mostly_compiled and work_s > SHORT_S else 1
    least, most = int(SHORT_S / each_s), int(CHUNK_S / each_s)
    chunk = max(1, min(max(len(sets) // CHUNKS, least), most))
    return Plan("threads" if threads > 1 else "serial", threads, chunk, each_s, columns)


def identity(job: Job, sets: Sets) -> dict[str, Any]:
    """What makes a sweep the same as another one: then its chunks are."""
    return {
        "strategy": sets.named.name,
        "sets": hashlib.sha256(json.dumps(list(sets.values))).hexdigest(),
        "bars": [one.sha256 for one in job.bars],
        "costs": asdict(job.costs),
        "cash": job.cash,
        "per_year": job.per_year,
        "muted": job.muted,
        "seed": job.seed,
        "code": [*code_of(sets)],
    }


class _Run:
    """One sweep on its way: in this process, and on a pool once there is reason to."""

    def __init__(self, job: Job, sets: Sets, plan: Plan, beyond: Beyond, stop: Stop) -> None:
        self.job, self.sets, self.plan = job, sets, plan
        self.beyond, self.stop = beyond, stop
        self.engine, self.workers = plan.engine, plan.threads

    def all(self, kept: Kept | None) -> Iterator[tuple[int, int, Rows]]:
        """The sums of all chunks as they are done; those that were kept come first."""
        there = []
        for begin, end, rows in kept.found(SUMS) if kept else ():
            there.append((begin, end))
            yield begin, end, rows
        size = self.plan.chunk if self.plan.columns else None
        cut = Cut(gaps(there, len(self.sets)), size)
        for begin, end, rows in self._chunks(cut):
            if kept:
                kept.keep(begin, end, rows)
            yield begin, end, rows

    def _chunks(self, cut: Cut) -> Iterator[tuple[int, int, Rows]]:
        if self.plan.threads == 1:
            yield from self._alone(cut)
        elif (pool := self.beyond(self.plan.each_s * cut.left, self.plan.threads)) is not None:
            yield from self._on(pool, cut)
        else:
            with ThreadPoolExecutor(self.plan.threads, "raymill-sweep") as threads:
                yield from self._on_threads(threads, cut)

    def _alone(self, cut: Cut) -> Iterator[tuple[int, int, Rows]]:
        """On this thread. The first chunk may have loaded and compiled what the second one tells
        the time without."""
        for begin, end in cut.chunks():
            if self.stop():
                return
            begun = time.perf_counter()
            rows = run_chunk(self.job, self.sets, begin, end)
            cut.saw(end - begin, time.perf_counter() - begun)
            yield begin, end, rows
            pool = self.beyond(cut.left_s, 1) if cut.seen > 1 and cut.left else None
            if pool is not None:
                yield from self._on(pool, cut)
                return

    def _on(self, pool: BatchPool, cut: Cut) -> Iterator[tuple[int, int, Rows]]:
        self.engine, self.workers = pool.name, pool.size
        yield from on_pool(pool, self.job, self.sets, cut, self.stop)

    def _on_threads(self, threads: ThreadPoolExecutor, cut: Cut) -> Iterator[tuple[int, int, Rows]]:
        """No more chunks are under way than there are threads, so that stopping waits for few."""
        running: dict[Future[Rows], tuple[int, int]] = {}
        chunks = cut.chunks()
        while True:
            while len(running) < self.plan.threads and not self.stop():
                if (chunk := next(chunks, None)) is None:
                    break
                running[threads.submit(run_chunk, self.job, self.sets, *chunk)] = chunk
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield *running.pop(future), future.result()


def _nobody(left_s: float, threads: int) -> None:
    return None


def _never() -> bool:
    return False


def _cores() -> int:
    return len(os.sched_getaffinity(0))
