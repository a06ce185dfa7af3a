"""Time, chance and order of a simulation: one thing happens after the other, as a seed decides."""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from raymill.orchestrator.clock import Clock

START = 1_000_000.0
MOST = 200_000  # things that happen in one simulation


class Killed(BaseException):
    """A process of the simulation ends here."""


class Process(Protocol):
    """What does something at the moment."""

    name: str

    def passes(self, point: str) -> None:
        """It passes a point at which it may die or stand still. Raises Killed."""


class World:
    """What is to happen, in order. Time passes only from one thing to the next."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = START
        self.ahead = 0.0
        """How far the clock on the wall is ahead of the time that passed."""
        self.current: Process | None = None
        self.depth = 0
        self.counts: Counter[str] = Counter()
        self.wrong: str | None = None
        """What must never be, and was seen; nothing goes on after it."""
        self.history: list[tuple[float, str, str]] = []
        self._queue: list[tuple[float, int, Callable[[], Any]]] = []
        self._number = 0

    def wall(self) -> float:
        """What the clock on the wall shows."""
        return self.now + self.ahead

    def after(self, delay_s: float, action: Callable[[], Any]) -> None:
        """Have something happen."""
        self._number += 1
        heapq.heappush(self._queue, (self.now + delay_s, self._number, action))

    def chance(self, chance: float, counted: str = "") -> bool:
        """Whether something comes about that has this chance; if so, it is counted."""
        if chance <= 0 or self.random.random() >= chance:
            return False
        if counted:
            self.counts[counted] += 1
        return True

    def between(self, low: float, high: float) -> float:
        """A time between two."""
        return low + (high - low) * self.random.random()

    def run(self, until: float) -> None:
        """Let all happen that happens up to a time."""
        queue = self._queue
        while queue and queue[0][0] <= until and self.wrong is None:
            at, number, action = heapq.heappop(queue)
            if number > MOST:
                self.fail(f"it does not come to rest: {MOST} things happened")
            self.now = max(self.now, at)
            action()
        self.now = max(self.now, until)

    def point(self, name: str) -> None:
        """Whoever does something at the moment passes a fault point."""
        if self.current is not None:
            self.current.passes(name)

    def pass_by(self, seconds: float) -> None:
        """Let others go on for a while, within something that happens."""
        before, self.current = self.current, None
        self.depth += 1
        try:
            self.run(self.now + seconds)
        finally:
            self.depth -= 1
            self.current = before

    def fail(self, what: str) -> None:
        """Something was seen that must never be."""
        self.note("!", what)
        self.wrong = self.wrong or what

    def note(self, who: str, what: str) -> None:
        """Write a line of history."""
        self.history.append((self.now, who, what))

    def told(self) -> str:
        """The history, one thing a line."""
        return "\n".join(f"{at - START:10.4f}  {who:<8} {what}" for at, who, what in self.history)


class WorldClock(Clock):
    """The clock of a process: it shows what the wall showed when the process began, and goes on."""

    def __init__(self, world: World) -> None:
        self._world, self._ahead = world, world.ahead
        self._random = random.Random(world.random.getrandbits(32))

    def now(self) -> float:
        """Now."""
        return self._world.now + self._ahead
