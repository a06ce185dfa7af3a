"""What a store costs that is full of finished runs, and how soon it answers while it is busy."""

import itertools
import threading
import time
from collections.abc import Iterator

from raymill.bench.case import Case, Sample, Setup, Work, speed
from raymill.bench.workflows.rates import RATE, run_many
from raymill.state.sqlite import SqliteStore
from raymill.state.store import Changes, RunRow

FINISHED = 100_000
COMMIT = 2_000
IN_FLIGHT = 64
USUAL = 10_000
LOOK_S = 0.02


def cases() -> Iterator[Case]:
    """Runs beside many finished ones; looks at a store at work."""
    text = f"runs of 4 steps that do nothing, {IN_FLIGHT} in flight, beside {FINISHED:,} finished"
    against = "workflows.sqlite_full.inflight_64"
    name = "workflows.full_store.inflight_64"
    yield Case(name, text, _beside, unit=RATE, stream="", against=against)
    text = "the longest that a run and a page of runs took to be read meanwhile"
    yield Case("workflows.status_while_busy", text, _status, unit="ms", stream="", most_runs=3)


def fill(setup: Setup, name: str) -> int:
    """Put finished runs into a store. Gives how many."""
    store, count = SqliteStore(setup.folder / name), setup.count(FINISHED)
    lease = store.acquire("bench", 3600, 1.0, lambda owner: None)
    assert lease is not None
    usual = RunRow("", "w", "w", "1", "completed", 0, b"1", b"1", None, None, 0.0, 1.0)
    for first in range(0, count, COMMIT):
        numbers = range(first, min(count, first + COMMIT))
        rows = [usual._replace(id=f"{n:012x}", created=float(n)) for n in numbers]
        store.commit(lease.epoch, 1.0, 3600, Changes(rows))
    store.release(lease.epoch)
    store.close()
    return count


def _beside(setup: Setup) -> Work:
    fill(setup, "full-runs")
    count = setup.count(USUAL)
    return speed(lambda: run_many(setup, count, IN_FLIGHT, "full-runs"), 1)


def _status(setup: Setup) -> Work:
    turn, count = itertools.count(), setup.count(USUAL)

    def work() -> Sample:
        name = f"busy-{next(turn)}"
        store, over = SqliteStore(setup.folder / name), threading.Event()
        longest = [0.0]

        def look() -> None:
            is_over = False
            while not is_over:
                begun = time.perf_counter()
                page = store.runs(most=50)
                if page:
                    store.run(page[-1].id)
                    store.steps(page[-1].id)
                longest[0] = max(longest[0], time.perf_counter() - begun)
                is_over = over.wait(LOOK_S)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            run_many(setup, count, IN_FLIGHT, name)
        finally:
            over.set()
            thread.join()
            store.close()
        return Sample(longest[0] * 1e3, count)

    return work
