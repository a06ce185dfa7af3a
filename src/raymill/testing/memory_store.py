"""A store in memory, with the semantics of those that last."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from raymill import faults
from raymill.errors import Fenced
from raymill.state.store import (
    OPEN,
    RUN_CHANGES,
    Alive,
    Changes,
    EventRow,
    Lease,
    Message,
    RunRow,
    ScheduleRow,
    StepRow,
)

NOBODY = Lease(0, "", 0.0)


@dataclass(slots=True)
class Memory:
    """What lies in a store, for as many doors as open it."""

    lease: Lease = NOBODY
    runs: dict[str, RunRow] = field(default_factory=dict)
    steps: dict[str, dict[tuple[str, int], StepRow]] = field(default_factory=dict)
    events: dict[str, list[EventRow]] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    schedules: dict[str, ScheduleRow] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    sent: int = 0
    taken: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)


class MemoryStore:
    """A store for tests, which lasts as long as its memory."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()

    def acquire(self, owner: str, ttl_s: float, now: float, alive: Alive) -> Lease | None:
        """Take the lease with a new epoch; None while another owner holds it."""
        with self._memory.lock:
            held = self.holder(now, alive)
            if held is not None and held.owner != owner:
                return None
            taken = Lease(self._memory.lease.epoch + 1, owner, now + ttl_s)
            self._memory.lease = taken
        faults.point("lease.taken")
        return taken

    def holder(self, now: float, alive: Alive) -> Lease | None:
        """The lease that is in force, None without one."""
        lease = self._memory.lease
        is_free = not lease.owner or lease.expires <= now or alive(lease.owner) is False
        return None if is_free else lease

    def release(self, epoch: int) -> None:
        """Give the lease back; nothing if another epoch has begun."""
        with self._memory.lock:
            if self._memory.lease.epoch == epoch:
                self._memory.lease = Lease(epoch, "", 0.0)

    def commit(self, epoch: int, now: float, ttl_s: float, changes: Changes) -> None:
        """Write all changes and renew the lease. Raises Fenced."""
        faults.point("journal.before-commit")
        with self._memory.lock:
            lease = self._memory.lease
            if lease.epoch != epoch:
                raise Fenced(f"Epoch {epoch} is over: another orchestrator runs the workflows")
            faults.point("journal.written")
            self._memory.lease = Lease(epoch, lease.owner, now + ttl_s)
            self._write(changes)
        faults.point("journal.committed")

    def _write(self, changes: Changes) -> None:
        memory = self._memory
        for row in changes.runs:
            known = memory.runs.get(row.id)
            if known is not None:
                row = known._replace(**{name: getattr(row, name) for name in RUN_CHANGES})
            memory.runs[row.id] = row
        for step in changes.steps:
            memory.steps.setdefault(step.run, {})[step.step, step.item] = step
        for event in changes.events:
            memory.events.setdefault(event.run, []).append(event)
        memory.limits |= changes.limits
        for name, schedule in changes.schedules.items():
            memory.schedules.pop(name, None)
            if schedule is not None:
                memory.schedules[name] = schedule
        memory.taken = max(memory.taken, changes.taken or 0)

    def open_runs(self) -> list[RunRow]:
        """The runs that have not ended, oldest first."""
        found = (row for row in list(self._memory.runs.values()) if row.status in OPEN)
        return sorted(found, key=lambda row: (row.created, row.id))

    def run(self, id: str) -> RunRow | None:
        """One run."""
        return self._memory.runs.get(id)

    def runs(
        self,
        *,
        status: str | None = None,
        workflow: str | None = None,
        before: str = "",
        most: int = 50,
    ) -> list[RunRow]:
        """A page of runs, newest first; `before` is the last id of the page before."""
        found = [
            row
            for row in list(self._memory.runs.values())
            if status in (None, row.status) and workflow in (None, row.workflow)
        ]
        if before:
            end = self._memory.runs.get(before)
            found = [row for row in found if end and (row.created, row.id) < (end.created, end.id)]
        return sorted(found, key=lambda row: (row.created, row.id), reverse=True)[:most]

    def steps(self, run: str) -> list[StepRow]:
        """The steps of a run that have begun."""
        return list(self._memory.steps.get(run, {}).values())

    def events(self, run: str) -> list[EventRow]:
        """What happened in a run, in order."""
        return list(self._memory.events.get(run, ()))

    def limits(self) -> dict[str, float]:
        """For each rate limit, when it next grants a permit."""
        return dict(self._memory.limits)

    def schedules(self) -> list[ScheduleRow]:
        """All schedules, by name."""
        return [row for _, row in sorted(self._memory.schedules.items())]

    def taken(self) -> int:
        """The last message of the inbox that is in the journal."""
        return self._memory.taken

    def send(self, messages: Iterable[tuple[str, str, bytes]], now: float) -> int:
        """Put (kind, run, body) into the inbox. Gives the id of the last one."""
        memory = self._memory
        with memory.lock:
            for message in messages:
                memory.sent += 1
                memory.messages[memory.sent] = Message(memory.sent, *message, now)
        faults.point("inbox.sent")
        return memory.sent

    def inbox(self, after: int = 0, most: int = 1000) -> Sequence[Message]:
        """Messages that came after one, in order."""
        messages = list(self._memory.messages.values())
        found = (message for message in messages if message.id > after)
        return list(islice(found, most))

    def messages(self, run: str) -> Sequence[Message]:
        """The messages about a run that still lie in the inbox."""
        return [message for message in list(self._memory.messages.values()) if message.run == run]

    def forget(self, upto: int) -> None:
        """Drop messages that are in the journal."""
        for number in [number for number in list(self._memory.messages) if number <= upto]:
            self._memory.messages.pop(number, None)

    def wait(self, timeout_s: float) -> bool:
        """A message may have come at any time."""
        return True

    def close(self) -> None:
        """Let go of nothing: the memory stays."""
