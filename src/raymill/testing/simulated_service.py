"""One process of a simulation that runs the workflows of a store, or stands by."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from raymill.errors import RaymillError
from raymill.flow.pool import Result
from raymill.orchestrator.intake import Find
from raymill.orchestrator.loop import Orchestrator
from raymill.state.lease import LeaseWatch
from raymill.state.store import Alive, Lease, StateStore
from raymill.testing.faultplan import FaultPlan
from raymill.testing.simulated_journal import SimulatedWriter, WatchedStore, Watcher
from raymill.testing.simulated_world import Killed, World

DEEPEST = 3  # processes that stand still in the midst of something, at once
NO_STOP = "journal.written"  # a transaction is open there
NEVER = float("inf")


class SimulatedService:
    """A process from its start to its end; it does what `raymill orchestrator` does.

    find: the code that it has; make: makes its orchestrator; ended: told once it is over.
    """

    def __init__(
        self,
        name: str,
        world: World,
        store: StateStore,
        watcher: Watcher,
        *,
        lease_s: float,
        stands_by: bool,
        plan: FaultPlan,
        find: Find,
        make: "Callable[[SimulatedService], Orchestrator]",
        alive: Alive,
        ended: "Callable[[SimulatedService], Any]",
    ) -> None:
        self.name, self.world, self.watcher, self.plan = name, world, watcher, plan
        self._watched = WatchedStore(store, self)
        self.store = cast(StateStore, self._watched)
        self.find, self.is_up = find, True
        self.lease: Lease | None = None
        self.orchestrator: Orchestrator | None = None
        self.writer: SimulatedWriter | None = None
        self._stands_by = stands_by
        self._lease_s, self._make, self._alive, self._ended = lease_s, make, alive, ended
        self._watch = LeaseWatch(1.5 * lease_s, steady=lambda: world.now)
        self._still_until = 0.0
        self._wakes = NEVER
        world.note(name, "starts")
        self.after(0.0, self._stand_by)

    def hear(self, results: Sequence[Result]) -> None:
        """Be told of results, from whatever pool."""
        if self.orchestrator is not None:
            self.orchestrator.results(results)
            self.wake(0.0001)

    def after(self, delay_s: float, action: Callable[[], Any]) -> None:
        """Have something happen in this process, unless it is over by then."""

        def happen() -> None:
            if not self.is_up:
                return
            if self._still_until > self.world.now:
                self.world.after(self._still_until - self.world.now + 1e-6, happen)
                return
            self.within(action)

        self.world.after(delay_s, happen)

    def within(self, action: Callable[[], Any]) -> None:
        """Do something as this process, which may die or fail of it."""
        before, self.world.current = self.world.current, self
        try:
            action()
        except Killed:
            self.die("is killed")
        except RaymillError as error:
            self._fail(error)
        finally:
            self.world.current = before

    def passes(self, point: str) -> None:
        """It passes a point at which it may die or stand still. Raises Killed."""
        if point == "journal.committed":
            self._watched.is_written()
        drawn = self.world.random.random()
        plan = self.plan
        if drawn < plan.kills:
            self.world.counts["kills"] += 1
            self.die(f"is killed at {point}")
            raise Killed
        drawn -= plan.kills
        if drawn < plan.freezes + plan.stalls and point != NO_STOP:
            self.stand_still(drawn < plan.freezes, f"at {point}")

    def stand_still(self, is_whole: bool, where: str) -> None:
        """Do nothing for a while: the whole process, or what it is about. Raises Killed."""
        if self.world.depth >= DEEPEST:
            return
        seconds = self.world.between(0.1, 2.5) * self._lease_s
        what = "freezes" if is_whole else "stalls"
        self.world.counts[what] += 1
        self.world.note(self.name, f"{what} {where} for {seconds:.2f} s")
        if is_whole:
            self._still_until = max(self._still_until, self.world.now + seconds)
        self.world.pass_by(seconds)
        if not self.is_up:
            raise Killed
        self.world.note(self.name, f"goes on {where}")

    def freeze(self, seconds: float) -> None:
        """Stand still between two things."""
        self.world.note(self.name, f"freezes for {seconds:.2f} s")
        self._still_until = max(self._still_until, self.world.now + seconds)

    def die(self, how: str) -> None:
        """End at once."""
        if self.is_up:
            self.is_up = False
            self.world.note(self.name, how)
            self._ended(self)

    def wake(self, delay_s: float) -> None:
        """Let the loop take a turn, no later than in a while."""
        at = self.world.now + delay_s
        if at < self._wakes:
            self._wakes = at
            self.after(delay_s, lambda: self._turn(at))

    def _stand_by(self) -> None:
        self._wakes = NEVER
        held, wall = self.store.holder(self.world.wall(), self._alive), self.world.wall()
        now = self._watch.now(held, wall)
        lease = self.store.acquire(self.name, self._lease_s, now, self._alive)
        if lease is None and self._stands_by:
            self.after(self._lease_s / 5, self._stand_by)
            return
        if lease is None:
            self.die("leaves: another one runs the workflows")
            return
        self.lease = lease
        self.orchestrator = made = self._make(self)
        self._wakes = -NEVER
        made.open(lease)
        self._rest()

    def _turn(self, at: float) -> None:
        if at != self._wakes or self.orchestrator is None:
            return
        self._wakes = -NEVER  # nobody need wake it while it is at it
        if self.orchestrator.turn(0.0):
            self._rest()
        else:
            self._leave()

    def _rest(self) -> None:
        assert self.orchestrator is not None
        self._wakes = NEVER
        self.wake(max(self.orchestrator.patience_s(), 0.0005))

    def _leave(self) -> None:
        assert self.orchestrator is not None
        assert self.lease is not None
        if self.writer is not None and self.writer.is_busy:
            self.after(0.01, self._leave)
            return
        self.orchestrator.close()
        self.store.release(self.lease.epoch)
        failure, self.orchestrator = self.orchestrator.failure, None
        if failure is None and self.store.inbox(self.store.taken()):
            self._stand_by()
            return
        self.die("leaves" if failure is None else f"fails: {failure}")

    def _fail(self, error: RaymillError) -> None:
        """What `Orchestrator.run` and those around it do where something is raised."""
        try:
            if self.orchestrator is not None and self.lease is not None:
                self.orchestrator.close()
                self.store.release(self.lease.epoch)
        except (RaymillError, Killed):
            pass
        self.die(f"fails: {type(error).__name__}: {error}")
