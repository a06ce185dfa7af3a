"""What an answer means: said by the adapter of a vendor, acted upon by the transport."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from raymill.net.messages import Head

Kind: TypeAlias = Literal[
    "ok",  # data
    "unchanged",  # what is known already still holds
    "missing",  # there is no such thing, and asking again changes nothing
    "blocked",  # the whole cluster must leave the server alone
    "limited",  # too many requests: the whole cluster waits
    "transient",  # try again
    "permanent",  # a refusal that another try does not change
]
FINAL: tuple[Kind, ...] = ("ok", "unchanged", "missing")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one answer means, how long to wait if its server said so, and why, in a few words."""

    kind: Kind
    wait_s: float | None = None
    reason: str = ""


Judge: TypeAlias = "Callable[[Head, float], Verdict]"
"""Judges the head of an answer; the second argument is the time, in seconds since 1970."""


def by_status(head: "Head", now: float) -> Verdict:
    """Judge by the status alone, where a vendor has no habits of its own.

    >>> from raymill.net.messages import Head
    >>> by_status(Head(429, {"retry-after": "7"}), 0.0)
    Verdict(kind='limited', wait_s=7.0, reason='status 429')
    """
    from raymill.net.retry import retry_after

    wait_s = retry_after(head.header("retry-after"), now)
    return Verdict(_KINDS.get(head.status) or _kind(head.status), wait_s, f"status {head.status}")


_KINDS: dict[int, Kind] = {
    304: "unchanged",
    404: "missing",
    410: "missing",
    408: "transient",
    425: "transient",
    429: "limited",
}


def _kind(status: int) -> Kind:
    if 200 <= status < 300:
        return "ok"
    return "transient" if status >= 500 else "permanent"
