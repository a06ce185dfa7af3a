"""The stored universe, held in memory to be screened, and made again when something changed."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from raymill.app.market.rooms import open_rooms
from raymill.app.market.universe import stored_universe
from raymill.filings.dataset_parts import TABLE as FACTS
from raymill.market.screen.screener import Screener
from raymill.market.screen.snapshot import Snapshot
from raymill.market.stored import TABLES

KEPT = 4  # universes of moments that were asked for
SHARE = 4.0  # the time of a build, times this, passes before the next


class Stored(Protocol):
    """Where universes come from."""

    def changed(self, since: int) -> int:
        """A number that grows with what universes are made of."""

    def make(self, as_of: datetime) -> Snapshot:
        """The universe of a moment. Raises InputError where nothing is stored."""


class Lake:
    """Universes of what is stored in `RAYMILL_HOME`."""

    def changed(self, since: int) -> int:
        """A number that grows with what universes are made of."""
        tables = (TABLES["bar"], TABLES["corporate_action"], FACTS)
        return open_rooms().store.lake.changed(*tables, since=since)

    def make(self, as_of: datetime) -> Snapshot:
        """The universe of a moment. Raises InputError where nothing is stored."""
        return stored_universe(as_of)


class Held:
    """The universe of now, and the screener of it.

    Time is cut in slots of `every_s`, so that all processes screen the universe of one moment:
    where a slot begins. Within a slot it is made again once what is stored has changed, which is
    looked for each `look_s`. Only the first is waited for, and one that is older than a slot.
    """

    def __init__(
        self,
        every_s: float,
        look_s: float,
        stored: Stored | None = None,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._every_s, self._look_s = every_s, look_s
        self._stored: Stored = stored or Lake()
        self._now, self._clock = now, clock
        self._screener: Screener | None = None
        self._slot = self._version = -1
        self._looked = self._rests = float("-inf")
        self._lock, self._at_once = threading.Lock(), threading.Lock()
        self._others: OrderedDict[tuple[datetime, int], Snapshot] = OrderedDict()

    @property
    def screener(self) -> Screener | None:
        """What is held, where it may be screened without waiting."""
        is_old = self._now() // self._every_s > self._slot + 1
        return None if is_old else self._screener

    @property
    def is_due(self) -> bool:
        """Whether it is time to look whether it has to be made again."""
        now = self._clock()
        if now < self._rests:
            return False
        return now - self._looked >= self._look_s or self._now() // self._every_s != self._slot

    def refresh(self) -> Screener:
        """Make it again where that is due, one thread at a time. Raises InputError."""
        with self._lock:
            if self._screener is None or self.screener is None or self.is_due:
                self._look()
            assert self._screener is not None
            return self._screener

    def _look(self) -> None:
        self._looked = begun = self._clock()
        slot = int(self._now() // self._every_s)
        version = self._stored.changed(max(0, self._version))
        if (slot, version) == (self._slot, self._version):
            return
        made = self._stored.make(datetime.fromtimestamp(slot * self._every_s, UTC))
        if self._screener is None:
            self._screener = Screener(made, make=self._at)
        else:
            self._screener.swap(made)
        self._slot, self._version = slot, version
        ended = self._clock()
        self._rests = ended + SHARE * (ended - begun)

    def _at(self, as_of: datetime) -> Snapshot:
        """The universe of a moment that was asked for; the last ones are kept."""
        key = (as_of, self._version)
        with self._at_once:
            if (found := self._others.get(key)) is None:
                found = self._others[key] = self._stored.make(as_of)
                if len(self._others) > KEPT:
                    self._others.popitem(last=False)
            return found
