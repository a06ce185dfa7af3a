"""The attempts that can begin: the highest priority first, then the oldest, within all limits."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from raymill.flow.pool import Key
from raymill.flow.workflow import Limit

MOST = 256  # attempts in one call to a worker
SHORT_S = 0.005  # only steps that are shorter travel together
BLOCK_S = 1.0  # permits of a rate are reserved for so long at a time


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
    reserved: float = 0.0  # no restart grants one before this time
    is_asked: bool = False  # a reservation is on its way

    @property
    def interval(self) -> float:
        """The seconds between two permits of the rate, 0 without one."""
        limit = self.limit
        return 0.0 if limit is None or limit.rate is None else limit.per_s / limit.rate

    def opens(self, now: float) -> float | None:
        """When the lane lets the next one pass; None while that does not depend on time."""
        limit = self.limit
        if limit is None:
            return now
        if self.is_asked or (limit.at_once is not None and self.going >= limit.at_once):
            return None
        return max(now, self.next) if limit.rate is not None else now

    def lacks(self, now: float) -> float | None:
        """Until when permits are to be reserved before one can be granted, None if they are."""
        interval = self.interval
        return now + interval + BLOCK_S if interval and now + interval > self.reserved else None

    def grant(self, now: float) -> None:
        """Take a permit."""
        self.going += 1
        self.next = now + self.interval


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

    def going(self) -> int:
        """How many attempts hold a permit."""
        return sum(lane.going for lane in self._lanes.values())

    def first(self, pool: str) -> str | None:
        """The run of what waits longest under no limit, of the highest priority."""
        lane = self._lanes.get("")
        queue = lane.waiting.get(pool) if lane else None
        return queue[0].key.run if queue else None

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
        """The attempts for one of the idle workers of a pool, and what `reserve` is to be told
        once it is durable: rates, and until when they grant permits."""
        taken: list[Waiting] = []
        wanted: dict[str, float] = {}
        most = 1
        while len(taken) < most:
            lane = self._first(now, pool)
            if lane is None:
                break
            if lane.limit is not None and (until := lane.lacks(now)) is not None:
                wanted[lane.limit.name] = until
                lane.is_asked = True
                continue
            queue = lane.waiting[pool]
            short = self._pace.get(queue[0].label, 1.0) < SHORT_S
            if taken and (not short or lane.interval):  # what has a rate begins at once
                break
            if not taken and short:
                most = min(MOST, -(-self._sizes[pool] // workers))
            taken.append(heapq.heappop(queue))
            self._sizes[pool] -= 1
            lane.grant(now)
        return taken, wanted

    def reserve(self, until: Mapping[str, float]) -> None:
        """Permits of these rates may be granted until then, since that is durable."""
        for name, time in until.items():
            self._lanes[name].reserved, self._lanes[name].is_asked = time, False

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
