"""Who the workers of a pool are, what each has in hand, which are needed and which are not. Decides
only: it knows no Ray and no socket, and the time is handed in."""

from collections.abc import Iterator

from raymill.engines.ray.hands import Batch, Worker
from raymill.flow.workflow import Resources

GROW_S = 0.1  # work that waits longer wants another worker
ROOM_S = 2.0  # work that waits longer for its first worker takes the place of an idle one
YIELD_S = 5.0  # ... and of a busy one, once that is done
PAUSE_S = (0.0, 0.5, 2.0, 5.0, 15.0, 30.0)  # before the next start, by failed ones in a row
HOPELESS = 3  # failed starts after which what waits for them is lost


class Roster:
    """The workers, and the batches that wait for one."""

    def __init__(self, least: int, most: int, idle_s: float) -> None:
        self.least, self.most, self.idle_s = least, most, idle_s
        self.workers: dict[int, Worker] = {}
        self.waiting: list[Batch] = []
        self.failed_starts = 0
        self._pause_ends = 0.0
        self._yielded = 0.0
        self._count = 0

    # Work

    def assign(self, now: float) -> Iterator[tuple[Worker, Batch]]:
        """Give what waits, oldest first, to workers that are idle."""
        for batch in self.waiting[:]:
            idle = [w for w in self.workers.values() if w.is_idle and w.group == batch.group]
            if idle:
                self.waiting.remove(batch)
                worker = min(idle, key=lambda w: w.slot)
                worker.running = None
                yield worker, batch

    # Workers

    def new(self, group: Resources, token: bytes, now: float) -> Worker:
        """Add a worker, under the lowest name that is free."""
        taken = {worker.slot for worker in self.workers.values()}
        slot = next(number for number in range(len(taken) + 1) if number not in taken)
        self._count += 1
        worker = Worker(self._count, slot, group, now, token, heard=now)
        self.workers[worker.id] = worker
        return worker

    def came_up(self, worker: Worker, now: float) -> None:
        """A worker is ready for its first batch."""
        worker.state, worker.was_up, worker.idle_since = "up", True, now
        self.failed_starts = 0

    def gone(self, worker: Worker, now: float) -> None:
        """A worker is not there any more; if it never was, the next start waits."""
        del self.workers[worker.id]
        if not worker.was_up:
            pause = PAUSE_S[min(self.failed_starts, len(PAUSE_S) - 1)]
            self.failed_starts += 1
            self._pause_ends = now + pause

    def wanted(self, now: float) -> list[Resources]:
        """The workers to start now, by their resources."""
        if now < self._pause_ends:
            return []
        free = self.most - len(self.workers)
        found: list[Resources] = []
        for group in self._groups():
            own = [worker for worker in self.workers.values() if worker.group == group]
            waits = [batch for batch in self.waiting if batch.group == group]
            if own and now - waits[0].since < GROW_S:
                continue
            starting = sum(worker.state == "starting" for worker in own)
            found += [group] * (len(waits) - starting)
        if not found and not self.waiting:
            found = [Resources()] * (self.least - self._staying())
        return found[: max(free, 0)]

    def spare(self, now: float) -> list[Worker]:
        """The idle workers to let go: the pool is larger than it need be, or others want room."""
        found = [w for w in self.workers.values() if w.state == "up" and w.yields and not w.hand]
        above = self._staying() - self.least
        for worker in sorted(self.workers.values(), key=lambda w: -w.slot):
            is_long_idle = worker.is_idle and now - worker.idle_since >= self.idle_s
            if is_long_idle and len(found) < above:
                found.append(worker)
        return found + self._room(now)

    def _room(self, now: float) -> list[Worker]:
        """Make room for work that has no worker at all, one worker at a time."""
        up = {worker.group for worker in self.workers.values() if worker.state == "up"}
        since = min((b.since for b in self.waiting if b.group not in up), default=now)
        leaving = any(w.state == "ending" or w.yields for w in self.workers.values())
        if leaving or now - max(since, self._yielded) < ROOM_S:
            return []
        waits = {batch.group for batch in self.waiting}
        others = [w for w in self.workers.values() if w.state == "up"]
        idle = [w for w in others if w.is_idle and w.group not in waits]
        if not idle and now - max(since, self._yielded) >= YIELD_S and others:
            busy = max(others, key=lambda w: (w.is_idle, w.slot))
            busy.yields, self._yielded = True, now
            return [busy] if not busy.hand else []
        if idle:
            self._yielded = now
        return idle[-1:]

    def is_hopeless(self) -> bool:
        """Whether starts fail again and again, and no worker is there."""
        nobody = all(worker.state == "starting" for worker in self.workers.values())
        return self.failed_starts >= HOPELESS and nobody

    def _staying(self) -> int:
        return sum(worker.state != "ending" for worker in self.workers.values())

    def _groups(self) -> list[Resources]:
        return list(dict.fromkeys(batch.group for batch in self.waiting))
