"""What a store of workflow runs keeps, and the contract that every backend fulfils."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

OPEN = ("running", "paused")
ENDED = ("completed", "failed", "cancelled")
RUN_CHANGES = ("version", "status", "output", "error", "ended", "deadline")  # of a known run


class RunRow(NamedTuple):
    """One run of a workflow. Values are JSON as bytes, times seconds since 1970."""

    id: str
    workflow: str
    place: str  # where other processes find the workflow: `module:object`, `FILE.py:object`
    version: str
    status: str  # running, paused, completed, failed, cancelled
    priority: int
    input: bytes | None
    output: bytes | None
    error: bytes | None
    parent: bytes | None  # (run, step, item) that it was started for
    created: float
    ended: float | None = None
    deadline: float | None = None
    engine: str = "local"  # whose workers run its steps


class StepRow(NamedTuple):
    """One step of a run, or one item of a fan-out.

    `attempt` counts starts, `failures` those that raised, `losses` those whose worker went away.
    """

    run: str
    step: str
    item: int  # -1 where the step is no fan-out
    status: str  # begun, waiting, asked, done, dead, cancelled
    attempt: int
    failures: int
    losses: int
    due: float  # when the attempt may begin
    ended: float | None
    seconds: float | None
    output: bytes | None
    error: bytes | None
    progress: bytes | None
    worker: str = ""  # where the last attempt that ended ran


class EventRow(NamedTuple):
    """Something out of the ordinary in a run: a failed attempt, a request, a late result."""

    run: str
    at: float
    kind: str
    step: str
    item: int
    attempt: int
    detail: str


class ScheduleRow(NamedTuple):
    """When runs of a workflow begin by themselves: by `cron` or every so many seconds."""

    name: str
    workflow: str
    place: str
    input: bytes
    cron: str  # empty where `every_s` says it
    every_s: float
    timezone: str
    catch_up: str  # none, one, all: what is done about times that were missed
    priority: int
    engine: str
    status: str  # active, paused
    created: float
    next: float
    last: float | None


class Message(NamedTuple):
    """What another process asks of the orchestrator: to start a run, to cancel one, ..."""

    id: int
    kind: str
    run: str
    body: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Lease:
    """Who runs the workflows of a store, and since which epoch."""

    epoch: int
    owner: str
    expires: float


@dataclass(slots=True)
class Changes:
    """What one commit writes, all of it or nothing."""

    runs: list[RunRow] = field(default_factory=list)
    steps: list[StepRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    limits: dict[str, float] = field(default_factory=dict)
    taken: int | None = None  # the last message of the inbox that is in here
    schedules: dict[str, ScheduleRow | None] = field(default_factory=dict)  # None takes one away

    def add(self, other: "Changes") -> None:
        """Append another change; the later row of a name holds."""
        self.runs += other.runs
        self.steps += other.steps
        self.events += other.events
        self.limits.update(other.limits)
        self.schedules.update(other.schedules)
        self.taken = other.taken if other.taken is not None else self.taken

    def __bool__(self) -> bool:
        rows = self.runs or self.steps or self.events or self.limits or self.schedules
        return bool(rows) or self.taken is not None


Alive = Callable[[str], bool | None]


class StateStore(Protocol):
    """Keeps the journal of runs and the inbox of requests.

    The journal is written by the holder of the lease alone, each commit under its epoch; anybody
    reads it, and anybody writes to the inbox.
    """

    def acquire(self, owner: str, ttl_s: float, now: float, alive: Alive) -> Lease | None:
        """Take the lease with a new epoch; None while another owner holds it.

        `alive` says of an owner whether its process is there; None if nobody can tell.
        """

    def holder(self, now: float, alive: Alive) -> Lease | None:
        """The lease that is in force, None without one."""

    def release(self, epoch: int) -> None:
        """Give the lease back; nothing if another epoch has begun."""

    def commit(self, epoch: int, now: float, ttl_s: float, changes: Changes) -> None:
        """Write all changes durably and renew the lease. Raises Fenced, StoreError."""

    def open_runs(self) -> list[RunRow]:
        """The runs that have not ended, oldest first."""

    def run(self, id: str) -> RunRow | None:
        """One run."""

    def runs(
        self,
        *,
        status: str | None = None,
        workflow: str | None = None,
        before: str = "",
        most: int = 50,
    ) -> list[RunRow]:
        """A page of runs, newest first; `before` is the last id of the page before."""

    def steps(self, run: str) -> list[StepRow]:
        """The steps of a run that have begun."""

    def events(self, run: str) -> list[EventRow]:
        """What happened in a run, in order."""

    def limits(self) -> dict[str, float]:
        """For each rate limit, when it next grants a permit."""

    def schedules(self) -> list[ScheduleRow]:
        """All schedules, by name."""

    def taken(self) -> int:
        """The last message of the inbox that is in the journal."""

    def send(self, messages: Iterable[tuple[str, str, bytes]], now: float) -> int:
        """Put (kind, run, body) into the inbox, durably. Gives the id of the last one."""

    def inbox(self, after: int = 0, most: int = 1000) -> Sequence[Message]:
        """Messages that came after one, in order."""

    def messages(self, run: str) -> Sequence[Message]:
        """The messages about a run that still lie in the inbox."""

    def forget(self, upto: int) -> None:
        """Drop messages that are in the journal."""

    def wait(self, timeout_s: float) -> bool:
        """Wait until a message may have come; False where none did in this time."""

    def close(self) -> None:
        """Let go of files and connections."""


def open_store(folder: str | Path, url: str = "") -> StateStore:
    """The store of a folder: in files there, or on the PostgreSQL server at `url`."""
    if url:
        from raymill.state.postgres import PostgresStore

        return PostgresStore(url)
    from raymill.state.sqlite import SqliteStore

    return SqliteStore(folder)
