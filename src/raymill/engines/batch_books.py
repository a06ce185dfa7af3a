"""The books of a pool: which batches wait, which worker is at which, and how they ended.

They start, tell and kill nobody: the pool does, and says here what came of it.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from raymill.flow.batches import Answer, Ended

HOPELESS = 3  # workers that end before they have come up, while none is there


class Batch(NamedTuple):
    """What a worker is told to do."""

    number: int
    place: str
    items: list[Any]
    held: int | None


class Worker(Protocol):
    """A worker, as the books see it: whether it has come up, and what it is at."""

    is_up: bool
    hand: Batch | None

    @property
    def name(self) -> str:
        """What results call it."""


W = TypeVar("W", bound=Worker)


class BatchBooks(Generic[W]):
    """What is known of the batches of a pool and of its workers."""

    def __init__(self) -> None:
        self.workers: list[W] = []
        self._waiting: deque[Batch] = deque()
        self._ended: list[Ended] = []
        self._serial = self._failed_starts = 0

    @property
    def is_awaited(self) -> bool:
        """Whether nothing has ended, and something is to."""
        under_way = self._waiting or any(one.hand for one in self.workers)
        return not self._ended and bool(under_way)

    def next_number(self) -> int:
        """The number of a value or a batch."""
        self._serial += 1
        return self._serial

    def wait(self, place: str, items: Sequence[Any], held: int | None) -> int:
        """Let a batch wait for a worker, and give its number."""
        number = self.next_number()
        self._waiting.append(Batch(number, place, list(items), held))
        return number

    def given(self) -> Iterator[tuple[W, Batch]]:
        """What goes out next, and to whom: what waits, to workers that are idle."""
        for worker in [one for one in self.workers if one.is_up and one.hand is None]:
            if self._waiting:
                worker.hand = self._waiting.popleft()
                yield worker, worker.hand

    def missing(self, size: int) -> int:
        """How many workers are to be started, of so many at most."""
        coming = sum(not one.is_up for one in self.workers)
        return min(size - len(self.workers), len(self._waiting) - coming)

    def up(self, worker: W) -> None:
        """A worker has come up."""
        worker.is_up, self._failed_starts = True, 0

    def done(self, worker: W, answers: Sequence[Answer], seconds: float) -> None:
        """A worker has answered what it was at."""
        if worker.hand is not None:
            number, worker.hand = worker.hand.number, None
            self._ended.append(Ended(number, "done", answers, "", seconds, worker.name))

    def lost(self, worker: W, reason: str) -> bool:
        """A worker is gone, with what it was at. Says whether none can be hoped for any more."""
        self.workers.remove(worker)
        if worker.hand is not None:
            self._ended.append(Ended(worker.hand.number, "lost", (), reason, worker=worker.name))
        elif not worker.is_up:
            self._failed_starts += 1
            return self._failed_starts >= HOPELESS and not any(one.is_up for one in self.workers)
        return False

    def cancelled(self, batch: int) -> W | None:
        """A batch is taken back. Gives the worker that was at it, which has left the books."""
        for one in self._waiting:
            if one.number == batch:
                self._waiting.remove(one)
                self._ended.append(Ended(batch, "cancelled"))
                return None
        for worker in self.workers:
            if worker.hand is not None and worker.hand.number == batch:
                self.workers.remove(worker)
                self._ended.append(Ended(batch, "cancelled", worker=worker.name))
                return worker
        return None

    def ended(self) -> list[Ended]:
        """What has ended since this was last asked."""
        ended, self._ended = self._ended, []
        return ended

    def closed(self) -> list[W]:
        """Nothing waits any more. Gives the workers, which have left the books."""
        self._waiting.clear()
        workers, self.workers = self.workers, []
        return workers
