"""So many requests a second, some at once: over all processes, with few looks at a store.

A bucket holds `burst` permits and fills at the rate. A process takes as many at a time as it used
last, and drops those that it does not use within a second; so there are never more permits than
rate and burst allow, at worst fewer.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from raymill.errors import ConfigError
from raymill.state.ledger import Ledger
from raymill.state.limits import Reading, State, known_now
from raymill.state.per_process import PerProcess

BLOCK_S = 0.5  # the largest block, as time
HOLD_S = 1.0  # how long a process keeps permits that it does not use


@dataclass(frozen=True, slots=True)
class Flow:
    """So many a second, and so many at once."""

    per_s: float
    burst: float

    def __post_init__(self) -> None:
        if not (self.per_s > 0 and self.burst >= 1):
            raise ConfigError(f"{self.per_s:g} a second, {self.burst:g} at once lets nothing pass")

    @property
    def most(self) -> int:
        """The permits of the largest block."""
        return max(1, min(int(self.per_s * BLOCK_S), int(self.burst)))


class Drawn(NamedTuple):
    """So many permits; or, with none, when to ask again."""

    permits: int = 0
    wait_s: float = 0.0


def draw(state: State | None, reading: Reading, flow: Flow, wanted: int) -> tuple[State, Drawn]:
    """Take as many permits as are wanted and there.

    >>> now = Reading("boot", 100.0, 1.7e9)
    >>> state, first = draw(None, now, Flow(per_s=10, burst=3), 5)
    >>> first.permits, draw(state, now, Flow(per_s=10, burst=3), 1)[1].wait_s
    (3, 0.1)
    """
    known = known_now(state, reading)
    apart = 1.0 / flow.per_s
    base = max(known.next, reading.at)  # when the bucket is full again
    there = int(flow.burst - (base - reading.at) * flow.per_s + 1e-6)
    if there < 1:
        return known, Drawn(wait_s=round(base - reading.at - (flow.burst - 1) * apart, 6))
    count = min(wanted, there)
    return known._replace(granted=reading.at, next=base + count * apart), Drawn(count)


@dataclass(slots=True)
class _Held:
    lock: threading.Lock = field(default_factory=threading.Lock)
    count: int = 0
    until: float = 0.0
    shut_until: float = 0.0
    wanted: int = 1


class SharedBucket:
    """A bucket of one name; threads share it, other processes have doors of their own to it."""

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        flow: Flow,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.flow = name, flow
        self._ledger, self._monotonic = ledger, monotonic
        self._held = PerProcess(_Held)

    def __reduce__(self) -> tuple[Any, ...]:
        return SharedBucket, (self._ledger, self.name, self.flow)

    def take(self) -> float:
        """Take a permit: 0 where there is one, else the seconds after which to ask again.

        Raises StoreError.
        """
        while (wait_s := self.at_hand()) is None:
            self.lease()
        return wait_s

    def at_hand(self) -> float | None:
        """The same without a look at the store; None where that is needed."""
        held = self._held.get()
        with held.lock:
            now = self._monotonic()
            if now >= held.until and held.count:
                held.count, held.wanted = 0, 1
            if held.count:
                held.count -= 1
                return 0.0
            return held.shut_until - now if now < held.shut_until else None

    def lease(self) -> None:
        """Take permits out of the store, or learn how long there are none. Raises StoreError."""
        held = self._held.get()
        with held.lock:
            now = self._monotonic()
            if held.count or now < held.shut_until:
                return  # somebody else was quicker
            wanted = min(held.wanted, self.flow.most)
            drawn = self._ledger.change(
                self.name, lambda state, clock: draw(state, clock(), self.flow, wanted)
            )
            held.wanted = min(2 * wanted, self.flow.most)
            held.count, held.until = drawn.permits, now + HOLD_S
            held.shut_until = now + drawn.wait_s
