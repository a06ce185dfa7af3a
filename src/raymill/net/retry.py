"""When to try again: pure decisions over what happened, handed the time and a random number."""

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from raymill.net.verdict import Verdict

LIMITED_S = 10.0  # of a server that says "too many" and not how long


@dataclass(frozen=True, slots=True)
class Tries:
    """The budget of one request: how many tries, and how long they may take together, waits
    included.

    Between tries lies a random time up to a limit that doubles with each (full jitter).

    >>> [Tries(first_s=0.5, most_s=60).limit_s(tried) for tried in (1, 2, 3, 8, 9000)]
    [0.5, 1.0, 2.0, 60.0, 60.0]
    """

    most: int = 6
    deadline_s: float = 900.0
    first_s: float = 0.5
    most_s: float = 60.0

    def limit_s(self, tried: int) -> float:
        """The longest wait after so many tries."""
        return float(min(self.most_s, self.first_s * 2.0 ** min(tried - 1, 64)))


def wait_s(
    verdict: Verdict, tried: int, spent_s: float, tries: Tries, chance: float
) -> float | None:
    """How long to wait before the next try; None where there is none.

    What the server asked for is never shortened. `chance` is a random number in [0, 1).
    """
    if verdict.kind == "permanent" or tried >= tries.most:
        return None
    asked = verdict.wait_s or 0.0
    wait = max(asked, chance * tries.limit_s(tried))
    return wait if spent_s + wait <= tries.deadline_s else None


def stop_s(verdict: Verdict) -> float:
    """How long the whole cluster leaves the server alone after such an answer."""
    if verdict.kind not in ("blocked", "limited"):
        return 0.0
    return LIMITED_S if verdict.wait_s is None else verdict.wait_s


def retry_after(text: str, now: float) -> float | None:
    """The seconds that a `Retry-After` asks for, in either of its forms.

    >>> retry_after("120", 0.0), retry_after("soon", 0.0), retry_after("", 0.0)
    (120.0, None, None)
    >>> retry_after("Thu, 01 Jan 1970 00:02:00 GMT", 90.0)
    30.0
    """
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        day = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = day if day.tzinfo else day.replace(tzinfo=UTC)
    return max(0.0, at.timestamp() - now)
