"""Time and chance, handed in."""

import random
import time


class Clock:
    """Seconds since 1970 that never go back while the process lives, and random numbers."""

    def __init__(self, seed: int | None = None) -> None:
        self._ahead = time.time() - time.monotonic()
        self._random = random.Random(seed)

    def now(self) -> float:
        """Now."""
        return self._ahead + time.monotonic()

    def chance(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()

    def new_id(self) -> str:
        """An id for a run: ordered in time, and not given twice."""
        return f"{int(self.now() * 1000):012x}{self._random.getrandbits(40):010x}"
