"""When something that keeps failing is left alone, over all processes of a store: the decisions.

After some failures in a row a breaker opens: nobody gets through for a while. Then one gets
through; if that fails too, the while is twice as long.
"""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Breaker:
    """After how many failures in a row it opens, and for how long.

    probe_s: how long the one that is let through has, before another one is.
    """

    failures: int = 5
    first_s: float = 30.0
    most_s: float = 600.0
    probe_s: float = 60.0

    def open_s(self, opened: int) -> float:
        """How long it stays open, if it opened so many times in a row before.

        >>> [Breaker().open_s(opened) for opened in (0, 1, 4, 5, 500)]
        [30.0, 60.0, 480.0, 600.0, 600.0]
        """
        return float(min(self.most_s, self.first_s * 2.0 ** min(opened, 64)))


class Circuit(NamedTuple):
    """The state of a breaker: failures in a row, how often it opened in a row, since when it is
    open and until when nobody gets through (0 while it is closed)."""

    failures: int = 0
    opened: int = 0
    since: float = 0.0
    until: float = 0.0


CLOSED = Circuit()


def enter(circuit: Circuit, wall: float, breaker: Breaker) -> tuple[Circuit, float]:
    """Ask to get through; gives the wait, 0 where one gets through.

    >>> open = failed(Circuit(failures=4), 100.0, Breaker())
    >>> enter(open, 110.0, Breaker())[1]
    20.0
    >>> half, first = enter(open, 130.0, Breaker())
    >>> first, enter(half, 130.0, Breaker())[1]  # one gets through, the next does not
    (0.0, 60.0)
    """
    if not circuit.opened:
        return circuit, 0.0
    known = _now(circuit, wall)
    if wall < known.until:
        return known, known.until - wall
    return known._replace(since=wall, until=wall + breaker.probe_s), 0.0


def failed(circuit: Circuit, wall: float, breaker: Breaker) -> Circuit:
    """Somebody who got through failed."""
    failures = circuit.failures + 1
    if failures < breaker.failures and not circuit.opened:
        return circuit._replace(failures=failures)
    open_s = breaker.open_s(circuit.opened)
    return Circuit(failures, circuit.opened + 1, wall, wall + open_s)


def _now(circuit: Circuit, wall: float) -> Circuit:
    """On a clock that was set back it stays open for no longer than it was to be."""
    if wall >= circuit.since:
        return circuit
    lasting = circuit.until - circuit.since
    return circuit._replace(since=wall, until=wall + lasting)
