"""One attempt in a simulation, and how it may end."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from raymill import json
from raymill.engines.perform import perform
from raymill.errors import Cancelled
from raymill.flow.pool import Call, Key, Result
from raymill.flow.workflow import Step
from raymill.testing.simulated_step import Asked, OnThread, context_on

if TYPE_CHECKING:
    from raymill.testing.simulated_pool import SimulatedPool

SOON = 0.01


class Attempt:
    """An attempt on a worker; `told` hears once how it ended, and whether its worker is gone."""

    def __init__(
        self, pool: "SimulatedPool", call: Call, step: Step, told: Callable[[Result, bool], Any]
    ) -> None:
        self.call = call
        self._pool, self._step, self._world = pool, step, pool.world
        self._told: Callable[[Result, bool], Any] | None = told
        self._begun = self._world.now
        self._line: OnThread | None = None
        self._asks = 0
        self._dies_at: int | None = None  # at the how-maniest thing that it asks; 0: at its end
        self._is_over = self._is_saving = False

    def begin(self) -> None:
        """Begin, with what will go wrong."""
        world, plan = self._world, self._pool.host.plan
        takes_s, timeout_s = self._pool.ground.takes_s(self.call), self._step.timeout_s
        if timeout_s is not None:
            takes_s += timeout_s * world.chance(plan.hangs, "hangs")
            world.after(timeout_s, self._time_out)
        if world.chance(plan.losses, "losses"):
            self._dies_at = int(world.between(0, 4))
            if self._dies_at and not self._step.takes_context:
                world.after(takes_s * world.random.random(), self._die)
        if world.chance(plan.lies, "lies"):
            world.after(world.between(0.0, takes_s + 0.1), self._be_slandered)
        world.after(takes_s, self._run)

    def end(self) -> None:
        """End at once, and tell nobody."""
        self._is_over = True
        line, self._line = self._line, None
        if line is not None:
            line.end()

    def is_orphan(self) -> None:
        """Go on, though the orchestrator is gone: what it was asked for is not answered."""
        if self._is_saving:
            self._world.after(SOON, partial(self._answer, self._asks, False))

    def _run(self) -> None:
        if self._is_over:
            return
        if self._step.takes_context:
            self._line = OnThread(self._performed)
            self._go_on(None)
        else:
            self._finish(self._performed(None))

    def _performed(self, line: OnThread | None) -> Result:
        artifacts, key = self._pool.ground.artifacts, self.call.key
        if line is None:
            return perform(self.call, self._step, artifacts, _no_save, _no_check)
        make = context_on(line)
        return perform(self.call, self._step, artifacts, _Save(line), _Check(line, key), "", make)

    def _go_on(self, answer: Any) -> None:
        line = self._line
        if self._is_over or line is None:
            return
        asked = line.go_on(answer)
        if asked is None:
            self._line = None
            self._finish(line.result)
            return
        self._asks += 1
        if self._asks == self._dies_at:
            self._die()
        else:
            self._hear(asked)

    def _hear(self, asked: Asked) -> None:
        world, number = self._world, self._asks
        self._is_saving = asked.kind == "save"
        if self._is_saving:
            self._pool.save(self.call.key, asked.value, partial(self._soon, number))
            return
        wait_s = asked.value if asked.kind == "wait" else world.between(0.0, SOON)
        world.after(wait_s, lambda: self._answer(number, self._is_wanted()))

    def _is_wanted(self) -> bool:
        return not self._pool.is_cancelled(self.call.key)

    def _soon(self, number: int, answer: bool) -> None:
        self._world.after(self._world.between(0.0, SOON), partial(self._answer, number, answer))

    def _answer(self, number: int, answer: bool) -> None:
        if number == self._asks:
            self._go_on(answer)

    def _finish(self, result: Result) -> None:
        if self._dies_at == 0:
            self._die()
        else:
            self._tell(result, False)

    def _die(self) -> None:
        if not self._is_over:
            self._tell(Result(self.call.key, "lost", None, _error("WorkerLost"), True), True)

    def _time_out(self) -> None:
        if not self._is_over:
            self._tell(Result(self.call.key, "timeout", None, _error("Timeout"), True), True)

    def _be_slandered(self) -> None:
        """It is said to be lost, or not begun, and goes on."""
        told, self._told = self._told, None
        if self._is_over or told is None:
            return
        outcome = "lost" if self._world.chance(0.5) else "unstarted"
        told(Result(self.call.key, outcome, None, _error("WorkerLost"), True), True)  # type: ignore[arg-type]

    def _tell(self, result: Result, is_gone: bool) -> None:
        self.end()
        self._pool.forget(self.call.key)
        result = result._replace(seconds=self._world.now - self._begun, worker=self._pool.name)
        if self._told is not None:
            self._told(result, is_gone)
        elif result.outcome != "lost":
            self._pool.tell([result])


class _Save:
    def __init__(self, line: OnThread) -> None:
        self._line = line

    def __call__(self, key: Key, progress: bytes) -> None:
        if not self._line.ask("save", progress):
            raise Cancelled(f"Attempt {key.attempt} of step `{key.step}` is over")


class _Check:
    def __init__(self, line: OnThread, key: Key) -> None:
        self._line, self._key = line, key

    def __call__(self) -> None:
        if not self._line.ask("check"):
            raise Cancelled(f"Step `{self._key.step}` was cancelled")


def _no_save(key: Key, progress: bytes) -> None:
    """Steps that take no context save nothing."""


def _no_check() -> None:
    """Steps that take no context look at nothing."""


def _error(kind: str) -> bytes:
    return json.dumps({"type": kind, "message": "so the simulation had it"})
