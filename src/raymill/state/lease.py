"""Standing by: when a lease that another process holds may be taken."""

import time
from collections.abc import Callable

from raymill.state.store import Lease


class LeaseWatch:
    """Looks at a lease that another process holds, and sees when that renews it no more.

    The end of a lease is a time of its holder's clock. Where that was ahead, or the clock has been
    set back since, it lies far off; whoever has seen the lease stay as it is for `patience_s` of
    steady time takes it all the same.
    """

    def __init__(self, patience_s: float, *, steady: Callable[[], float] = time.monotonic) -> None:
        self._patience_s, self._steady = patience_s, steady
        self._held: Lease | None = None
        self._since = steady()

    def now(self, held: Lease | None, wall: float) -> float:
        """The time to ask for the lease with: what the wall shows, or that at which it is over.

        >>> watch = LeaseWatch(2, steady=iter([0.0, 0.0, 1.9, 2.1]).__next__)
        >>> [watch.now(Lease(1, "another", 9e9), 5.0) for _ in range(3)]
        [5.0, 5.0, 9000000000.0]
        """
        steady = self._steady()
        if held != self._held:
            self._held, self._since = held, steady
        is_left = held is not None and steady - self._since > self._patience_s
        return max(wall, held.expires) if held is not None and is_left else wall
