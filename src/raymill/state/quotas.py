"""An allowance for each day of a place, over all processes of a store: the decisions.

What is used up is used up until the day ends there; nothing is spread over it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Quota:
    """So much for each day of a zone."""

    count: float
    zone: str = "UTC"

    def day(self, wall: float) -> str:
        """The day of a moment, as in `2026-11-30`.

        >>> Quota(25, "America/New_York").day(1_795_996_800.0)  # midnight in UTC
        '2026-11-29'
        """
        return datetime.fromtimestamp(wall, ZoneInfo(self.zone)).date().isoformat()

    def ends(self, day: str) -> float:
        """When a day ends, in seconds since 1970."""
        after = date.fromisoformat(day) + timedelta(days=1)
        at = datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(self.zone))
        return at.astimezone(UTC).timestamp()


class Used(NamedTuple):
    """How much of a day's allowance is used."""

    day: str
    used: float


def draw(state: Used | None, wall: float, quota: Quota, weight: float) -> tuple[Used, float]:
    """Use some of the allowance; gives the wait until there is enough, 0 where it was used.

    >>> state, wait_s = draw(Used("2026-11-30", 24.0), 1_796_029_200.0, Quota(25), 1.0)
    >>> state.used, draw(state, 1_796_029_200.0, Quota(25), 1.0)[1]
    (25.0, 54000.0)
    """
    known = _today(state, wall, quota)
    if known.used + weight > quota.count:
        return known, max(0.0, quota.ends(known.day) - wall)
    return known._replace(used=known.used + weight), 0.0


def raised(state: Used | None, wall: float, quota: Quota, used: float) -> Used:
    """What somebody else says that was used; a smaller number than ours changes nothing."""
    known = _today(state, wall, quota)
    return known._replace(used=max(known.used, used))


def _today(state: Used | None, wall: float, quota: Quota) -> Used:
    """A clock that is set back does not begin a day that is over once more."""
    day = quota.day(wall)
    return state if state is not None and state.day >= day else Used(day, 0.0)
