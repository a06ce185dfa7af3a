"""Workflows in a simulated world in which everything goes wrong, as a seed decides."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from raymill import faults, json, log
from raymill.errors import EngineUnavailable, RaymillError
from raymill.flow.places import among
from raymill.flow.pool import Call, Key, Result
from raymill.flow.workflow import Workflow
from raymill.orchestrator.live import DUE
from raymill.orchestrator.loop import Orchestrator
from raymill.orchestrator.turn import Pace
from raymill.state.artifacts import Artifacts
from raymill.state.store import Lease, RunRow, StateStore
from raymill.testing.crashes import MEMORY
from raymill.testing.faultplan import FaultPlan
from raymill.testing.memory_store import Memory, MemoryStore
from raymill.testing.simulated_journal import SimulatedWriter
from raymill.testing.simulated_pool import SimulatedPool
from raymill.testing.simulated_service import SimulatedService
from raymill.testing.simulated_world import START, World, WorldClock
from raymill.testing.witness import Witness

PACE = Pace(inbox_s=0.25, sweep_s=1.5, lease_s=2.0)
CALM_S = 200.0  # virtual seconds after which what has not ended never will
FAULTY = ("run.swept", "step.swept", "run.broken")  # what the loop says when it mends itself


@dataclass(frozen=True)
class Simulated:
    """How a simulation went."""

    runs: Mapping[str, RunRow]
    outputs: list[Any]
    """What the runs gave that were asked for, in order; None where one did not complete."""
    faults: Mapping[str, int]
    history: str


class SimCluster:
    """Orchestrators with their workers, a store, and people who submit, in one thread.

    Time is virtual and chance comes from a seed, so that the same seed is the same history. Steps
    are called as plain functions; one that takes `ctx` may die wherever it saves, checks or waits.
    For `seconds` everything goes wrong that `faults` plans, then nothing does, and every run must
    come to its end.

    workflow: one, which is run once for each value, or several, for `submit`; answers: what a
    person says to each question, by the name of its step; store: opens a door to the same store
    each time, instead of one in memory.
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
    ) -> None:
        flows = [workflow] if isinstance(workflow, Workflow) else list(workflow)
        self.seed, self.faults = seed, FaultPlan.everything() if faults is None else faults
        self.world = World(seed)
        self._flows = {flow.name: flow for flow in flows}
        self.witness = Witness(self.world)
        self.artifacts = Artifacts(Path(tempfile.gettempdir()) / "nothing")
        self._answers, self._seconds, self._workers = answers or {}, seconds, workers
        self._open = store or partial(MemoryStore, Memory())
        self._orchestrators = orchestrators
        self._services: list[SimulatedService] = []
        self._pools: list[SimulatedPool] = []
        self._times: dict[tuple[str, str], float] = {}
        self._ids: list[str] = []
        self._starts = 0
        self._is_calm = False
        self._is_on_demand = self.world.chance(0.3)
        self._sees_owners = self.world.chance(0.5)
        if isinstance(workflow, Workflow):
            for value in values or (None,):
                self.submit(workflow, value, at=self.world.between(0.0, seconds / 2))

    # What is to happen

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

    def deploy(self, workflow: Workflow, *, at: float) -> None:
        """Have orchestrators that start from then on find this code under the workflow's name."""
        self.world.after(at, partial(self._deploy, workflow))

    def _deploy(self, workflow: Workflow) -> None:
        self.world.note("people", f"change {workflow}")
        self._flows = {**self._flows, workflow.name: workflow}

    def crash(self, *, at: float) -> None:
        """Have the process die that runs the workflows then."""
        self.world.after(at, self._crash)

    def _crash(self) -> None:
        for service in list(self._services):
            if service.name == self.witness.owner:
                service.die("is killed")

    def request(self, run: str, kind: str, *, at: float) -> None:
        """Have a run cancelled, paused, resumed or retried."""
        self.send(kind, run, {}, at=at)

    def send(self, kind: str, run: str, about: Any, *, at: float = 0.0) -> None:
        """Have any message sent."""
        self.world.after(at, partial(self._ask, kind, run, json.dumps(about)))

    def _ask(self, kind: str, run: str, body: bytes) -> None:
        if not self._is_calm:
            self._send(kind, run, body)

    def _send(self, kind: str, run: str, body: bytes) -> None:
        world, plan = self.world, FaultPlan() if self._is_calm else self.faults
        is_refused = world.chance(plan.refusals, "refusals")
        if is_refused and world.chance(0.5):
            world.note("people", f"could not ask: {kind} {run}")
            return
        world.note("people", f"ask: {kind} {run} {body.decode()}")
        self._store.send([(kind, run, body)], world.wall())
        self.witness.sent(kind, run, is_acknowledged=not is_refused)
        if world.chance(plan.repeats, "repeats"):
            world.after(world.between(0.0, 8.0), partial(self._ask, kind, run, body))
        self._ensure()

    # What pools stand on

    def takes_s(self, call: Call) -> float:
        """How long a step takes: some are short, some long, each about as long as before."""
        name = (call.workflow, call.key.step)
        if name not in self._times:
            world = self.world
            is_short = world.chance(0.5)
            self._times[name] = (
                world.between(0.0002, 0.003) if is_short else world.between(0.02, 1.0)
            )
        return self._times[name] * self.world.between(0.5, 1.5)

    def submitted(self, pool: SimulatedPool, calls: Sequence[Call]) -> None:
        """An orchestrator has calls run."""
        self.witness.submitted(pool, calls)

    def over(self, pool: SimulatedPool, key: Key) -> None:
        """An attempt is over, as far as its pool knows."""
        self.witness.over(pool, key)

    def told(self, results: Sequence[Result]) -> None:
        """A pool tells results."""
        self.witness.told(results)

    def hand_over(self, results: Sequence[Result]) -> None:
        """Give results to whoever runs the workflows now."""
        for service in self._services:
            if service.leads and service.name == self.witness.owner:
                service.after(0.0, partial(self._given, service, results))

    def _given(self, service: SimulatedService, results: Sequence[Result]) -> None:
        if service.orchestrator is not None:
            service.orchestrator.results(results)
            service.wake(0.0001)

    # Processes

    def _start(self) -> None:
        plan = FaultPlan() if self._is_calm else self.faults
        if self.world.chance(plan.set_back, "set_back"):
            self.world.ahead -= self.world.between(0.0, 20.0)
            self.world.note("wall", "the clock is set back")
        self._starts += 1
        service = SimulatedService(
            f"orch{self._starts}",
            self.world,
            self._open(),
            self.witness,
            lease_s=PACE.lease_s,
            stands_by=not self._is_on_demand,
            plan=plan,
            find=among(*self._flows.values()),
            make=self._make,
            alive=self._alive,
            ended=self._ended,
        )
        self._services.append(service)

    def _make(self, service: SimulatedService) -> Orchestrator:
        local = self._pool("local", service, self._workers)

        def writer(
            store: StateStore, lease: Lease, failed: Callable[[BaseException], Any], *, ttl_s: float
        ) -> SimulatedWriter:
            made = SimulatedWriter(store, lease, failed, ttl_s=ttl_s, host=service)
            service.writer = made
            return made

        idle_s = 3.0 if self._is_on_demand else None
        return Orchestrator(
            service.store,
            local,
            service.find,
            others={"remote": partial(self._pool, "remote", service, 2), "absent": _absent},
            fetch=self.artifacts.get,
            keep=self.artifacts.put,
            clock=WorldClock(self.world),
            pace=Pace(PACE.inbox_s, PACE.sweep_s, PACE.lease_s, idle_s),
            writer=writer,
        )

    def _pool(self, name: str, service: SimulatedService, size: int) -> SimulatedPool:
        made = SimulatedPool(name, service, self, size, is_remote=name == "remote")
        self._pools.append(made)
        return made

    def _ended(self, service: SimulatedService) -> None:
        self._services.remove(service)
        for pool in self._pools:
            if pool.host is service:
                pool.close()
        if not self._is_on_demand:
            self.world.after(self.world.between(0.05, 4.0), self._start)
        elif self._is_calm:
            self.world.after(1.0, self._ensure)

    def _alive(self, owner: str) -> bool | None:
        if not self._sees_owners:
            return None
        return any(service.name == owner for service in self._services)

    def _ensure(self) -> None:
        """Start an orchestrator where none runs the workflows, as submitting does."""
        if self._is_on_demand and not self._services:
            self._start()

    # From the start to the end

    def run(self) -> Simulated:
        """Let it all happen. Raises AssertionError with the seed and the history."""
        faults.watch(self.world.point)
        folder = tempfile.mkdtemp(prefix="raymill-", dir=MEMORY if MEMORY.is_dir() else None)
        self.artifacts = Artifacts(Path(folder) / "artifacts")
        try:
            with log.kept(self._heard):
                self._live()
        except Exception as error:
            raise AssertionError(self._told(f"{type(error).__name__}: {error}")) from error
        finally:
            faults.unwatch(self.world.point)
            for pool in self._pools:
                pool.end()
            shutil.rmtree(folder, ignore_errors=True)
        if self.world.wrong is not None:
            raise AssertionError(self._told(self.world.wrong))
        return self._simulated()

    def _live(self) -> None:
        self._store = self._open()
        for number in range(1 if self._is_on_demand else self._orchestrators):
            self.world.after(number * self.world.between(0.0, 1.0), self._start)
        self.world.run(START + self._seconds)
        self._is_calm = True
        self.world.note("world", "nothing goes wrong any more")
        for service in self._services:
            service.plan = FaultPlan()
        ends = self.world.now + CALM_S
        while self.world.wrong is None and self.world.now < ends and not self._is_at_rest():
            self._see_to()
            self.world.run(self.world.now + 2.0)
        self.world.run(self.world.now + 8.0)
        if self.world.wrong is None:
            self._look()

    def _heard(self, level: str, event: str, fields: Mapping[str, Any]) -> None:
        if event in FAULTY:
            self.world.fail(f"{event}: {dict(fields)}")

    def _is_at_rest(self) -> bool:
        waits = self._store.inbox(self._store.taken()) or self._store.schedules()
        return not waits and not self._store.open_runs()

    def _see_to(self) -> None:
        """Do what people do to bring runs to their end."""
        self._ensure()
        for schedule in self._store.schedules():
            self._send("schedule", schedule.name, b'{"action":"rm"}')
        for row in self._store.open_runs():
            if row.status == "paused" and row.parent is None:
                self._send("resume", row.id, b"{}")
            for step in self._store.steps(row.id):
                if step.status == "asked" and step.step in self._answers:
                    answer = {"step": step.step, "item": step.item}
                    answer["value"] = self._answers[step.step]
                    self._send("answer", row.id, json.dumps(answer))
                elif step.status in DUE and self._is_endless(row.place, step.step):
                    self._send("cancel", row.id, b"{}")

    def _is_endless(self, place: str, step: str) -> bool:
        try:
            found = among(*self._flows.values())(place).by_name.get(step)
        except RaymillError:
            return False  # its code has changed
        return found is not None and found.endless

    def _look(self) -> None:
        """What must hold at the end."""
        for row in self._store.open_runs():
            going = [step[1:5] for step in self._store.steps(row.id) if step.status != "done"]
            self.world.fail(f"run {row.id} is stuck: {row.status} {going}")
        for run in self.witness.acknowledged:
            if self._store.run(run) is None:
                self.world.fail(f"run {run} was acknowledged, and is not there")
        for row in self.witness.runs.values():
            found = self._store.run(row.id)
            if found is None or found.status != row.status or found.output != row.output:
                self.world.fail(f"run {row.id} was committed as {row}, and is {found}")
        for service in self._services:
            if service.orchestrator is not None and (
                left := service.orchestrator.dispatch.in_hand()
            ):
                self.world.fail(f"{service.name} keeps {left}, and nothing goes on")

    def _simulated(self) -> Simulated:
        runs = {row.id: row for row in self._store.runs(most=1_000_000)}
        outputs = [_output(runs.get(run)) for run in self._ids]
        return Simulated(runs, outputs, dict(self.world.counts), self.world.told())

    def _told(self, what: str) -> str:
        plan = self.faults.named()
        return f"{what}\nseed {self.seed}, faults: {plan}\n{self.world.told()}"


def _output(row: RunRow | None) -> Any:
    is_done = row is not None and row.status == "completed"
    return json.loads(row.output or b"null") if row is not None and is_done else None


def _absent() -> SimulatedPool:
    raise EngineUnavailable("Engine `absent` is not installed", hint="nothing installs it")
