"""Workflows of four steps that do nothing: each result is on the disk before the next begins."""

import itertools
from collections.abc import Callable, Iterator

from raymill.app.workbench import Workbench
from raymill.bench.case import Case, Setup, Work, speed
from raymill.flow.places import workflow_at
from raymill.flow.pool import WorkerPool
from raymill.flow.workflow import Step, Workflow
from raymill.orchestrator.turn import Pace
from raymill.state.store import RunRow

RATE = "workflows/s"
STEPS = 4
IN_FLIGHT = ((64, 10_000), (1, 1_000))


def nothing(value: int) -> int:
    """Hand a value on."""
    return value


def cases() -> Iterator[Case]:
    """With many runs in flight, then one after the other."""
    for in_flight, usual in IN_FLIGHT:
        text = f"runs of {STEPS} steps that do nothing, {in_flight} in flight, SQLite FULL"
        name = f"workflows.sqlite_full.inflight_{in_flight}"
        yield Case(name, text, _rate(in_flight, usual), unit=RATE, stream="")


def four_steps() -> Workflow:
    """A workflow of four steps that do nothing."""
    return Workflow("four", *(Step(nothing, name=f"step_{n}") for n in range(STEPS)))


def _rate(in_flight: int, usual: int) -> Callable[[Setup], Work]:
    def prepare(setup: Setup) -> Work:
        turn = itertools.count()
        count = setup.count(usual)
        return speed(lambda: run_many(setup, count, in_flight, f"{in_flight}-{next(turn)}"), 1)

    return prepare


FOUR = four_steps()
PLACE = f"{__name__}:FOUR"


def run_many(
    setup: Setup,
    count: int,
    in_flight: int,
    name: str,
    *,
    url: str = "",
    pool: WorkerPool | None = None,
) -> int:
    """Run so many runs with so many in flight. Gives how many completed.

    url: the PostgreSQL database that keeps them, else they lie in files; pool: runs their steps,
    else a thread does.
    """
    left = {"to start": count - min(count, in_flight), "to end": count, "completed": 0}

    def ended(row: RunRow) -> None:
        left["to end"] -= 1
        left["completed"] += row.status == "completed"
        if left["to start"]:
            left["to start"] -= 1
            bench.start(FOUR, 1, place=PLACE)
        elif not left["to end"]:
            bench.orchestrator.stop()

    folder, pace = setup.folder / name, Pace()
    bench = Workbench(
        folder, url=url, workers=1, pool=pool, find=workflow_at, pace=pace, ended=ended
    )
    try:
        bench.start(FOUR, *[1] * min(count, in_flight), place=PLACE)
        bench.run()
    finally:
        bench.close()
    return left["completed"]
