"""How long whoever asks waits for a store that is away: a request for less than a command."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from raymill.errors import StoreUnavailable

_PATIENCE: ContextVar[float | None] = ContextVar("raymill_patience", default=None)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Have what is asked of stores inside fail after so long; threads are given it by context."""
    token = _PATIENCE.set(seconds)
    try:
        yield
    finally:
        _PATIENCE.reset(token)


def be_patient(seconds: float) -> None:
    """Have all that this task goes on to ask of stores fail after so long."""
    _PATIENCE.set(seconds)


def patience_s(otherwise: float) -> float:
    """How long to wait for a store: as long as who asks, at most so long."""
    given = _PATIENCE.get()
    return otherwise if given is None else min(given, otherwise)


class Turn:
    """Lets one thread at a time to a store, and has nobody wait in line for one that is away.

    While it is known to be away one thread at a time finds out whether it is back; those whose
    patience ends are told at once. Whoever has no such patience waits for the turn.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed = float("-inf")
        self._is_away = False

    @contextmanager
    def taken(self) -> Iterator[float | None]:
        """Have the turn; gives until when to wait, by `time.monotonic`. Raises StoreUnavailable."""
        given, begun = _PATIENCE.get(), time.monotonic()
        wait_s = -1.0 if given is None else 0.0 if self._is_away else given
        if not self._lock.acquire(timeout=wait_s):
            raise _away()
        try:
            if given is not None and self._failed > begun:
                raise _away()
            yield None if given is None else begun + given
            self._is_away = False
        except StoreUnavailable:
            self._is_away, self._failed = True, time.monotonic()
            raise
        finally:
            self._lock.release()


def _away() -> StoreUnavailable:
    return StoreUnavailable("The store is away, or held up", hint="try again in a moment")
