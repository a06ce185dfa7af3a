"""What is due at some time: an attempt after its wait, an answer, the end of a run."""

import heapq
from collections.abc import Iterator

from raymill.flow.pool import Key


class Timers:
    """Keys with their times; a key may stand there several times."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0  # what is due at the same time is so in the order it was put there

    def put(self, at: float, key: Key) -> None:
        """Have a key due at a time."""
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, key))

    def due(self, now: float) -> Iterator[Key]:
        """Take out what is due, also what is put there meanwhile."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[2]

    def next(self) -> float | None:
        """When the next one is due."""
        return self._heap[0][0] if self._heap else None

    def keys(self) -> set[Key]:
        """All that wait for their time."""
        return {key for _, _, key in self._heap}
