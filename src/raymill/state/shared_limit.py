"""A rate limit that all processes of a store share: leased in blocks, stopped for everybody."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from raymill import faults
from raymill.errors import ConfigError
from raymill.state.database import Database
from raymill.state.ledger import Clock, DatabaseLedger, Ledger
from raymill.state.limits import Lease, Rate, Reading, State, lease, stop, stop_left
from raymill.state.per_process import PerProcess

LOOK_S = 0.1  # how long a stop of another process may go unseen


class Stopped(NamedTuple):
    """Nobody gets a permit for so long, and why."""

    left_s: float
    reason: str


class Slot(NamedTuple):
    """When a permit may be used, in seconds of this process's clock."""

    since: float
    until: float


@dataclass(slots=True)
class _Line:
    """Slots at hand for requests of one weight."""

    slots: deque[Slot] = field(default_factory=deque)
    wanted: int = 1

    def drop(self, now: float) -> None:
        """Forget permits whose time is over; who lets them pass leases fewer the next time."""
        while self.slots and now > self.slots[0].until:
            self.slots.popleft()
            self.wanted = 1


@dataclass(slots=True)
class _Held:
    """What this process has leased, and how it goes about it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    lines: dict[float, _Line] = field(default_factory=lambda: {1.0: _Line()})
    notice_s: float = 0.0
    looked: float = float("-inf")

    @property
    def slots(self) -> deque[Slot]:
        """Those of requests that weigh one."""
        return self.lines[1.0].slots

    def line(self, weight: float) -> _Line:
        """Those of requests of a weight."""
        return self.lines.setdefault(float(weight), _Line())

    def clear(self) -> None:
        """Give all of them up."""
        for line in self.lines.values():
            line.slots.clear()


class SharedLimit:
    """Permits of one name in a store or another ledger; threads share it, and a fork or a pickle of
    it is another door to it.

    monotonic: seconds that never go back, of this process.
    clock: what the store leases by; usually the machine's, or that of its server.
    """

    def __init__(
        self,
        place: Database | Ledger,
        name: str,
        rate: Rate,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Clock | None = None,
    ) -> None:
        self.name, self.rate = name, rate
        self._place = place
        self._ledger = _ledger_of(place, clock)
        self._monotonic = monotonic
        self._held = PerProcess(_Held)  # a permit that two processes hold would be two

    def __reduce__(self) -> tuple[Any, ...]:
        return SharedLimit, (self._place, self.name, self.rate)

    def take(self, weight: float = 1.0) -> float:
        """Take a permit: 0 where there is one, else the seconds after which to ask again.

        weight: how many permits of the rate the request counts for. Raises StoreError.
        """
        if weight > self.rate.heaviest:
            raise ConfigError(
                f"A request of weight {weight:g} is too heavy for limit `{self.name}`",
                hint=f"its heaviest request is {self.rate.heaviest:g}",
            )
        held = self._held.get()
        with held.lock:
            self._look(held)
            line = held.line(weight)
            line.drop(now := self._monotonic())
            if not line.slots:
                wait_s = self._lease(held, weight)
                now = self._monotonic()
                if not line.slots:
                    return wait_s
            if now < line.slots[0].since:
                return line.slots[0].since - now
            if now > line.slots.popleft().until:  # leasing took too long
                return self.rate.hold_s
            return 0.0

    def stop(self, seconds: float, reason: str) -> None:
        """Give no permit to anybody for so long; a longer stop that is in force stays."""
        held = self._held.get()
        with held.lock:
            held.clear()
            self._change(lambda state, now: (stop(state, now, seconds, reason), None))

    def stopped(self) -> Stopped | None:
        """The stop that is in force, None without one."""
        state, reading = self._ledger.read(self.name)
        left = stop_left(state, reading.wall) if state else 0.0
        return Stopped(left, state.reason) if state and left > 0 else None

    def _look(self, held: _Held) -> None:
        """Give up the permits at hand where somebody was told to stop."""
        now = self._monotonic()
        if any(line.slots for line in held.lines.values()) and now - held.looked >= LOOK_S:
            held.looked = now
            if self.stopped():
                held.clear()

    def _lease(self, held: _Held, weight: float) -> float:
        line, notice_s = held.line(weight), held.notice_s
        wanted = min(line.wanted, self.rate.most(weight))
        leased, read = self._change(
            lambda state, now: lease(state, now, self.rate, wanted, notice_s, weight)
        )
        faults.point("limit.leased")
        assert leased is not None
        hold_s, took_s = self.rate.hold_s, self._monotonic() - read
        held.notice_s = took_s if took_s > hold_s / 2 else 0.0  # else slots pass before they come
        line.wanted = 2 * wanted  # all of them were used, unless `drop` says otherwise
        line.slots.extend(Slot(read + after, read + after + hold_s) for after in leased.slots)
        return leased.wait_s

    def _change(
        self, decide: Callable[[State | None, Reading], tuple[State, Lease | None]]
    ) -> tuple[Lease | None, float]:
        """Change the state in one transaction; gives the lease, and when the clock was read."""

        def change(
            state: State | None, clock: Callable[[], Reading]
        ) -> tuple[State, tuple[Lease | None, float]]:
            asked = self._monotonic()
            reading = clock()
            read = self._monotonic()
            changed, leased = decide(state, reading._replace(unsure_s=read - asked))
            return changed, (leased, read)

        return self._ledger.change(self.name, change)


def _ledger_of(place: Database | Ledger, clock: Clock | None) -> Ledger:
    if hasattr(place, "dialect"):
        return DatabaseLedger(cast(Database, place), clock)
    return place
