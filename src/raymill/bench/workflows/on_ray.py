"""Workflows of four steps that do nothing, with their steps on Ray actors.

Neither the cluster nor its workers start within the time.
"""

import itertools
from collections.abc import Iterator, Sequence

from raymill.bench.case import Case, Setup, Work, speed
from raymill.bench.workflows.rates import RATE, STEPS, run_many
from raymill.engines.ray.pool import RayPool
from raymill.flow.pool import Call, Key, Reports, Result

IN_FLIGHT = 64
USUAL = 10_000
WORKERS = 2


class Kept:
    """A pool that stays open between orchestrators."""

    def __init__(self, pool: RayPool) -> None:
        self._pool = pool
        self._reports: Reports | None = None
        pool.open(self)

    @property
    def size(self) -> int:
        """How many workers there are."""
        return self._pool.size

    def open(self, reports: Reports) -> None:
        """Report to another orchestrator."""
        self._reports = reports

    def results(self, results: Sequence[Result]) -> None:
        """Some attempts ended."""
        if self._reports is not None:
            self._reports.results(results)

    def save(self, key: Key, progress: bytes) -> None:
        """Commit an attempt's progress."""
        assert self._reports is not None
        self._reports.save(key, progress)

    def submit(self, calls: Sequence[Call]) -> None:
        """Run calls one after the other on a worker that is idle."""
        self._pool.submit(calls)

    def cancel(self, key: Key) -> None:
        """Stop an attempt."""
        self._pool.cancel(key)

    def close(self) -> None:
        """Stay open."""


def cases() -> Iterator[Case]:
    """With many runs in flight."""
    text = f"runs of {STEPS} steps that do nothing on {WORKERS} Ray actors, {IN_FLIGHT} in flight"
    name = f"workflows.ray.inflight_{IN_FLIGHT}"
    yield Case(name, f"{text}, SQLite FULL", _rate, unit=RATE, stream="", needs="ray")


def _rate(setup: Setup) -> Work:
    pool = RayPool(setup.folder / "artifacts", workers_min=WORKERS, workers_max=WORKERS)
    kept = Kept(pool)
    setup.lasting.callback(pool.close)
    turn, count = itertools.count(), setup.count(USUAL)
    return speed(lambda: run_many(setup, count, IN_FLIGHT, f"ray-{next(turn)}", pool=kept), 1)
