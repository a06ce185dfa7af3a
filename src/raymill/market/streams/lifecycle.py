"""How a stream lives, as decisions without effects: when to connect, to give a connection up, to
open its successor, and what state to tell. Times are seconds of a clock that never goes back."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from raymill.net.websocket import Backoff

HOUR_S = 3600.0
NEVER = float("inf")
ROOM_S = 1.0  # how often it is looked whether there is room again
KNOWN = 16  # how many frames the usual time between two is made of


class State(StrEnum):
    """Where a stream is in its life."""

    REQUESTED = "requested"
    CONNECTING = "connecting"
    LIVE = "live"
    DEGRADED = "degraded"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self in (State.STOPPED, State.FAILED)


@dataclass(frozen=True, slots=True)
class Policy:
    """What is decided by.

    stale_s, stale_times: a connection without a frame for so long, and for so many times the usual
    spacing, is given up. successor_s: the age at which another connection is opened beside it;
    limit_s: the age at which the vendor closes it.
    """

    stale_s: float = 30.0
    stale_times: float = 3.0
    successor_s: float = 24 * HOUR_S - 600.0
    limit_s: float = 24 * HOUR_S
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of one connection."""

    opened: float
    heard: float  # when the last frame came, or it was opened
    usual_s: float = 0.0  # between two frames, 0 as long as that is not known
    ready: bool = False  # whether all that was subscribed was confirmed

    def hears(self, now: float) -> "Line":
        """The line after a frame."""
        gap = max(0.0, now - self.heard)
        usual = gap if not self.usual_s else self.usual_s + (gap - self.usual_s) / KNOWN
        return replace(self, heard=now, usual_s=usual)

    def stale_at(self, policy: Policy) -> float:
        """When it counts as dead, if no frame comes."""
        return self.heard + max(policy.stale_s, policy.stale_times * self.usual_s)


@dataclass(frozen=True, slots=True)
class Link:
    """Some names of a stream on one connection, and what became of it so far.

    shared: whether its successor has brought what it had brought, too.
    """

    line: Line | None = None
    successor: Line | None = None
    dialling: bool = False
    failures: int = 0  # in a row
    not_before: float = 0.0  # when the next try may begin
    was_live: bool = False
    shared: bool = False
    reason: str = ""  # why there is no connection

    @property
    def state(self) -> State:
        """The state of these names."""
        if self.line is not None and self.line.ready:
            return State.LIVE
        return State.DEGRADED if self.was_live or self.failures else State.CONNECTING

    def dials(self) -> "Link":
        """A try to connect has begun."""
        return replace(self, dialling=True)

    def opened(self, now: float) -> "Link":
        """The try that was under way gave a connection."""
        line = Line(now, now)
        if self.line is None:
            return replace(self, line=line, dialling=False)
        return replace(self, successor=line, dialling=False, shared=False)

    def failed(
        self, now: float, reason: str, policy: Policy, chance: float, least_s: float = 0.0
    ) -> "Link":
        """The try that was under way gave none; `least_s` is what the server asked for."""
        failures = self.failures + 1
        wait = max(least_s, policy.backoff.wait_s(failures, chance))
        told = self.reason if self.line is not None else reason
        return replace(self, dialling=False, failures=failures, not_before=now + wait, reason=told)

    def is_ready(self) -> "Link":
        """All that was subscribed on the newest connection was confirmed."""
        if self.successor is not None:
            return replace(self, successor=replace(self.successor, ready=True), failures=0)
        assert self.line is not None
        line = replace(self.line, ready=True)
        return replace(self, line=line, was_live=True, failures=0, reason="")

    def hears(self, now: float, *, on_successor: bool = False) -> "Link":
        """A frame came."""
        if on_successor and self.successor is not None:
            return replace(self, successor=self.successor.hears(now))
        return self if self.line is None else replace(self, line=self.line.hears(now))

    def lost(
        self, now: float, reason: str, policy: Policy, chance: float, *, on_successor: bool = False
    ) -> "Link":
        """A connection is gone. Where there is a successor it takes its place."""
        if on_successor:
            return replace(self, successor=None).failed(now, reason, policy, chance)
        if self.successor is not None:
            return self.switched()
        gone = replace(self, line=None, reason=reason)
        return gone if self.dialling else gone.failed(now, reason, policy, chance)

    def switched(self) -> "Link":
        """The successor takes the place of the connection."""
        return replace(self, line=self.successor, successor=None, shared=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, and when to decide again if nothing happens."""

    do: Literal["wait", "dial", "switch", "give up", "give up successor"]
    until: float = 0.0
    reason: str = ""


def decide(link: Link, now: float, policy: Policy, full: str = "") -> Decision:
    """What a link needs now. As long as what it brings cannot be kept, `full` says why.

    >>> decide(Link(), 0.0, Policy())
    Decision(do='dial', until=0.0, reason='')
    >>> decide(Link(not_before=8.0), 5.0, Policy())
    Decision(do='wait', until=8.0, reason='')
    """
    if full:
        return _full(link, now, full)
    if link.line is None:
        if link.dialling:
            return Decision("wait", NEVER)
        return Decision("dial") if now >= link.not_before else Decision("wait", link.not_before)
    if now >= link.line.stale_at(policy):
        return Decision("give up", reason=_silent(link.line, now))
    if link.successor is not None:
        return _with_successor(link, link.line, link.successor, now, policy)
    due = max(link.line.opened + policy.successor_s, link.not_before)
    if now >= due and not link.dialling:
        return Decision("dial")
    until = link.line.stale_at(policy)
    return Decision("wait", until if link.dialling else min(until, due))


def _full(link: Link, now: float, reason: str) -> Decision:
    """What the vendor numbers comes back later; what it does not is newer then anyway."""
    if link.successor is not None:
        return Decision("give up successor", reason=reason)
    if link.line is not None:
        return Decision("give up", reason=reason)
    return Decision("wait", now + ROOM_S, reason)


def _with_successor(
    link: Link, line: Line, successor: Line, now: float, policy: Policy
) -> Decision:
    if successor.ready and link.shared:
        return Decision("switch")
    if now >= line.opened + policy.limit_s:
        return Decision("switch", reason="its time is over")
    if now >= successor.stale_at(policy):
        return Decision("give up successor", reason=_silent(successor, now))
    ends = line.opened + policy.limit_s
    return Decision("wait", min(line.stale_at(policy), successor.stale_at(policy), ends))


def _silent(line: Line, now: float) -> str:
    return f"nothing came for {now - line.heard:.0f} s"


def state_of(links: Iterable[Link], trouble: str = "") -> tuple[State, str]:
    """The state of a stream from those of its links, and why it is not live.

    trouble: what keeps rows from being stored.
    """
    known = list(links)
    for state in (State.DEGRADED, State.CONNECTING):
        for link in known:
            if link.state is state:
                return state, link.reason or trouble
    return (State.DEGRADED, trouble) if trouble else (State.LIVE, "")
