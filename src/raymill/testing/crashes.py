"""Kill a workflow at every point where it could die, and look whether it goes on rightly."""

import os
import signal
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from raymill import faults, json
from raymill.app.workbench import Workbench
from raymill.flow.workflow import Workflow
from raymill.state.store import ENDED, StateStore, open_store

Place = tuple[str, int]  # a fault point, and how many times this process has passed it

MOST = 1000
MEMORY = Path("/dev/shm")  # what a killed process wrote is there, without waiting for a disk


@dataclass(frozen=True)
class Crash:
    """One crash: at which point, how many results were recorded, how the run ended after it."""

    number: int
    point: str
    recorded: int
    output: Any


def crash_at_every_point(
    workflow: Workflow,
    value: Any = None,
    *,
    workers: int = 1,
    before: Callable[[], Any] = lambda: None,
    check: Callable[[Crash], Any] = lambda crash: None,
    folder: str | Path | None = None,
    database: Callable[[], str] = str,
) -> list[Crash]:
    """Run a workflow in a process that is killed at a fault point, again and again.

    Each process dies at the first point where none has died before; a name that is passed again
    is another point. The last process finds no such point, so each point that it passed has had
    its crash, in whatever order threads reach them. After each kill a new orchestrator goes on
    from the store. Raises AssertionError if the run does not complete, an acknowledged submission
    is lost, or a recorded result changes.

    before: called before each crash, to clear the effects of the one before.
    check: called after each recovery; it may raise AssertionError.
    database: gives the address of an empty PostgreSQL database for each crash; usually the store
    lies in files.
    """
    crashes: list[Crash] = []
    died: set[Place] = set()
    usual = MEMORY if MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="raymill-crash-", dir=folder or usual) as room:
        for number in range(1, MOST):
            before()
            home = Path(room) / str(number)
            url = database()
            place = _run_until(home, url, workflow, value, workers, died)
            if place is None:
                return crashes
            died.add(place)
            crashes.append(_recover(home, url, workflow, workers, number, place[0]))
            check(crashes[-1])
    raise AssertionError(f"no end after {MOST} crashes")


def _run_until(
    home: Path, url: str, workflow: Workflow, value: Any, workers: int, died: set[Place]
) -> Place | None:
    """Submit, then run in a process of its own; gives the place at which it was killed."""
    home.mkdir()
    store = open_store(home, url)
    body = {"workflow": workflow.name, "place": workflow.name, "input": value, "priority": None}
    store.send([("submit", "run", json.dumps(body))], 1.0)
    store.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside other threads
        child = os.fork()
    if child == 0:
        with suppress(BaseException):
            _doomed(home, url, workflow, workers, died)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        return None
    name, time = (home / "point").read_text().split()
    return name, int(time)


def _doomed(home: Path, url: str, workflow: Workflow, workers: int, died: set[Place]) -> None:
    faults.disarm()
    passed: Counter[str] = Counter()
    one_dies = Lock()

    def die(name: str) -> None:
        with one_dies:
            passed[name] += 1
            if (name, passed[name]) not in died:
                (home / "point").write_text(f"{name} {passed[name]}")
                os.kill(os.getpid(), signal.SIGKILL)

    faults.watch(die)
    Workbench(home, workflow, url=url, workers=workers).run()


def _recover(
    home: Path, url: str, workflow: Workflow, workers: int, number: int, point: str
) -> Crash:
    bench = Workbench(home, workflow, url=url, workers=workers)
    recorded = _recorded(bench.store)
    try:
        bench.run()
        rows = bench.store.runs(most=1_000_000)
        where = f"after crash {number} at `{point}`"
        assert any(row.id == "run" for row in rows), f"{where} the submission is lost"
        open_ = [row.id for row in rows if row.status not in ENDED]
        assert not open_, f"{where} these runs have not ended: {open_}"
        after = _recorded(bench.store)
        changed = [key for key, result in recorded.items() if after.get(key) != result]
        assert not changed, f"{where} these recorded results changed: {changed}"
        return Crash(number, point, len(recorded), bench.output("run"))
    finally:
        bench.close()


def _recorded(store: StateStore) -> dict[tuple[str, str, int], bytes | None]:
    return {
        (row.run, row.step, row.item): row.output
        for run in store.runs(most=1_000_000)
        for row in store.steps(run.id)
        if row.status == "done"
    }
