"""Rows cut into groups of a fixed size, packed one by one, kept in order.

Where a group ends depends on the number of rows alone, never on how they arrive.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol


class Rows(Protocol):
    """A run of rows: a record batch, or assembled text."""

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        ...

    def slice(self, offset: int, length: int) -> Any:
        """Give `length` rows from row `offset` on."""
        ...


@dataclass(frozen=True, slots=True)
class Packed:
    """A group as bytes, and what the footer must know of it (a JSON value)."""

    data: bytes | memoryview
    note: Any = None


Pack = Callable[[Sequence[Any]], Packed]


class Groups:
    """Collects rows; each full group is packed (by `threads` others, if any) and then appended."""

    def __init__(
        self,
        size: int,
        pack: Pack,
        append: Callable[[Packed], None],
        waiting: Sequence[Rows] = (),
        threads: int = 0,
    ) -> None:
        self.size = size
        self.waiting: list[Rows] = list(waiting)
        self._count = sum(rows.num_rows for rows in waiting)
        self._pack = pack
        self._append = append
        self._pool = ThreadPoolExecutor(threads, "sink") if threads else None
        self._limit = threads + 1
        self._flying: deque[Future[Packed]] = deque()

    def add(self, rows: Rows) -> None:
        """Take rows in; every group that becomes full is packed."""
        start = 0
        while start < rows.num_rows:
            count = min(self.size - self._count, rows.num_rows - start)
            self.waiting.append(rows.slice(start, count))
            self._count += count
            start += count
            if self._count == self.size:
                self._send()

    def _send(self) -> None:
        full, self.waiting, self._count = self.waiting, [], 0
        if self._pool is None:
            self._append(self._pack(full))
            return
        self._flying.append(self._pool.submit(self._pack, full))
        self._settle(self._limit)

    def _settle(self, left: int) -> None:
        while len(self._flying) > left:
            self._append(self._flying[0].result())
            self._flying.popleft()

    def settle(self) -> None:
        """Append every group that is full."""
        self._settle(0)

    def finish(self) -> None:
        """Pack and append what is left, full or not."""
        if self._count:
            self._send()
        self.settle()
        self.stop()

    def stop(self) -> None:
        """Let go of the threads; what is not appended yet is lost."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
