"""An orchestrator that is driven by hand: turns, commits, results come when a test says."""

from collections.abc import Callable, Sequence
from typing import Any

from raymill import json
from raymill.flow.places import among
from raymill.flow.pool import Call, Key, Outcome, Reports, Result
from raymill.flow.workflow import Workflow
from raymill.orchestrator.clock import Clock
from raymill.orchestrator.loop import Orchestrator
from raymill.orchestrator.turn import Pace
from raymill.state.store import Changes, Lease, Message, StateStore, StepRow
from raymill.testing.memory_store import Memory, MemoryStore
from raymill.testing.store_suite import nobody


class HandClock(Clock):
    """A clock that stands still, and draws what it is told."""

    def __init__(self) -> None:
        super().__init__(1)
        self.time, self.drawn = 100.0, 0.0

    def now(self) -> float:
        return self.time

    def chance(self) -> float:
        return self.drawn


class HandPool:
    """A pool that notes what it is given."""

    size = 4

    def __init__(self) -> None:
        self.begun: list[Call] = []
        self.cancelled: list[Key] = []

    def open(self, reports: Reports) -> None:
        self.reports = reports

    def submit(self, calls: Sequence[Call]) -> None:
        self.begun += calls

    def cancel(self, key: Key) -> None:
        self.cancelled.append(key)

    def close(self) -> None:
        self.is_closed = True


class HandWriter:
    """A writer that writes when it is told to; until then what it is given waits."""

    def __init__(self, store: StateStore, lease: Lease, *_: Any, ttl_s: float) -> None:
        self.store, self.epoch, self.ttl_s = store, lease.epoch, ttl_s
        self.waiting: list[tuple[Changes, Callable[[], Any] | None]] = []
        self.holds, self.is_held_back = True, False

    def put(self, changes: Changes, then: Callable[[], Any] | None = None) -> None:
        self.waiting.append((changes, then))
        if not self.is_held_back:
            self.commit()

    def commit(self, most: int = 1000) -> None:
        waiting, self.waiting = self.waiting[:most], self.waiting[most:]
        for changes, then in waiting:
            self.store.commit(self.epoch, 100.0, self.ttl_s, changes)
            if then is not None:
                then()

    def write(self, changes: Changes) -> bool:
        return False

    def close(self) -> None:
        self.commit()


class Driven:
    """One orchestrator on a store in memory."""

    def __init__(self, *flows: Workflow, memory: Memory | None = None, **how: Any) -> None:
        self.memory = memory or Memory()
        self.store = MemoryStore(self.memory)
        self.clock, self.pool = HandClock(), HandPool()
        find = how.pop("find", among(*flows))
        pace = Pace(inbox_s=0.0, sweep_s=how.pop("sweep_s", 1e9))
        self.orchestrator = Orchestrator(
            self.store, self.pool, find, clock=self.clock, pace=pace, writer=HandWriter, **how
        )

    def open(self) -> "Driven":
        """Take the lease and what the store holds."""
        lease = self.store.acquire(f"at {id(self)}", 5, 1e9, nobody)
        assert lease is not None
        self.orchestrator.open(lease)
        self.turn()
        return self

    @property
    def writer(self) -> HandWriter:
        writer = self.orchestrator._writer
        assert isinstance(writer, HandWriter)
        return writer

    def turn(self, times: int = 3) -> None:
        """Let the loop go round; each time it takes up what is there."""
        for _ in range(times):
            self.orchestrator.turn(0.0)

    def send(self, *messages: tuple[str, str, Any]) -> None:
        """Put messages into the inbox, and let them be taken."""
        self.store.send([(kind, run, json.dumps(about)) for kind, run, about in messages], 100.0)
        self.turn()

    def submit(self, flow: Workflow, value: Any = None, run: str = "r", **about: Any) -> None:
        """Submit a run."""
        self.send(
            ("submit", run, {"workflow": flow.name, "place": flow.name, "input": value} | about)
        )

    def tell(self, step: str, outcome: Outcome, output: Any = None, **how: Any) -> None:
        """Tell how the last attempt of a step that was begun has ended."""
        key = next(call.key for call in reversed(self.pool.begun) if call.key.step == step)
        self._tell(key, outcome, output, **how)

    def tell_item(
        self, step: str, item: int, outcome: Outcome, output: Any = None, **how: Any
    ) -> None:
        """Tell how the last attempt of an item has ended."""
        keys = (call.key for call in reversed(self.pool.begun))
        key = next(key for key in keys if (key.step, key.item) == (step, item))
        self._tell(key, outcome, output, **how)

    def _tell(self, key: Key, outcome: Outcome, output: Any, *, retry: bool = True) -> None:
        error = None if outcome in ("done", "unstarted") else b'{"type":"E","message":"e"}'
        value = json.dumps(output) if outcome == "done" else None
        again = retry and outcome == "error"
        self.pool.reports.results([Result(key, outcome, value, error, again)])
        self.turn()

    def begun(self) -> list[str]:
        """The attempts that the pool was given, as step/item#attempt."""
        return [shown(call.key) for call in self.pool.begun]

    def rows(self, run: str = "r") -> dict[str, str]:
        """The status of each step in the journal."""
        return {shown(_key(row)): row.status for row in self.store.steps(run)}

    def status(self, run: str = "r") -> str:
        row = self.store.run(run)
        assert row is not None
        return row.status

    def error(self, run: str = "r") -> dict[str, Any]:
        row = self.store.run(run)
        assert row is not None
        return dict(json.loads(row.error or b"{}"))

    def events(self, run: str = "r") -> list[tuple[str, str]]:
        return [(event.kind, event.detail) for event in self.store.events(run)]

    def messages(self) -> list[Message]:
        return list(self.store.inbox())


def _key(row: StepRow) -> Key:
    return Key(row.run, row.step, row.item, row.attempt)


def shown(key: Key) -> str:
    item = "" if key.item < 0 else f"/{key.item}"
    return f"{key.step}{item}#{key.attempt}"
