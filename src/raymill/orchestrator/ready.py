"""The attempts that can begin: the highest priority first, then the oldest, within all limits."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field

from raymill.flow.pool import Key
from raymill.flow.workflow import Limit

MOST = 256  # attempts in one call to a worker
SHORT_S = 0.005  # only steps that are shorter travel together


@dataclass(slots=True)
class _Lane:
    """Attempts under one limit, or under none."""

    limit: Limit | None
    waiting: list[tuple[int, int, Key, str]] = field(default_factory=list)
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
    """A queue with limits. `granted` holds what the rates must remember over a restart."""

    def __init__(self, granted: Mapping[str, float]) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._granted = dict(granted)
        self._count = 0
        self._size = 0
        self._pace: dict[str, float] = {}  # seconds of a step, by its label

    def __len__(self) -> int:
        return self._size

    def keys(self) -> set[Key]:
        """All that wait here."""
        return {entry[2] for lane in self._lanes.values() for entry in lane.waiting}

    def put(self, key: Key, priority: int, limit: Limit | None, label: str, now: float) -> None:
        """Add an attempt; `label` says which steps take about as long as one another."""
        name = limit.name if limit else ""
        lane = self._lanes.get(name)
        if lane is None or (limit is not None and lane.limit != limit):
            lane = self._lane(name, limit, now)
        self._count += 1
        self._size += 1
        heapq.heappush(lane.waiting, (-priority, self._count, key, label))

    def _lane(self, name: str, limit: Limit | None, now: float) -> _Lane:
        lane = self._lanes.setdefault(name, _Lane(limit))
        lane.limit = limit
        if limit is not None and limit.rate is not None:
            # A permit is never further away than one interval, whatever the clock was.
            soonest = now + limit.per_s / limit.rate
            lane.next = min(max(lane.next, self._granted.get(name, 0.0)), soonest)
        return lane

    def take(self, now: float, workers: int) -> tuple[list[Key], dict[str, float]]:
        """The attempts for one of the idle workers, and the permits that they used up."""
        taken: list[Key] = []
        used: dict[str, float] = {}
        most = 1
        while len(taken) < most:
            lane = self._first(now)
            if lane is None:
                break
            short = self._pace.get(lane.waiting[0][3], 1.0) < SHORT_S
            if taken and not short:
                break
            if not taken and short:
                most = min(MOST, -(-self._size // workers))
            key = heapq.heappop(lane.waiting)[2]
            self._size -= 1
            taken.append(key)
            permit = lane.grant(now)
            if permit is not None and lane.limit is not None:
                used[lane.limit.name] = permit
        return taken, used

    def _first(self, now: float) -> _Lane | None:
        best: _Lane | None = None
        for lane in self._lanes.values():
            if not lane.waiting or (best is not None and lane.waiting[0] > best.waiting[0]):
                continue
            opens = lane.opens(now)
            if opens is not None and opens <= now:
                best = lane
        return best

    def opens(self, now: float) -> float | None:
        """When a rate next lets something pass that waits for nothing else."""
        times = [lane.opens(now) for lane in self._lanes.values() if lane.waiting]
        return min((time for time in times if time is not None), default=None)

    def done(self, limit: Limit | None, label: str, seconds: float | None) -> None:
        """An attempt ended: its place is free, and its pace is known."""
        lane = self._lanes.get(limit.name if limit else "")
        if lane is not None and lane.going:
            lane.going -= 1
        if seconds is not None:
            self._pace[label] = 0.7 * self._pace.get(label, seconds) + 0.3 * seconds
