"""What becomes of a record: it is emitted, skipped or failed, and nothing is lost in silence."""

from dataclasses import dataclass

from raymill.errors import ConfigError

EMIT = 0
MOST_REASONS = 250
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


def check_reasons(count: int) -> None:
    """Refuse more reasons than codes can name. Raises ConfigError."""
    if count > MOST_REASONS:
        raise ConfigError(
            f"A task gave more than {MOST_REASONS} different reasons",
            hint="make Skip and Fail constants",
        )
