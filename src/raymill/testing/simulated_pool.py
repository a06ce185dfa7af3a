"""A pool of workers in a simulation: slow, unreliable, and not always honest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from raymill import json
from raymill.errors import RaymillError
from raymill.flow.pool import Call, Key, Reports, Result
from raymill.orchestrator.intake import Find
from raymill.orchestrator.loop import Orchestrator
from raymill.state.artifacts import Artifacts
from raymill.testing.faultplan import FaultPlan
from raymill.testing.simulated_attempt import Attempt
from raymill.testing.simulated_world import World


class Host(Protocol):
    """The process that a pool belongs to."""

    name: str
    world: World
    plan: FaultPlan
    is_up: bool
    find: Find
    orchestrator: Orchestrator | None

    def after(self, delay_s: float, action: Callable[[], Any]) -> None:
        """Have something happen in this process, unless it is over by then."""

    def wake(self, delay_s: float) -> None:
        """Let the loop take a turn, no later than in a while."""


class Ground(Protocol):
    """What all pools of a simulation stand on."""

    artifacts: Artifacts

    def takes_s(self, call: Call) -> float:
        """How long a step takes."""

    def submitted(self, pool: "SimulatedPool", calls: Sequence[Call]) -> None:
        """An orchestrator has calls run."""

    def over(self, pool: "SimulatedPool", key: Key) -> None:
        """An attempt is over, as far as its pool knows."""

    def told(self, results: Sequence[Result]) -> None:
        """A pool tells results."""

    def hand_over(self, results: Sequence[Result]) -> None:
        """Give results to whoever runs the workflows now."""


@dataclass(slots=True)
class Batch:
    """Calls that one worker runs one after the other."""

    calls: list[Call]
    is_told_together: bool
    is_aside: bool
    results: list[Result] = field(default_factory=list)


class SimulatedPool:
    """Workers that lose steps, tell results late, twice or wrongly, as is planned.

    is_remote: it knows nothing of an attempt that it was not given yet.
    """

    def __init__(
        self, name: str, host: Host, ground: Ground, size: int, *, is_remote: bool = False
    ) -> None:
        self.name, self.host, self.ground, self.world = name, host, ground, host.world
        self.free = self._size = size
        self._is_remote = is_remote
        self._going: dict[Key, Attempt] = {}
        self._cancelled: set[Key] = set()
        self._is_over = False
        self._reports: Reports | None = None

    @property
    def size(self) -> int:
        """How many workers there are."""
        return self._size

    @property
    def is_busy(self) -> bool:
        """Whether an attempt is under way that somebody waits for."""
        return bool(self._going) and not self._is_over

    def open(self, reports: Reports) -> None:
        """Begin; results go to `reports`."""
        self._reports = reports

    def submit(self, calls: Sequence[Call]) -> None:
        """Run calls one after the other on a worker that is idle."""
        self.ground.submitted(self, calls)
        is_aside = calls[0].endless
        self.free -= not is_aside
        batch = Batch(list(calls), self.world.chance(0.5), is_aside)
        self.world.after(0.0, partial(self._next, batch))

    def cancel(self, key: Key) -> None:
        """Stop an attempt at its next check."""
        if key in self._going or not self._is_remote:
            self._cancelled.add(key)

    def is_cancelled(self, key: Key) -> bool:
        """Whether an attempt is not wanted any more, and can know it."""
        return key in self._cancelled and not self._is_over

    def close(self) -> None:
        """Give up what goes on; some of it does not notice."""
        if self._is_over:
            return
        self._is_over = True
        for attempt in list(self._going.values()):
            if self.world.chance(self.host.plan.zombies, "zombies"):
                attempt.is_orphan()
            else:
                attempt.end()
                del self._going[attempt.call.key]

    def end(self) -> None:
        """Let nothing go on."""
        for attempt in self._going.values():
            attempt.end()
        self._going.clear()

    def _next(self, batch: Batch) -> None:
        if self._is_over:
            return
        if not batch.calls:
            self.free += not batch.is_aside
            self.tell(batch.results)
            return
        call = batch.calls.pop(0)
        if call.key in self._cancelled:
            self._take(batch, Result(call.key, "cancelled"), False)
        elif self.world.chance(self.host.plan.unstarted, "unstarted"):
            self._take(batch, Result(call.key, "unstarted"), False)
        else:
            self._begin(batch, call)

    def _begin(self, batch: Batch, call: Call) -> None:
        try:
            step = self.host.find(call.place).by_name[call.key.step]
        except (RaymillError, KeyError) as error:
            about = json.dumps({"type": type(error).__name__, "message": str(error)})
            self._take(batch, Result(call.key, "error", None, about), False)
            return
        self._going[call.key] = attempt = Attempt(self, call, step, partial(self._take, batch))
        attempt.begin()

    def _take(self, batch: Batch, result: Result, is_gone: bool) -> None:
        """An attempt has ended, perhaps with its worker; that is known here once."""
        self.world.note(self.host.name, f"{self.name}: {shown(result.key)} {result.outcome}")
        self.ground.over(self, result.key)
        batch.results.append(result)
        if is_gone:
            batch.results += [Result(call.key, "unstarted") for call in batch.calls]
            for call in batch.calls:
                self.ground.over(self, call.key)
            batch.calls.clear()
        elif not batch.is_told_together and batch.calls:
            told, batch.results = batch.results, []
            self.tell(told)
        self._next(batch)
        if self._is_over:
            self.tell(batch.results)

    def save(self, key: Key, progress: bytes, tell: Callable[[bool], Any]) -> None:
        """Have progress committed; `tell` hears whether it was."""
        if self._is_over or self.host.orchestrator is None:
            tell(False)
            return
        ask = self.host.orchestrator.ask_to_save

        def asked() -> None:
            ask(key, progress, tell)
            self.host.wake(0.0001)

        self.host.after(self.world.between(0.0, 0.003), asked)

    def forget(self, key: Key) -> None:
        """An attempt is truly over."""
        self._going.pop(key, None)

    def tell(self, results: Sequence[Result]) -> None:
        """Tell the orchestrator, sooner or later, once or twice."""
        self.ground.told(results)
        world, plan = self.world, self.host.plan
        delay = world.between(0.0, 0.003)
        if world.chance(plan.late, "late"):
            delay += world.between(0.0, 4.0)
        if world.chance(plan.duplicates, "duplicates"):
            world.after(world.between(0.0, 6.0), partial(self.ground.hand_over, results))
        if self.host.is_up and not self._is_over:
            self.host.after(delay, partial(self._deliver, results))
        else:
            world.after(delay, partial(self.ground.hand_over, results))

    def _deliver(self, results: Sequence[Result]) -> None:
        assert self._reports is not None
        self._reports.results(results)
        self.host.wake(0.0001)


def shown(key: Key) -> str:
    """An attempt in the history."""
    item = "" if key.item < 0 else f"/{key.item}"
    return f"{key.run}/{key.step}{item}#{key.attempt}"
