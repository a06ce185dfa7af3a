"""The journal in a simulation: a store that is watched and fails, a writer without a thread."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from raymill.errors import Fenced, StoreError
from raymill.state.store import Alive, Changes, Lease, StateStore
from raymill.state.writer import MOST, Waiting, Writer
from raymill.testing.faultplan import FaultPlan
from raymill.testing.simulated_world import World

READS = ("open_runs", "run", "steps", "taken", "inbox", "forget")


class Watcher(Protocol):
    """What wants to know what is committed."""

    def acquired(self, who: str, lease: Lease) -> None:
        """A process has the lease."""

    def committed(self, who: str, epoch: int, changes: Changes) -> None:
        """A commit was made."""


class Host(Protocol):
    """The process that the journal is written in."""

    name: str
    world: World
    plan: FaultPlan
    watcher: Watcher

    def passes(self, point: str) -> None:
        """It passes a point at which it may die or stand still. Raises Killed."""

    def stand_still(self, is_whole: bool, where: str) -> None:
        """Do nothing for a while. Raises Killed."""

    def after(self, delay_s: float, action: Callable[[], Any]) -> None:
        """Have something happen in this process, unless it is over by then."""

    def wake(self, delay_s: float) -> None:
        """Let the loop take a turn, no later than in a while."""


class WatchedStore:
    """A door to a store; it knows which process goes through it, and what that commits."""

    def __init__(self, store: StateStore, host: Host) -> None:
        self._store, self._host = store, host
        self._writing: list[tuple[int, Changes]] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        made = partial(self._passing, f"store.{name}", found) if name in READS else found
        setattr(self, name, made)
        return made

    def _passing(self, point: str, read: Callable[..., Any], *given: Any) -> Any:
        found = read(*given)
        if self._host.world.chance(self._host.plan.unreadable, "unreadable"):
            raise StoreError("The disk cannot be read")
        self._host.passes(point)
        return found

    def acquire(self, owner: str, ttl_s: float, now: float, alive: Alive) -> Lease | None:
        """Take the lease."""
        lease = self._store.acquire(owner, ttl_s, now, alive)
        if lease is not None:
            self._host.watcher.acquired(owner, lease)
        return lease

    def commit(self, epoch: int, now: float, ttl_s: float, changes: Changes) -> None:
        """Commit, or fail as planned."""
        host = self._host
        if host.world.chance(host.plan.slow_disks, "slow_disks"):
            host.stand_still(False, "until its commit is on the disk")
        if host.world.chance(host.plan.full_disks, "full_disks"):
            raise StoreError("No space left")
        self._writing.append((epoch, changes))
        try:
            self._store.commit(epoch, now, ttl_s, changes)
        except Fenced:
            host.world.note(host.name, f"is fenced: epoch {epoch} is over")
            raise
        finally:
            self._writing.pop()
        if host.world.chance(host.plan.torn_commits, "torn_commits"):
            raise StoreError("The disk said no, and had written it")

    def is_written(self) -> None:
        """What is being written is on the disk."""
        self._host.watcher.committed(self._host.name, *self._writing[-1])


class SimulatedWriter(Writer):
    """A writer that writes when the world lets it."""

    def __init__(
        self,
        store: StateStore,
        lease: Lease,
        failed: Callable[[BaseException], Any],
        *,
        ttl_s: float,
        host: Host,
    ) -> None:
        self._host = host
        self._is_due = self._is_over = False
        self.is_busy = False
        world = host.world
        super().__init__(
            store, lease, failed, ttl_s=ttl_s, now=world.wall, steady=lambda: world.now
        )

    def _start(self) -> None:
        self._wrote = self._host.world.now
        self._host.after(self._ttl_s / 3, self._beat)

    def put(self, changes: Changes, then: Callable[[], Any] | None = None) -> None:
        """Have changes written a little later."""
        super().put(changes, then)
        if not self._is_due:
            self._is_due = True
            world = self._host.world
            self._host.after(
                world.between(0.0001, 0.1 if world.chance(0.1) else 0.002), self._drain
            )

    def close(self) -> None:
        """Write what waits."""
        self._drain()
        self._is_over = True

    def _drain(self) -> None:
        self._is_due = False
        while not self._is_over and not self.is_busy and not self._queue.empty():
            self._carefully(partial(self._together, self._waiting()))

    def _waiting(self) -> list[Waiting]:
        taken: list[Waiting] = []
        while len(taken) < MOST and not self._queue.empty():
            one = self._queue.get_nowait()
            taken += [one] if one is not None else []
        return taken

    def _beat(self) -> None:
        if self._is_over:
            return
        idle = self._host.world.now - self._wrote
        if not self.is_busy and idle >= self._ttl_s / 3 - 1e-6:
            self._carefully(partial(self._commit, Changes()))
            idle = 0.0
        self._host.after(max(self._ttl_s / 3 - idle, 0.01), self._beat)

    def _carefully(self, write: Callable[[], Any]) -> None:
        self.is_busy = True
        try:
            write()
        except Exception as error:
            self._is_over = True
            self._failed(error)
        finally:
            self.is_busy = False
        self._wrote = self._host.world.now
        self._host.wake(0.0001)
        if not self._queue.empty():
            self._host.after(0.0, self._drain)
