"""An order book out of a snapshot and the changes that follow it, without a hole or none at all."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MOST_BUFFERED = 10_000  # changes that wait for a snapshot

Level = tuple[float, float]  # price, size; size 0 takes the level away
Pick = Callable[[float, float], float]


class Diff(NamedTuple):
    """Changes of a book: all that happened from update `first` to `last`."""

    instrument: int
    ts: int
    first: int
    last: int
    bids: Sequence[Level]
    asks: Sequence[Level]
    received: int = 0


class Snapshot(NamedTuple):
    """A whole book as it was after update `last`."""

    last: int
    bids: Sequence[Level]
    asks: Sequence[Level]


class Top(NamedTuple):
    """The best bid and ask with their sizes, as of an update."""

    bid: float
    bid_size: float
    ask: float
    ask_size: float
    update_id: int


@dataclass
class Book:
    """One instrument's book. As long as `wants_snapshot`, it collects changes and shows nothing.

    >>> book = Book()
    >>> book.apply(Diff(1, 0, 11, 12, [(9.0, 2.0)], []))
    >>> book.take(Snapshot(10, [(8.0, 1.0)], [(10.0, 1.0)]))
    True
    >>> book.top()
    Top(bid=9.0, bid_size=2.0, ask=10.0, ask_size=1.0, update_id=12)
    """

    bids: dict[float, float] = field(default_factory=dict)
    asks: dict[float, float] = field(default_factory=dict)
    last: int = 0  # the update that it is at
    wants_snapshot: bool = True
    breaks: int = 0  # how often changes were missing
    _first: bool = True  # whether no change was applied since the snapshot
    _waiting: list[Diff] = field(default_factory=list)
    _bid: float | None = None
    _ask: float | None = None

    def apply(self, diff: Diff) -> None:
        """Take changes: apply them where they follow what is there, else begin anew."""
        if self.wants_snapshot:
            self._wait(diff)
        elif diff.last > self.last:
            if self._follows(diff):
                self._change(diff)
            else:
                self.begin_anew()
                self.breaks += 1
                self._wait(diff)

    def take(self, snapshot: Snapshot) -> bool:
        """Take a snapshot and what has come since; False if it is too old or leaves a hole.

        Then another one is wanted, and changes go on being collected.
        """
        waiting = [diff for diff in self._waiting if diff.last > snapshot.last]
        if waiting and not waiting[0].first <= snapshot.last + 1 <= waiting[0].last:
            self._waiting = waiting
            return False
        self.bids, self.asks = (_levels(side) for side in (snapshot.bids, snapshot.asks))
        self.last, self._first, self._waiting = snapshot.last, True, []
        self._bid, self._ask = max(self.bids, default=None), min(self.asks, default=None)
        self.wants_snapshot = False
        for at, diff in enumerate(waiting):
            self.apply(diff)
            if self.wants_snapshot:
                self._waiting = waiting[at:]
                return False
        return True

    @property
    def is_waiting(self) -> bool:
        """Whether changes wait for a snapshot: one that is asked for now is newer than they."""
        return bool(self._waiting)

    @property
    def newest(self) -> Diff | None:
        """The last change that waits for a snapshot."""
        return self._waiting[-1] if self._waiting else None

    def begin_anew(self) -> None:
        """Forget the book; a connection that was lost has left a hole."""
        self.wants_snapshot, self._waiting = True, []

    def top(self) -> Top | None:
        """The best bid and ask; None while it is not in step, or a side is empty."""
        if self.wants_snapshot or self._bid is None or self._ask is None:
            return None
        bid, ask = self._bid, self._ask
        return Top(bid, self.bids[bid], ask, self.asks[ask], self.last)

    def levels(self, most: int) -> tuple[list[Level], list[Level]]:
        """The best levels of both sides, the best first."""
        bids = sorted(self.bids.items(), reverse=True)[:most]
        return bids, sorted(self.asks.items())[:most]

    def _wait(self, diff: Diff) -> None:
        if len(self._waiting) >= MOST_BUFFERED:  # no snapshot came for long
            del self._waiting[: MOST_BUFFERED // 2]
        self._waiting.append(diff)

    def _follows(self, diff: Diff) -> bool:
        if self._first:
            return diff.first <= self.last + 1 <= diff.last
        return diff.first == self.last + 1

    def _change(self, diff: Diff) -> None:
        self.last, self._first = diff.last, False
        if diff.bids:
            self._bid = _changed(self.bids, diff.bids, self._bid, max)
        if diff.asks:
            self._ask = _changed(self.asks, diff.asks, self._ask, min)


def _levels(side: Iterable[Level]) -> dict[float, float]:
    return {price: size for price, size in side if size}


def _changed(
    side: dict[float, float], levels: Iterable[Level], best: float | None, pick: Pick
) -> float | None:
    """Change one side; gives its best price. All are looked at only where the best one went."""
    for price, size in levels:
        if size:
            side[price] = size
            best = price if best is None else pick(best, price)
        else:
            side.pop(price, None)
    if best in side or not side:
        return best if side else None
    return max(side) if pick is max else min(side)
