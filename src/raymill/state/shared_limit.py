"""A rate limit that all processes of a store share: leased in blocks, stopped for everybody."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from raymill import faults
from raymill.state.database import Database, Execute
from raymill.state.limits import Lease, Rate, Reading, State, lease, stop, stop_left
from raymill.state.owner import boot

LOOK_S = 0.1  # how long a stop of another process may go unseen
_SAVE = (
    "INSERT INTO rate_limits (name, clock, granted, next, stopped, until, reason) "
    "VALUES (?,?,?,?,?,?,?) ON CONFLICT (name) DO UPDATE SET clock=excluded.clock, "
    "granted=excluded.granted, next=excluded.next, stopped=excluded.stopped, "
    "until=excluded.until, reason=excluded.reason"
)
_READ = "SELECT clock, granted, next, stopped, until, reason FROM rate_limits WHERE name=?"
_TIME = "SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)"

Clock = Callable[[Execute], Reading]
"""Reads the clock by which a store leases."""


class Stopped(NamedTuple):
    """Nobody gets a permit for so long, and why."""

    left_s: float
    reason: str


class Slot(NamedTuple):
    """When a permit may be used, in seconds of this process's clock."""

    since: float
    until: float


class SharedLimit:
    """Permits of one name in a store; threads share it, and a pickle of it is another door to it.

    monotonic: seconds that never go back, of this process.
    clock: what the store leases by; usually the machine's, or that of its server.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        rate: Rate,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Clock | None = None,
    ) -> None:
        self.name, self.rate = name, rate
        self._database = database
        self._monotonic = monotonic
        self._clock = clock or (_of_server if database.dialect == "postgres" else _of_machine)
        self._lock = threading.Lock()
        self._slots: deque[Slot] = deque()
        self._wanted = 1
        self._notice_s = 0.0
        self._looked = float("-inf")

    def __reduce__(self) -> tuple[Any, ...]:
        return SharedLimit, (self._database, self.name, self.rate)

    def take(self) -> float:
        """Take a permit: 0 where there is one, else the seconds after which to ask again.

        Raises StoreError.
        """
        with self._lock:
            self._look()
            now = self._monotonic()
            self._drop(now)
            if not self._slots:
                wait_s = self._lease()
                now = self._monotonic()
                if not self._slots:
                    return wait_s
            if now < self._slots[0].since:
                return self._slots[0].since - now
            if now > self._slots.popleft().until:  # leasing took too long
                return self.rate.hold_s
            return 0.0

    def stop(self, seconds: float, reason: str) -> None:
        """Give no permit to anybody for so long; a longer stop that is in force stays."""
        with self._lock:
            self._slots.clear()
            self._change(lambda state, now: (stop(state, now, seconds, reason), None))

    def stopped(self) -> Stopped | None:
        """The stop that is in force, None without one."""
        with self._database.reading() as execute:
            state = _read(execute, self.name)
            left = stop_left(state, self._clock(execute).wall) if state else 0.0
        return Stopped(left, state.reason) if state and left > 0 else None

    def _look(self) -> None:
        """Give up the permits at hand where somebody was told to stop."""
        now = self._monotonic()
        if self._slots and now - self._looked >= LOOK_S:
            self._looked = now
            if self.stopped():
                self._slots.clear()

    def _drop(self, now: float) -> None:
        """Forget permits whose time is over; who lets them pass leases fewer the next time."""
        while self._slots and now > self._slots[0].until:
            self._slots.popleft()
            self._wanted = 0

    def _lease(self) -> float:
        wanted = min(max(1, self._wanted), self.rate.most)
        notice_s, hold_s = self._notice_s, self.rate.hold_s
        leased, read = self._change(
            lambda state, now: lease(state, now, self.rate, wanted, notice_s)
        )
        faults.point("limit.leased")
        assert leased is not None
        took_s = self._monotonic() - read
        self._notice_s = took_s if took_s > hold_s / 2 else 0.0  # else slots pass before they come
        self._wanted = 2 * wanted  # all of them were used, unless `_drop` says otherwise
        self._slots.extend(Slot(read + after, read + after + hold_s) for after in leased.slots)
        return leased.wait_s

    def _change(
        self, decide: Callable[[State | None, Reading], tuple[State, Lease | None]]
    ) -> tuple[Lease | None, float]:
        """Change the state in one transaction; gives the lease, and when the clock was read."""
        with self._database.transaction() as execute:
            state = _read(execute, self.name)
            asked = self._monotonic()
            reading = self._clock(execute)
            read = self._monotonic()
            changed, leased = decide(state, reading._replace(unsure_s=read - asked))
            if changed != state:
                execute(_SAVE, (self.name, *changed))
        return leased, read


def _read(execute: Execute, name: str) -> State | None:
    rows = execute(_READ, (name,))
    return State(*rows[0]) if rows else None


def _of_machine(execute: Execute) -> Reading:
    return Reading(boot(), time.monotonic(), time.time())


def _of_server(execute: Execute) -> Reading:
    seconds = float(execute(_TIME)[0][0])
    return Reading("server", seconds, seconds)
