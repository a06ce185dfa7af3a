"""What becomes of a record: it is emitted, skipped or failed, and nothing is lost in silence."""

from dataclasses import dataclass

EMIT = 0
RAISED = 253
BAD_INPUT = 254
HELD = 255


@dataclass(frozen=True, slots=True)
class Skip:
    """The record goes no further; `reason` is counted. Make it once, as a module constant."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fail:
    """The record is bad; it goes whole to the dead-letter output with `reason`."""

    reason: str


Outcome = Skip | Fail
