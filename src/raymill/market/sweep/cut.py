"""Where a sweep is cut into chunks: by the time that sets take, as it turns out."""

from collections.abc import Iterable, Iterator

CHUNK_S = 1.0  # work after which something is kept, told, and can be stopped
LEAST_S = 0.5  # ... unless there is too little of it for all workers
GROWTH = 2  # one set may take much longer than the next


def gaps(done: Iterable[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """What lies between ranges that are done, which are given in order.

    >>> gaps([(0, 3), (5, 6)], 9)
    [(3, 5), (6, 9)]
    """
    found, at = [], 0
    for begin, end in [*done, (count, count)]:
        if begin > at:
            found.append((at, begin))
        at = end
    return found


class Cut:
    """Cuts ranges of sets into chunks, each when it is asked for.

    size: sets of a chunk, None to begin with one and let time tell.
    """

    def __init__(self, ranges: Iterable[tuple[int, int]], size: int | None = None) -> None:
        self._ranges = [*reversed([*ranges])]
        self._fixed, self._size = size, 0
        self._each_s = 0.0
        self.left = sum(end - begin for begin, end in self._ranges)
        """How many sets are not cut off yet."""
        self.seen = 0
        """How many chunks have told how long they took."""
        self.workers = 1

    def saw(self, sets: int, seconds: float) -> None:
        """Note how long a chunk took."""
        self.seen += 1
        self._each_s = seconds / sets

    @property
    def left_s(self) -> float:
        """How long one core has to work on what is left, as far as it is known."""
        return self.left * self._each_s

    def chunks(self) -> Iterator[tuple[int, int]]:
        """What is left, chunk for chunk."""
        while self._ranges:
            begin, end = self._ranges.pop()
            cut = min(end, begin + (self._fixed or self._next()))
            if cut < end:
                self._ranges.append((cut, end))
            self.left -= cut - begin
            yield begin, cut

    def spread_over(self, workers: int) -> None:
        """Cut for so many workers from now on, by time."""
        self._fixed, self.workers = None, workers

    def _next(self) -> int:
        """Half a second of work to a second, and fewer sets in the end, so that no worker waits."""
        if not self.seen:
            self._size = 1
            return 1
        least, most = (max(1, int(s / max(self._each_s, 1e-9))) for s in (LEAST_S, CHUNK_S))
        fair = most if self.workers == 1 else -(-self.left // (2 * self.workers))
        self._size = min(max(fair, least), most, max(1, GROWTH * self._size))
        return self._size
