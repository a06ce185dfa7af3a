"""Who says what an answer means: the adapter of a vendor, or the status alone."""

from collections.abc import Callable
from typing import TypeAlias

from raymill.net.messages import Head
from raymill.net.retry import retry_after
from raymill.net.verdict import Kind, Verdict

Judge: TypeAlias = Callable[[Head, float], Verdict]
"""Judges the head of an answer; the second argument is the time, in seconds since 1970."""

_KINDS: dict[int, Kind] = {
    304: "unchanged",
    404: "missing",
    410: "missing",
    408: "transient",
    425: "transient",
    429: "limited",
}


def by_status(head: Head, now: float) -> Verdict:
    """Judge by the status alone, where a vendor has no habits of its own.

    >>> by_status(Head(429, {"retry-after": "7"}), 0.0)
    Verdict(kind='limited', wait_s=7.0, reason='status 429', fault='')
    """
    wait_s = retry_after(head.header("retry-after"), now)
    return Verdict(_KINDS.get(head.status) or _kind(head.status), wait_s, f"status {head.status}")


def _kind(status: int) -> Kind:
    if 200 <= status < 300:
        return "ok"
    return "transient" if status >= 500 else "permanent"
