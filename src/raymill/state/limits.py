"""How often something may begin, over all processes of a store: the decisions, without a store.

Time is cut into slots, one a permit, and slots are leased in blocks. A slot that its holder does
not use has passed, so a worker that dies takes nothing with it but time: there are never more
permits than the rate allows, at worst fewer.
"""

from dataclasses import dataclass
from typing import NamedTuple

from raymill.errors import ConfigError

AHEAD_S = 1.0  # slots further off than this are leased to nobody
BLOCK_S = 0.5  # the longest block, as time


@dataclass(frozen=True, slots=True)
class Rate:
    """So many permits in any time of that length.

    heaviest: the most permits that one request takes at once.
    """

    count: float
    per_s: float = 1.0
    heaviest: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.heaviest <= max(1.0, self.count):
            raise ConfigError(
                f"A request of weight {self.heaviest:g} never passes a limit of {self.count:g}"
            )

    @property
    def hold_s(self) -> float:
        """How long after its beginning a slot may still be used."""
        return self.per_s / 20

    @property
    def spacing_s(self) -> float:
        """The time between two slots.

        A permit may be used `hold_s` late, so they lie as much further apart that even then
        `count` of them take `per_s`. A heavy request begins where the first of its permits lies,
        so the last one in a time may reach beyond it; that is held back from all.
        """
        return (self.per_s + self.hold_s) / (self.count - self.heaviest + 1)

    def most(self, weight: float = 1.0) -> int:
        """The slots of the largest block, for requests of a weight."""
        return max(1, int(BLOCK_S / (self.spacing_s * weight)))


class Reading(NamedTuple):
    """What a clock shows: whose seconds they are, how many, and the time of day since 1970.

    `clock` names the boot of a machine (its seconds never go back while it runs), or a server.
    `unsure_s` is how long reading it took.
    """

    clock: str
    at: float
    wall: float
    unsure_s: float = 0.0


class State(NamedTuple):
    """What a store keeps of a limit: when it leased last, the first moment that belongs to nobody,
    and until when everybody is stopped, since when and why."""

    clock: str
    granted: float
    next: float
    stopped: float = 0.0
    until: float = 0.0
    reason: str = ""


class Lease(NamedTuple):
    """Slots that begin so many seconds after the reading; or, with none, when to ask again."""

    slots: tuple[float, ...] = ()
    wait_s: float = 0.0


def lease(
    state: State | None,
    reading: Reading,
    rate: Rate,
    wanted: int,
    notice_s: float = 0.0,
    weight: float = 1.0,
) -> tuple[State, Lease]:
    """Lease the next slots, as many as are wanted and a block may have.

    notice_s: how long it takes until the lease is known to its holder; no slot begins before.
    weight: how many permits each slot takes.

    >>> now = Reading("boot", 100.0, 1.7e9)
    >>> state, first = lease(None, now, Rate(1), 5)
    >>> first.slots, round(state.next, 2)
    ((0.0,), 101.05)
    """
    known = known_now(state, reading)
    if (left := stop_left(known, reading.wall)) > 0:
        return known, Lease(wait_s=left)
    start = max(known.next, reading.at + min(notice_s, AHEAD_S))
    if start - reading.at > AHEAD_S:
        return known, Lease(wait_s=start - reading.at - AHEAD_S)
    count = max(1, min(wanted, rate.most(weight)))
    apart = weight * rate.spacing_s
    slots = tuple(start - reading.at + n * apart for n in range(count))
    after = start + count * apart + reading.unsure_s
    return known._replace(granted=reading.at, next=after), Lease(slots)


def stop(state: State | None, reading: Reading, seconds: float, reason: str) -> State:
    """Stop everybody for so long; a stop that lasts longer stays.

    >>> now = Reading("boot", 100.0, 1.7e9)
    >>> state = stop(stop(None, now, 600, "blocked"), now, 10, "too many")
    >>> stop_left(state, 1.7e9 + 60), state.reason
    (540.0, 'blocked')
    """
    known = known_now(state, reading)
    if seconds <= stop_left(known, reading.wall):
        return known
    return known._replace(stopped=reading.wall, until=reading.wall + seconds, reason=reason)


def stop_left(state: State, wall: float) -> float:
    """How long everybody is still stopped."""
    return max(0.0, state.until - max(state.stopped, wall))


def known_now(state: State | None, reading: Reading) -> State:
    """The state on the clocks that are read now.

    After a restart, or where a clock was set back, it is not known how much of what was leased, or
    of a stop, is over: all of it may still be to come, and no more than that.
    """
    if state is None:
        return State(reading.clock, reading.at, reading.at)
    if state.clock != reading.clock or state.granted > reading.at:
        ahead = max(0.0, state.next - state.granted)
        state = state._replace(clock=reading.clock, granted=reading.at, next=reading.at + ahead)
    if state.stopped > reading.wall:
        lasting = state.until - state.stopped
        state = state._replace(stopped=reading.wall, until=reading.wall + lasting)
    return state
