"""The attempts that can begin: the highest priority first, then the oldest, within all limits."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from raymill.flow.pool import Key
from raymill.flow.workflow import Limit

MOST = 256  # attempts in one call to a worker
SHORT_S = 0.005  # only steps that are shorter travel together


class Waiting(NamedTuple):
    """An attempt in the queue, in the order in which it goes."""

    priority: int  # negative: the highest first
    number: int
    key: Key
    lane: str  # the name of its limit, empty without one
    label: str  # says which steps take about as long as one another


@dataclass(slots=True)
class _Lane:
    """Attempts under one limit, or under none, apart for each pool that they wait for."""

    limit: Limit | None
    waiting: dict[str, list[Waiting]] = field(default_factory=dict)
    going: int = 0
    next: float = 0.0  # when the rate grants the next permit

    def opens(self, now: float) -> float | None:
        """When the lane lets the next one pass; None while too many are going."""
        limit = self.limit
        if limit is None:
            return now
        if limit.at_once is not None and self.going >= limit.at_once:
            return None
        return max(now, self.next) if limit.rate is not None else now

    def grant(self, now: float) -> float | None:
        """Take a permit; gives when the next one comes, None without a rate."""
        self.going += 1
        if self.limit is None or self.limit.rate is None:
            return None
        self.next = now + self.limit.per_s / self.limit.rate
        return self.next


class Ready:
    """A queue with limits, which hold over all pools.

    granted: what the rates must remember over a restart.
    """

    def __init__(self, granted: Mapping[str, float]) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._granted = dict(granted)
        self._count = 0
        self._sizes: dict[str, int] = {}
        self._pace: dict[str, float] = {}  # seconds of a step, by its label

    def __len__(self) -> int:
        return sum(self._sizes.values())

    def pools(self) -> list[str]:
        """The pools that something waits for."""
        return [pool for pool, size in self._sizes.items() if size]

    def keys(self) -> set[Key]:
        """All that wait here."""
        return {entry.key for queue in self._queues() for entry in queue}

    def _queues(self) -> Iterator[list[Waiting]]:
        for lane in self._lanes.values():
            yield from lane.waiting.values()

    def put(
        self, key: Key, pool: str, priority: int, limit: Limit | None, label: str, now: float
    ) -> None:
        """Add an attempt; `label` says which steps take about as long as one another."""
        name = limit.name if limit else ""
        lane = self._lanes.get(name)
        if lane is None or (limit is not None and lane.limit != limit):
            lane = self._lane(name, limit, now)
        self._count += 1
        self._sizes[pool] = self._sizes.get(pool, 0) + 1
        queue = lane.waiting.get(pool)
        if queue is None:
            queue = lane.waiting[pool] = []
        heapq.heappush(queue, Waiting(-priority, self._count, key, name, label))

    def _lane(self, name: str, limit: Limit | None, now: float) -> _Lane:
        lane = self._lanes.setdefault(name, _Lane(limit))
        lane.limit = limit
        if limit is not None and limit.rate is not None:
            # A permit is never further away than one interval, whatever the clock was.
            soonest = now + limit.per_s / limit.rate
            lane.next = min(max(lane.next, self._granted.get(name, 0.0)), soonest)
        return lane

    def take(self, now: float, pool: str, workers: int) -> tuple[list[Waiting], dict[str, float]]:
        """The attempts for one of the idle workers of a pool, and the permits they used up."""
        taken: list[Waiting] = []
        used: dict[str, float] = {}
        most = 1
        while len(taken) < most:
            lane = self._first(now, pool)
            if lane is None:
                break
            queue = lane.waiting[pool]
            short = self._pace.get(queue[0].label, 1.0) < SHORT_S
            if taken and not short:
                break
            if not taken and short:
                most = min(MOST, -(-self._sizes[pool] // workers))
            taken.append(heapq.heappop(queue))
            self._sizes[pool] -= 1
            permit = lane.grant(now)
            if permit is not None and lane.limit is not None:
                used[lane.limit.name] = permit
        return taken, used

    def _first(self, now: float, pool: str) -> _Lane | None:
        best: _Lane | None = None
        first: Waiting | None = None
        for lane in self._lanes.values():
            queue = lane.waiting.get(pool)
            if not queue or (first is not None and queue[0] > first):
                continue
            opens = lane.opens(now)
            if opens is not None and opens <= now:
                best, first = lane, queue[0]
        return best

    def opens(self, now: float, pools: Iterable[str]) -> float | None:
        """When a rate next lets something pass that waits for nothing else."""
        names = set(pools)
        lanes = (
            lane
            for lane in self._lanes.values()
            if any(queue and pool in names for pool, queue in lane.waiting.items())
        )
        return min((time for lane in lanes if (time := lane.opens(now)) is not None), default=None)

    def drop(self, pool: str) -> list[Waiting]:
        """Give up all that waits for a pool; gives what it was."""
        dropped = [entry for lane in self._lanes.values() for entry in lane.waiting.pop(pool, ())]
        self._sizes.pop(pool, None)
        return dropped

    def done(self, waited: Waiting, seconds: float | None) -> None:
        """An attempt ended: its place is free, and its pace is known."""
        self._lanes[waited.lane].going -= 1
        if seconds is not None:
            label = waited.label
            self._pace[label] = 0.7 * self._pace.get(label, seconds) + 0.3 * seconds
