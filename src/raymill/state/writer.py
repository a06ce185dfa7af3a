"""One thread that writes the journal: all that waits goes into one commit."""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from raymill.state.store import Changes, Lease, StateStore

MOST = 2000  # changes in one commit


@dataclass(slots=True)
class Waiting:
    """Changes on their way to the disk, and what is called once they are there."""

    changes: Changes
    then: Callable[[], Any] | None = None


class JournalWriter(Protocol):
    """Writes the changes of one epoch, in the order in which they are given."""

    @property
    def holds(self) -> bool:
        """Whether the lease is held for certain."""

    def put(self, changes: Changes, then: Callable[[], Any] | None = None) -> None:
        """Have changes written; `then` is called after the commit."""

    def write(self, changes: Changes) -> bool:
        """Write changes here and now; False, and nothing is done, while others are on their way."""

    def close(self) -> None:
        """Write what waits, then stop."""


class MakeWriter(Protocol):
    """Makes a writer; `failed` is called with what went wrong, and nothing is written after it."""

    def __call__(
        self,
        store: StateStore,
        lease: Lease,
        failed: Callable[[BaseException], Any],
        *,
        ttl_s: float,
    ) -> JournalWriter:
        """Make one."""


class Writer:
    """Commits changes in the order in which they are given, many at a time.

    There is no timer: while one commit is under way the next ones gather. `failed` is called in
    the writer's thread with what went wrong; nothing is written after that. One thread gives the
    changes.
    """

    def __init__(
        self,
        store: StateStore,
        lease: Lease,
        failed: Callable[[BaseException], Any],
        *,
        ttl_s: float = 5.0,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.commits = 0
        self._given = self._written = 0
        self._store, self._epoch, self._ttl_s = store, lease.epoch, ttl_s
        self._now, self._steady = now, steady
        self._is_held_until(lease.expires, steady() + min(lease.expires - now(), ttl_s))
        self._failed = failed
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._start()

    @property
    def holds(self) -> bool:
        """Whether the lease is held for certain; who was stopped for long is not sure.

        Whichever way the clock was set meanwhile, one of the two has seen the time pass.
        """
        return self._now() < self._expires and self._steady() < self._ends

    def put(self, changes: Changes, then: Callable[[], Any] | None = None) -> None:
        """Have changes written; `then` is called in the writer's thread after the commit."""
        self._given += 1
        self._queue.put(Waiting(changes, then))

    def write(self, changes: Changes) -> bool:
        """Write changes here and now; False, and nothing is done, while others are on their way.

        Raises Fenced, StoreError.
        """
        if self._given != self._written:
            return False
        self._commit(changes)
        return True

    def close(self) -> None:
        """Write what waits, then stop."""
        self._queue.put(None)
        self._thread.join()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="raymill-writer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._write_all()
        except BaseException as error:
            self._failed(error)

    def _write_all(self) -> None:
        going = True
        while going:
            # Beats without changes keep the lease while nothing happens.
            try:
                first = self._queue.get(timeout=self._ttl_s / 3)
            except queue.Empty:
                self._commit(Changes())
                continue
            taken = [] if first is None else [first]
            going = first is not None
            while going and len(taken) < MOST and not self._queue.empty():
                further = self._queue.get()
                going = further is not None
                taken += [further] if further is not None else []
            if taken:
                self._together(taken)

    def _together(self, taken: list[Waiting]) -> None:
        changes = taken[0].changes
        for waiting in taken[1:]:
            changes.add(waiting.changes)
        self._commit(changes)
        self._written += len(taken)
        for waiting in taken:
            if waiting.then is not None:
                waiting.then()

    def _commit(self, changes: Changes) -> None:
        now, steady = self._now(), self._steady()
        self._store.commit(self._epoch, now, self._ttl_s, changes)
        self._is_held_until(now + self._ttl_s, steady + self._ttl_s)
        self.commits += 1

    def _is_held_until(self, expires: float, ends: float) -> None:
        self._expires, self._ends = expires, ends
