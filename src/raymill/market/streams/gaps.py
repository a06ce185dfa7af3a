"""Gaps of a stream: what was missed, when that was found, and whether it came back."""

from dataclasses import dataclass, replace
from typing import Literal

GapState = Literal["open", "filled", "empty", "lost", "left"]
"""Asked for; come back; the vendor has nothing there; nobody can tell; too much for a stream."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Records that did not come.

    first, last: their numbers; None where they have none. since_us, until_us: the times of the
    records before and behind it, or of the connections. found_us: when it was noticed.
    """

    instrument: int
    kind: str
    first: int | None
    last: int | None
    since_us: int
    until_us: int
    found_us: int
    state: GapState = "open"
    rows: int = 0  # that came back
    closed_us: int = 0
    reason: str = ""

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells it from the others of its stream."""
        return self.kind, self.instrument, self.since_us if self.first is None else self.first

    def closed(self, state: GapState, now_us: int, reason: str = "") -> "Gap":
        """The gap as it ended."""
        return replace(self, state=state, closed_us=now_us, reason=reason)
