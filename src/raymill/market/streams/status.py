"""What a stream tells of itself, for other processes to read while it runs."""

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from raymill.market.streams.heard import Heard

LAGS = 4096  # messages that the lag is made of


@dataclass
class Counts:
    """What has come so far, by all owners of a stream together.

    refused: frames that could not be read, and records that cannot be true; they are set aside.
    repeated: records that came before. conflated: quotes that gave way to newer ones unstored.
    """

    messages: int = 0
    bytes: int = 0
    last_event_us: int = 0
    last_received_us: int = 0
    connects: int = 0
    disconnects: int = 0
    repeated: int = 0
    conflated: int = 0
    refused: int = 0

    @classmethod
    def restored(cls, saved: dict[str, Any]) -> Self:
        """What an owner before this one had counted."""
        return cls(**{name: saved[name] for name in cls.__dataclass_fields__ if name in saved})

    def saved(self) -> dict[str, int]:
        """As JSON values."""
        return asdict(self)

    def hear(self, heard: Heard) -> None:
        """Count what came."""
        self.messages += heard.messages
        self.bytes += heard.size_bytes
        self.last_event_us = max(self.last_event_us, heard.last_event)
        self.last_received_us = max(self.last_received_us, heard.last_received)


@dataclass
class Lags:
    """How long the last messages were under way, in microseconds."""

    last: deque[int] = field(default_factory=lambda: deque(maxlen=LAGS))

    def quantile_ms(self, share: float) -> float | None:
        """The lag that this share of the messages does not exceed; None before the first.

        >>> Lags(deque([-4000, 1000, 2000])).quantile_ms(0.5)
        1.0
        """
        if not self.last:
            return None
        found = sorted(self.last)
        at = min(len(found) - 1, int(share * len(found)))
        return found[at] / 1000
