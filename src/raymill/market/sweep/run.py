"""Runs a sweep: chunks of sets, on one thread or several, by the amount of work."""

import hashlib
import os
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
from raymill.market.backtest import Result, check_fits
from raymill.market.costs import Costs
from raymill.market.metrics import returns_of
from raymill.market.prices import Prices, periods_per_year
from raymill.market.record import code_hash, engine_hash
from raymill.market.simulate import SUMS
from raymill.market.sweep.chunk import Job, run_chunk, run_one
from raymill.market.sweep.deflated import best_by_chance, deflated_sharpe, variance_of
from raymill.market.sweep.kept import Kept
from raymill.market.sweep.space import Sets
from raymill.market.sweep.table import figures, ranked, table

Tell = Callable[[int, int], None]
Stop = Callable[[], bool]

COLUMN_NS, BAR_NS, SET_NS = 7, 1500, 15_000  # what a bar costs on each path, and a set
CHUNK_S = 1.0  # work after which something is kept, told, and can be stopped
SHORT_S = 0.02  # below this one thread is as fast
CHUNKS = 64  # at least, where they are not too short, so that no thread waits long for the last


@dataclass(frozen=True)
class Sweep:
    """A sweep, done."""

    job: Job
    sets: Sets
    sums: NDArray[np.float64]
    engine: str

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
    kept: Kept | None = None,
    tell: Tell | None = None,
    stop: Stop | None = None,
) -> Sweep:
    """Run every set. `threads` is at most how many cores are used, all of them unless given.

    `stop` is asked after each chunk. Raises Interrupted when it says yes; chunks that are done stay
    in `kept`.
    """
    plan = plan_for(job, sets, threads or _cores())
    sums = np.zeros((len(sets), SUMS))
    done = 0
    for begin, end, rows in _chunks(job, sets, plan, kept, stop or _never):
        sums[begin:end] = rows
        done += end - begin
        if tell:
            tell(done, len(sets))
    return Sweep(job, sets, sums, plan.engine)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a sweep is run: how many threads, and how many sets in a chunk."""

    engine: str
    threads: int
    chunk: int
    work_s: float


def plan_for(job: Job, sets: Sets, cores: int) -> Plan:
    """Choose by the amount of work; Python itself runs on one thread at a time."""
    strategy = sets.strategy(0)
    columns = job.over_columns(strategy)
    bars = sum(len(one) for one in job.bars)
    each_s = (bars * (COLUMN_NS if columns else BAR_NS) + SET_NS) / 1e9
    work_s = each_s * len(sets)
    is_mostly_compiled = columns and each_s > 4 * SET_NS / 1e9
    threads = cores if is_mostly_compiled and work_s > SHORT_S else 1
    # The cut does not depend on cores: a sweep goes on with what another machine has kept.
    least, most = int(SHORT_S / each_s), int(CHUNK_S / each_s)
    chunk = max(1, min(max(len(sets) // CHUNKS, least), most))
    return Plan("threads" if threads > 1 else "serial", threads, chunk, work_s)


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
        "code": [code_hash(sets.named.kind), engine_hash()],
    }


def _chunks(
    job: Job, sets: Sets, plan: Plan, kept: Kept | None, stop: Stop
) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """The sums of all chunks as they are done; those that were kept come first."""
    due = []
    for begin in range(0, len(sets), plan.chunk):
        end = min(begin + plan.chunk, len(sets))
        found = kept.find(begin, end, SUMS) if kept else None
        if found is None:
            due.append((begin, end))
        else:
            yield begin, end, found
    for begin, end, rows in _run(job, sets, plan, due, stop):
        if kept:
            kept.keep(begin, end, rows)
        yield begin, end, rows


def _run(
    job: Job, sets: Sets, plan: Plan, due: Sequence[tuple[int, int]], stop: Stop
) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    if plan.threads == 1 or len(due) < 2:
        for begin, end in due:
            _check(stop)
            yield begin, end, run_chunk(job, sets, begin, end)
        return
    with ThreadPoolExecutor(plan.threads, "raymill-sweep") as pool:
        yield from _on_threads(pool, job, sets, plan.threads, list(due), stop)


def _on_threads(
    pool: ThreadPoolExecutor,
    job: Job,
    sets: Sets,
    threads: int,
    due: list[tuple[int, int]],
    stop: Stop,
) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """No more chunks are under way than there are threads, so that stopping waits for few."""
    running: dict[Future[NDArray[np.float64]], tuple[int, int]] = {}
    due.reverse()
    while due or running:
        while due and len(running) < threads:
            _check(stop)
            chunk = due.pop()
            running[pool.submit(run_chunk, job, sets, *chunk)] = chunk
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield *running.pop(future), future.result()


def _check(stop: Stop) -> None:
    if stop():
        raise Interrupted("The sweep was stopped")


def _never() -> bool:
    return False


def _cores() -> int:
    return len(os.sched_getaffinity(0))
