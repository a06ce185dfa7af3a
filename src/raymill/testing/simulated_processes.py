"""The processes of a simulation that run its workflows, and what their pools stand on."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from raymill.errors import EngineUnavailable
from raymill.flow.places import among
from raymill.flow.pool import Call, Key, Result
from raymill.flow.workflow import Workflow
from raymill.orchestrator.loop import Orchestrator
from raymill.orchestrator.turn import Pace
from raymill.state.artifacts import Artifacts
from raymill.state.store import Lease, StateStore
from raymill.testing.faultplan import FaultPlan
from raymill.testing.simulated_journal import SimulatedWriter
from raymill.testing.simulated_pool import SimulatedPool
from raymill.testing.simulated_service import SimulatedService
from raymill.testing.simulated_world import World, WorldClock
from raymill.testing.witness import Witness

INBOX_S, SWEEP_S, LEASE_S, IDLE_S = 0.25, 1.5, 2.0, 3.0
REMOTE = 2  # workers of the second engine


class Processes:
    """They are started again when they end, or, in some worlds, only when they are needed. In some
    they can tell whether another one lives, in others the lease alone says so.

    plan: what goes wrong; flows: the code that a process finds when it starts.
    """

    def __init__(
        self,
        world: World,
        witness: Witness,
        plan: FaultPlan,
        flows: Mapping[str, Workflow],
        *,
        store: Callable[[], StateStore],
        workers: int,
        on_demand: bool | None,
        sees_owners: bool | None,
    ) -> None:
        self.world, self.witness, self.plan = world, witness, plan
        self.flows = dict(flows)
        self.artifacts = Artifacts("")
        self.up: list[SimulatedService] = []
        self._store, self._workers = store, workers
        self._pools: list[SimulatedPool] = []
        self._times: dict[tuple[str, str], float] = {}
        self._starts = 0
        self._is_calm = False
        drawn = world.chance(0.3), world.chance(0.5)
        self.is_on_demand = drawn[0] if on_demand is None else on_demand
        self._sees_owners = drawn[1] if sees_owners is None else sees_owners

    def ensure(self) -> None:
        """Start a process where none is, as submitting does."""
        if self.is_on_demand and not self.up:
            self.start()

    def start(self) -> None:
        """Start a process."""
        # Nobody who leaves at once sees that the lease of a dead one ends too late.
        can_wait = self._sees_owners or not self.is_on_demand
        if can_wait and self.world.chance(self.plan.set_back, "set_back"):
            self.world.ahead -= self.world.between(0.0, 20.0)
            self.world.note("wall", "the clock is set back")
        self._starts += 1
        service = SimulatedService(
            f"orch{self._starts}",
            self.world,
            self._store(),
            self.witness,
            lease_s=LEASE_S,
            stands_by=not self.is_on_demand,
            plan=self.plan,
            find=among(*self.flows.values()),
            make=self._make,
            alive=self._alive,
            ended=self._ended,
        )
        self.up.append(service)

    def crash(self) -> None:
        """End the process that runs the workflows."""
        for service in [one for one in self.up if one.name == self.witness.owner]:
            service.die("is killed")

    def freeze(self, seconds: float) -> None:
        """Have the process that runs the workflows stand still."""
        for service in self.up:
            if service.name == self.witness.owner:
                service.freeze(seconds)

    def calm(self) -> None:
        """Let nothing go wrong any more."""
        self._is_calm, self.plan = True, FaultPlan()
        for service in self.up:
            service.plan = self.plan

    def end(self) -> None:
        """Let nothing go on."""
        for pool in self._pools:
            pool.end()

    def is_busy(self) -> bool:
        """Whether some step is under way."""
        return any(pool.is_busy for pool in self._pools)

    def in_hand(self) -> dict[str, Mapping[str, int]]:
        """What each process has in hand."""
        found = {one.name: one.orchestrator for one in self.up if one.orchestrator is not None}
        held = {name: made.dispatch.in_hand() for name, made in found.items()}
        return {name: left for name, left in held.items() if left}

    def _make(self, service: SimulatedService) -> Orchestrator:
        def writer(
            store: StateStore, lease: Lease, failed: Callable[[BaseException], Any], *, ttl_s: float
        ) -> SimulatedWriter:
            made = SimulatedWriter(store, lease, failed, ttl_s=ttl_s, host=service)
            service.writer = made
            return made

        return Orchestrator(
            service.store,
            self._pool("local", service, self._workers),
            service.find,
            others={"remote": partial(self._pool, "remote", service, REMOTE), "absent": _absent},
            fetch=self.artifacts.get,
            keep=self.artifacts.put,
            clock=WorldClock(self.world),
            pace=Pace(INBOX_S, SWEEP_S, LEASE_S, IDLE_S if self.is_on_demand else None),
            writer=writer,
        )

    def _pool(self, name: str, service: SimulatedService, size: int) -> SimulatedPool:
        made = SimulatedPool(name, service, self, size, is_remote=name == "remote")
        self._pools.append(made)
        return made

    def _ended(self, service: SimulatedService) -> None:
        self.up.remove(service)
        for pool in self._pools:
            if pool.host is service:
                pool.close()
        if not self.is_on_demand:
            self.world.after(self.world.between(0.05, 4.0), self.start)
        elif self._is_calm:
            self.world.after(1.0, self.ensure)

    def _alive(self, owner: str) -> bool | None:
        return any(one.name == owner for one in self.up) if self._sees_owners else None

    # What pools stand on

    def takes_s(self, call: Call) -> float:
        """How long a step takes: some are short, some long, each about as long as before."""
        name, between = (call.workflow, call.key.step), self.world.between
        if name not in self._times:
            is_short = self.world.chance(0.5)
            self._times[name] = between(0.0002, 0.003) if is_short else between(0.02, 1.0)
        return self._times[name] * between(0.5, 1.5)

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
        for service in self.up:
            if service.name == self.witness.owner:
                service.after(0.0, partial(service.hear, results))


def _absent() -> SimulatedPool:
    raise EngineUnavailable("Engine `absent` is not installed", hint="nothing installs it")
