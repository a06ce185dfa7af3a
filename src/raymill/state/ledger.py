"""Where the state of limits is kept, one change at a time: in the store, or in Redis."""

import time
from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar

from raymill.state.database import Database, Execute
from raymill.state.limits import Reading, State
from raymill.state.owner import boot

T = TypeVar("T")
Decide: TypeAlias = Callable[[State | None, Callable[[], Reading]], tuple[State | None, T]]
"""Gets the state and what reads the clock; gives the state as it is from now on, and an answer."""

Clock = Callable[[Execute], Reading]
"""Reads the clock by which a store leases."""

_SAVE = (
    "INSERT INTO rate_limits (name, clock, granted, next, stopped, until, reason) "
    "VALUES (?,?,?,?,?,?,?) ON CONFLICT (name) DO UPDATE SET clock=excluded.clock, "
    "granted=excluded.granted, next=excluded.next, stopped=excluded.stopped, "
    "until=excluded.until, reason=excluded.reason"
)
_READ = "SELECT clock, granted, next, stopped, until, reason FROM rate_limits WHERE name=?"
_TIME = "SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


class Ledger(Protocol):
    """Keeps states by name. Threads and processes may share one; it may be pickled."""

    def change(self, name: str, decide: Decide[T]) -> T:
        """Change a state; nobody changes it in between. `decide` may be called more than once.

        Raises StoreError.
        """

    def read(self, name: str) -> tuple[State | None, Reading]:
        """A state as it is, and what the clock shows. Raises StoreError."""


class DatabaseLedger:
    """Keeps states in the tables of a store."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self.database, self._clock = database, clock or clock_of(database)

    def change(self, name: str, decide: Decide[T]) -> T:
        """Change a state in one transaction."""
        with self.database.transaction() as execute:
            state = _read(execute, name)
            changed, answer = decide(state, lambda: self._clock(execute))
            if changed is not None and changed != state:
                execute(_SAVE, (name, *changed))
        return answer

    def read(self, name: str) -> tuple[State | None, Reading]:
        """A state as it is, and what the clock shows."""
        with self.database.reading() as execute:
            return _read(execute, name), self._clock(execute)


def clock_of(database: Database) -> Clock:
    """The clock of a store: its server's, or that of this machine."""
    return _of_server if database.dialect == "postgres" else _of_machine


def _read(execute: Execute, name: str) -> State | None:
    rows = execute(_READ, (name,))
    return State(*rows[0]) if rows else None


def _of_machine(execute: Execute) -> Reading:
    return Reading(boot(), time.monotonic(), time.time())


def _of_server(execute: Execute) -> Reading:
    seconds = float(execute(_TIME)[0][0])
    return Reading("server", seconds, seconds)
