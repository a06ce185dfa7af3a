"""Attempts on their way to workers: which wait, which are under way, and on whose worker."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from raymill.errors import EngineUnavailable
from raymill.flow.pool import Call, Key, Reports, WorkerPool
from raymill.flow.workflow import Step
from raymill.orchestrator.live import Live
from raymill.orchestrator.pools import ASIDE, Make, Pools
from raymill.orchestrator.ready import Ready, Waiting


@dataclass(slots=True)
class Going:
    """An attempt under way: the pool, how many are left of its call, and what it holds."""

    pool: str
    rest: list[int]
    waited: Waiting


class Dispatch:
    """Hands the attempts that are ready to workers that are idle.

    call: what a worker needs for an attempt, None if that is not wanted any more; reserve: has
    permits of rates written, and tells `reserved` then.
    """

    def __init__(
        self,
        local: WorkerPool,
        others: Mapping[str, Make],
        *,
        call: Callable[[str, Key], Call | None],
        reserve: Callable[[dict[str, float]], object],
    ) -> None:
        self._pools, self._call, self._reserve = Pools(local, others), call, reserve
        self._under_way: dict[Key, Going] = {}
        self._ready = Ready({})

    @property
    def engines(self) -> list[str]:
        """What the engine of a run may be."""
        return self._pools.names

    def open(self, reports: Reports, granted: Mapping[str, float]) -> None:
        """Begin. granted: what the rates must remember."""
        self._ready = Ready(granted)
        self._pools.open(reports)

    def close(self) -> None:
        """Stop all workers."""
        self._pools.close()

    @property
    def has_work(self) -> bool:
        """Whether attempts are under way, also those of runs that are paused or over."""
        return bool(self._under_way)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, and nothing waits."""
        return not self._under_way and not len(self._ready)

    def keys(self) -> set[Key]:
        """All attempts that wait or are under way."""
        return self._ready.keys() | set(self._under_way)

    def in_hand(self) -> dict[str, int]:
        """How much is going on: attempts under way, in the queue, holding permits, on workers."""
        found = {"under_way": len(self._under_way), "waiting": len(self._ready)}
        found |= {"permits": self._ready.going(), "workers": self._pools.busy()}
        return {name: count for name, count in found.items() if count}

    def first_in_line(self, pool: str) -> str | None:
        """The run of the next attempt that waits for a pool, under no limit."""
        return self._ready.first(pool)

    def opens(self, now: float) -> float | None:
        """When a rate next lets something pass that waits for nothing else."""
        return self._ready.opens(now, self._pools.with_idle())

    def put(self, live: Live, one: Step, key: Key, now: float) -> None:
        """Have an attempt wait for its turn."""
        pool = ASIDE if one.endless else live.row.engine
        label = f"{live.flow.name}/{key.step}"
        self._ready.put(key, pool, live.row.priority, one.limit, label, now)

    def reserved(self, until: Mapping[str, float]) -> None:
        """Permits of rates are written."""
        self._ready.reserve(until)

    def stop(self, key: Key) -> None:
        """Stop an attempt that is under way."""
        if (going := self._under_way.get(key)) is not None:
            self._pools.cancel(going.pool, key)

    def free(self, key: Key, seconds: float | None) -> None:
        """An attempt is over; `seconds` says how long such a one takes."""
        going = self._under_way.pop(key, None)
        if going is None:
            return
        self._ready.done(going.waited, seconds)
        going.rest[0] -= 1
        if going.rest[0] == 0:
            self._pools.idle[going.pool] += 1

    def hand_out(self, now: float) -> Iterator[tuple[Key, EngineUnavailable]]:
        """Give work to all idle workers; gives what waits for workers that cannot be had."""
        for pool in self._ready.pools():
            try:
                while self._pools.workers(pool) and self._handed_out(pool, now):
                    pass
            except EngineUnavailable as error:
                yield from ((waited.key, error) for waited in self._ready.drop(pool))

    def _handed_out(self, pool: str, now: float) -> bool:
        """Hand one worker what it can do; False if there is nothing."""
        taken, wanted = self._ready.take(now, pool, self._pools.idle[pool])
        if wanted:
            self._reserve(wanted)
        calls = [call for waited in taken if (call := self._called(pool, waited)) is not None]
        if not calls:
            return bool(taken)
        rest = [len(calls)]
        for call in calls:
            self._under_way[call.key].rest = rest
        self._pools.idle[pool] -= 1
        self._pools.submit(pool, calls)
        return True

    def _called(self, pool: str, waited: Waiting) -> Call | None:
        call = self._call(pool, waited.key)
        if call is None:
            self._ready.done(waited, None)
        else:
            self._under_way[waited.key] = Going(pool, [1], waited)
        return call
