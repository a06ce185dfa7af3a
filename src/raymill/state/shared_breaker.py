"""A breaker that all processes of a store share."""

import time
from collections.abc import Callable
from typing import Any

from raymill.state.breakers import CLOSED, Breaker, Circuit, enter, failed
from raymill.state.database import Database, Execute
from raymill.state.ledger import Clock, clock_of

LOOK_S = 0.1  # how long what others did may go unseen
_READ = "SELECT failures, opened, since, until FROM rate_breakers WHERE name=?"
_SAVE = (
    "INSERT INTO rate_breakers (name, failures, opened, since, until) VALUES (?,?,?,?,?) "
    "ON CONFLICT (name) DO UPDATE SET failures=excluded.failures, opened=excluded.opened, "
    "since=excluded.since, until=excluded.until"
)


class SharedBreaker:
    """A breaker of one name in a store. While nothing fails, nothing is written."""

    def __init__(
        self,
        database: Database,
        name: str,
        breaker: Breaker | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Clock | None = None,
    ) -> None:
        self.name, self.breaker = name, breaker or Breaker()
        self._database, self._monotonic = database, monotonic
        self._clock = clock or clock_of(database)
        self._known, self._looked = CLOSED, float("-inf")

    def __reduce__(self) -> tuple[Any, ...]:
        return SharedBreaker, (self._database, self.name, self.breaker)

    def take(self) -> float:
        """Ask to get through: 0 where one may, else the seconds after which to ask again."""
        if not self._look().opened:
            return 0.0
        return self._change(lambda circuit, wall: enter(circuit, wall, self.breaker))

    def failed(self) -> None:
        """What got through failed."""
        self._change(lambda circuit, wall: (failed(circuit, wall, self.breaker), 0.0))

    def worked(self) -> None:
        """What got through worked; failures before it do not count any more."""
        if self._look() != CLOSED:
            self._change(lambda circuit, wall: (CLOSED, 0.0))

    @property
    def is_open(self) -> bool:
        """Whether nobody, or one at a time, gets through."""
        return self._look().opened > 0

    def _look(self) -> Circuit:
        now = self._monotonic()
        if now - self._looked >= LOOK_S:
            with self._database.reading() as execute:
                self._known = _read(execute, self.name)
            self._looked = now
        return self._known

    def _change(self, decide: Callable[[Circuit, float], tuple[Circuit, float]]) -> float:
        with self._database.transaction() as execute:
            state = _read(execute, self.name)
            changed, wait_s = decide(state, self._clock(execute).wall)
            if changed != state:
                execute(_SAVE, (self.name, *changed))
        self._known, self._looked = changed, self._monotonic()
        return wait_s


def _read(execute: Execute, name: str) -> Circuit:
    rows = execute(_READ, (name,))
    return Circuit(*rows[0]) if rows else CLOSED
