"""What was counted a moment ago, so that a status costs no look into a store."""

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Glance(Generic[T]):
    """What `look` gave last; it is asked again, in a thread, when that is `age_s` old.

    Whoever comes while it is asked waits for the same answer. What it raises is raised to all of
    them, and kept for no longer.
    """

    def __init__(
        self, look: Callable[[], T], age_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look, self._age_s, self._clock = look, age_s, clock
        self._seen: tuple[T, float] | None = None
        self._looking: asyncio.Task[T] | None = None

    async def now(self) -> T:
        """What is there, at most so old. Raises what the look raises."""
        if self._seen is not None and self._clock() - self._seen[1] < self._age_s:
            return self._seen[0]
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._again())
            self._looking.add_done_callback(_retrieved)
        return await asyncio.shield(self._looking)

    async def _again(self) -> T:
        begun = self._clock()
        found = await asyncio.to_thread(self._look)
        self._seen = (found, begun)
        return found


def _retrieved(task: "asyncio.Task[T]") -> None:
    """Have an error count as seen where nobody waits any more."""
    if not task.cancelled():
        task.exception()
