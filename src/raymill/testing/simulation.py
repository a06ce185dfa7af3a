"""Workflows in a simulated world in which everything goes wrong, as a seed decides."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from raymill import faults as points
from raymill import log
from raymill.flow.workflow import Workflow
from raymill.state.artifacts import Artifacts
from raymill.state.store import RunRow, StateStore
from raymill.testing.crashes import MEMORY
from raymill.testing.faultplan import FaultPlan
from raymill.testing.memory_store import Memory, MemoryStore
from raymill.testing.simulated_people import People
from raymill.testing.simulated_processes import Processes
from raymill.testing.simulated_world import START, World
from raymill.testing.witness import Witness

CALM_S = 100.0  # virtual seconds after which what is not under way never will be
FAULTY = ("run.swept", "step.swept", "run.broken")  # what the loop says when it mends itself


@dataclass(frozen=True)
class Simulated:
    """How a simulation went."""

    runs: Mapping[str, RunRow]
    """All runs, by id."""
    outputs: list[Any]
    """What the runs gave that were submitted, in order; None where one did not complete."""
    faults: Mapping[str, int]
    """What went wrong, and how often."""
    history: str
    """What happened, one thing a line."""


class SimCluster:
    """Orchestrators with their workers, a store, and people who ask for things, in one process.

    Time is virtual and chance comes from the seed, so that the same seed is the same history.
    Steps are called as plain functions; one that takes `ctx` may die wherever it saves, checks or
    waits. For `seconds` all goes wrong that `faults` plans, a little of everything unless told;
    then nothing does, and every run must come to its end.

    workflow: one, which is run once for each value, or several, for `submit`; answers: what a
    person says to each question, by the name of its step; orchestrators: processes, of which one
    runs the workflows and the others stand by; store: opens a door to the same store each time,
    instead of one in memory; on_demand: processes are started by submitting and leave when they are
    idle, instead of standing by; sees_owners: a process can tell whether the one that has the lease
    lives, as on one machine. Where they are not told the seed decides.

    >>> double = Workflow("double", lambda value: 2 * value, version="1")
    >>> SimCluster(double, 3, 4, seed=1).run().outputs
    [6, 8]
    """

    def __init__(
        self,
        workflow: Workflow | Sequence[Workflow],
        *values: Any,
        seed: int = 0,
        faults: FaultPlan | None = None,
        answers: Mapping[str, Any] | None = None,
        orchestrators: int = 2,
        workers: int = 2,
        seconds: float = 30.0,
        store: Callable[[], StateStore] | None = None,
        on_demand: bool | None = None,
        sees_owners: bool | None = None,
    ) -> None:
        flows = [workflow] if isinstance(workflow, Workflow) else list(workflow)
        self.seed, self.faults = seed, FaultPlan.everything() if faults is None else faults
        self._seconds, self._orchestrators = seconds, orchestrators
        self._world = World(seed)
        self._witness = Witness(self._world)
        self._store = store or partial(MemoryStore, Memory())
        self._doors: list[StateStore] = []
        self._processes = Processes(
            self._world,
            self._witness,
            self.faults,
            {flow.name: flow for flow in flows},
            store=self._opened,
            workers=workers,
            on_demand=on_demand,
            sees_owners=sees_owners,
        )
        self._people = People(
            self._world, self._witness, self._processes, self._opened, answers or {}
        )
        self._ids: list[str] = []
        if isinstance(workflow, Workflow):
            for value in values or (None,):
                self.submit(workflow, value, at=self._world.between(0.0, seconds / 2))

    def _opened(self) -> StateStore:
        self._doors.append(self._store())
        return self._doors[-1]

    def submit(
        self,
        workflow: Workflow,
        value: Any = None,
        *,
        at: float = 0.0,
        priority: int | None = None,
        engine: str = "local",
    ) -> str:
        """Have a run submitted after so many seconds; gives its id."""
        run = f"r{len(self._ids)}"
        self._ids.append(run)
        about: dict[str, Any] = {"workflow": workflow.name, "place": workflow.name}
        about |= {"input": value, "priority": priority, "engine": engine}
        self.send("submit", run, about, at=at)
        return run

    def request(self, run: str, kind: str, *, at: float) -> None:
        """Have a run cancelled, paused, resumed or retried after so many seconds."""
        self.send(kind, run, {}, at=at)

    def answer(self, run: str, step: str, value: Any, *, at: float) -> None:
        """Have a question answered after so many seconds."""
        self.send("answer", run, {"step": step, "item": -1, "value": value}, at=at)

    def send(self, kind: str, run: str, about: Any, *, at: float) -> None:
        """Have any message sent after so many seconds."""
        self._people.ask(kind, run, about, at)

    def crash(self, *, at: float) -> None:
        """Have the process killed that runs the workflows after so many seconds."""
        self._world.after(at, self._processes.crash)

    def freeze(self, *, at: float, seconds: float) -> None:
        """Have the process stand still that runs the workflows then."""
        self._world.after(at, partial(self._processes.freeze, seconds))

    def deploy(self, workflow: Workflow, *, at: float) -> None:
        """Have processes that start later find this code under the workflow's name."""
        self._world.after(at, partial(self._deploy, workflow))

    def _deploy(self, workflow: Workflow) -> None:
        self._world.note("people", f"change {workflow}")
        self._processes.flows |= {workflow.name: workflow}

    def run(self) -> Simulated:
        """Let it all happen. Raises AssertionError with the seed and the history."""
        folder = tempfile.mkdtemp(prefix="raymill-", dir=MEMORY if MEMORY.is_dir() else None)
        self._processes.artifacts = Artifacts(Path(folder) / "artifacts")
        points.watch(self._world.point)
        try:
            with log.kept(self._heard):
                self._live()
            found = self._simulated()
        except Exception as error:
            raise AssertionError(self._told(f"{type(error).__name__}: {error}")) from error
        finally:
            points.unwatch(self._world.point)
            self._processes.end()
            for door in self._doors:
                door.close()
            shutil.rmtree(folder, ignore_errors=True)
        if self._world.wrong is not None:
            raise AssertionError(self._told(self._world.wrong))
        return found

    def _live(self) -> None:
        world, people = self._world, self._people
        people.come()
        for number in range(1 if self._processes.is_on_demand else self._orchestrators):
            world.after(number * world.between(0.0, 1.0), self._processes.start)
        world.run(START + self._seconds)
        world.note("world", "nothing goes wrong any more")
        self._processes.calm()
        people.calm()
        ends = world.now + CALM_S
        while world.wrong is None and world.now < ends and not self._is_at_rest():
            people.see_to()
            world.run(world.now + 2.0)
            if self._processes.is_busy() or people.is_patient():
                ends = world.now + CALM_S
        world.run(world.now + 8.0)
        if world.wrong is None:
            self._witness.look(people.store, self._processes.in_hand())

    def _is_at_rest(self) -> bool:
        store = self._people.store
        return not (
            self._people.unsure
            or store.inbox(store.taken())
            or store.schedules()
            or store.open_runs()
        )

    def _heard(self, level: str, event: str, fields: Mapping[str, Any]) -> None:
        current = self._world.current
        is_in_force = current is not None and current.name == self._witness.owner
        if event in FAULTY and is_in_force:  # what another one decides is never committed
            self._world.fail(f"{event}: {dict(fields)}")

    def _simulated(self) -> Simulated:
        runs = {row.id: row for row in self._people.store.runs(most=1_000_000)}
        outputs = [self._output(runs.get(run)) for run in self._ids]
        return Simulated(runs, outputs, dict(self._world.counts), self._world.told())

    def _output(self, row: RunRow | None) -> Any:
        if row is None or row.status != "completed" or row.output is None:
            return None
        return self._processes.artifacts.load(row.output)

    def _told(self, what: str) -> str:
        return f"{what}\nseed {self.seed}, faults: {self.faults.named()}\n{self._world.told()}"
