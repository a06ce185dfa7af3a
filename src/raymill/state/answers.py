"""Answers that are given again for a while: in this process, or on Redis for all of them."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple, Protocol

MOST_BYTES = 16_777_216


class Answers(Protocol):
    """Keeps answers by key, each for so long. One that is gone early is made anew."""

    def get(self, key: str) -> bytes | None:
        """An answer that is not too old, None without one. Raises StoreError."""

    def put(self, key: str, body: bytes, seconds: float) -> None:
        """Keep an answer for so long. Raises StoreError."""


class _Kept(NamedTuple):
    body: bytes
    until: float


class MemoryAnswers:
    """Keeps answers in this process; the ones that were used least recently go first."""

    def __init__(
        self, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._clock = most_bytes, clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, key: str) -> bytes | None:
        """An answer that is not too old, None without one."""
        with self._lock:
            found = self._kept.get(key)
            if found is None or self._clock() >= found.until:
                return None
            self._kept.move_to_end(key)
            return found.body

    def put(self, key: str, body: bytes, seconds: float) -> None:
        """Keep an answer for so long, if it is not too large to be kept at all."""
        with self._lock:
            before = self._kept.pop(key, None)
            self._bytes -= len(before.body) if before else 0
            self._kept[key] = _Kept(body, self._clock() + seconds)
            self._bytes += len(body)
            while self._bytes > self._most:
                self._bytes -= len(self._kept.popitem(last=False)[1].body)
