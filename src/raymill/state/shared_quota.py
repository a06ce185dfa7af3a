"""An allowance for each day that all processes of a store share."""

from collections.abc import Callable
from typing import Any

from raymill.state.database import Database, Execute
from raymill.state.ledger import Clock, clock_of
from raymill.state.quotas import Quota, Used, draw, raised

_READ = "SELECT day, used FROM rate_quotas WHERE name=?"
_SAVE = (
    "INSERT INTO rate_quotas (name, day, used) VALUES (?,?,?) ON CONFLICT (name) DO UPDATE "
    "SET day=excluded.day, used=excluded.used"
)


class SharedQuota:
    """An allowance of one name in a store. What is taken is written down before it is used."""

    def __init__(
        self, database: Database, name: str, quota: Quota, *, clock: Clock | None = None
    ) -> None:
        self.name, self.quota = name, quota
        self._database = database
        self._clock = clock or clock_of(database)

    def __reduce__(self) -> tuple[Any, ...]:
        return SharedQuota, (self._database, self.name, self.quota)

    def take(self, weight: float = 1.0) -> float:
        """Use some of it: 0 where there is enough, else the seconds after which to ask again.

        Raises StoreError.
        """
        return self._change(lambda state, wall: draw(state, wall, self.quota, weight))

    def raise_to(self, used: float) -> None:
        """Note what the vendor says that was used today, where that is more than is known here."""
        self._change(lambda state, wall: (raised(state, wall, self.quota, used), 0.0))

    def used(self) -> float:
        """How much of today's allowance is used."""
        with self._database.reading() as execute:
            wall = self._clock(execute).wall
            return raised(_read(execute, self.name), wall, self.quota, 0.0).used

    def _change(self, decide: Callable[[Used | None, float], tuple[Used, float]]) -> float:
        with self._database.transaction() as execute:
            state = _read(execute, self.name)
            changed, wait_s = decide(state, self._clock(execute).wall)
            if changed != state:
                execute(_SAVE, (self.name, *changed))
        return wait_s


def _read(execute: Execute, name: str) -> Used | None:
    rows = execute(_READ, (name,))
    return Used(*rows[0]) if rows else None
