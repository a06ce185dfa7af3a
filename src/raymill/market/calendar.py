"""When venues trade: the days and hours of exchanges from a table, those of others by a rule.

Pre-market trading is counted from 04:00 to the opening in New York, post-market trading for four
hours from the close.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import as_file, files
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from raymill import arrow
from raymill.errors import unknown

Times: TypeAlias = NDArray[np.int64]  # microseconds since 1970
Days: TypeAlias = NDArray[np.int32]  # days since 1970
State = Literal["open", "closed", "pre", "post", "unknown"]

ROUND_THE_CLOCK, ON_WEEKDAYS = "24/7", "24/5"
MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US
PRE_US, POST_US = 330 * MINUTE_US, 240 * MINUTE_US
_STATES: tuple[State, ...] = ("pre", "open", "post", "closed")
_FRIDAY, _WEEK = 4, 7
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Session:
    """What a venue does at a moment, and when that changes; None where it never does."""

    state: State
    next_change: datetime | None = None
    next_state: State | None = None


@dataclass(frozen=True)
class Calendar:
    """The sessions of a venue, by day; `opens` and `closes` in microseconds since 1970."""

    name: str
    days: Days
    opens: Times
    closes: Times

    def session(self, at: datetime) -> Session:
        """What the venue does at a moment; `unknown` where the table does not reach."""
        changes = _changes(self.opens, self.closes)
        place = int(np.searchsorted(changes, _micros(at), side="right")) - 1
        if place < 0 or place + 1 >= len(changes):
            return Session("unknown")
        after = _STATES[(place + 1) % len(_STATES)]
        return Session(_STATES[place % len(_STATES)], _time(changes[place + 1]), after)

    def last_close(self, at: datetime) -> datetime | None:
        """When the newest session ended that was over at a moment."""
        place = int(np.searchsorted(self.closes, _micros(at), side="right")) - 1
        return None if place < 0 else _time(self.closes[place])

    def ends(self, days: Days) -> Times:
        """When the sessions of these days end; a day without one ends at midnight."""
        place = np.searchsorted(self.days, days)
        found = np.minimum(place, len(self.days) - 1)
        return np.where(
            self.days[found] == days, self.closes[found], (days.astype(np.int64) + 1) * DAY_US
        )


@dataclass(frozen=True)
class EveryDay:
    """A venue that trades around the clock, every day or from Monday to Friday (UTC)."""

    name: str
    weekdays_only: bool

    def session(self, at: datetime) -> Session:
        """What the venue does at a moment."""
        if not self.weekdays_only:
            return Session("open")
        midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        day = midnight.weekday()
        if day <= _FRIDAY:
            return Session("open", midnight + timedelta(days=_FRIDAY + 1 - day), "closed")
        return Session("closed", midnight + timedelta(days=_WEEK - day), "open")

    def last_close(self, at: datetime) -> datetime | None:
        """When the newest day of trading ended that was over at a moment."""
        midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        while self.weekdays_only and (midnight - timedelta(days=1)).weekday() > _FRIDAY:
            midnight -= timedelta(days=1)
        return midnight

    def ends(self, days: Days) -> Times:
        """When these days end."""
        return (days.astype(np.int64) + 1) * DAY_US


def calendar(name: str) -> Calendar | EveryDay:
    """A calendar by its name. Raises UnknownName."""
    if name in (ROUND_THE_CLOCK, ON_WEEKDAYS):
        return EveryDay(name, weekdays_only=name == ON_WEEKDAYS)
    if name not in names():
        raise unknown("calendar", name, names())
    return _tables()[name]


def names() -> list[str]:
    """The calendars that there are."""
    return [*_tables(), ON_WEEKDAYS, ROUND_THE_CLOCK]


@cache
def _tables() -> dict[str, Calendar]:
    import pyarrow.parquet as pq

    with as_file(files("raymill.market").joinpath("trading_days.parquet")) as path:
        table = pq.read_table(path)
    of = np.asarray(table["calendar"].to_pylist(), object)
    days = arrow.to_numpy(table["day"]).astype("datetime64[D]").astype(np.int32)
    midnights = days.astype(np.int64) * DAY_US
    opens, closes = (
        midnights + arrow.to_numpy(table[name]).astype(np.int64) * MINUTE_US
        for name in ("opens", "closes")
    )
    found = {}
    for name in dict.fromkeys(of.tolist()):
        mask = of == name
        found[name] = Calendar(name, days[mask], opens[mask], closes[mask])
    return found


def _changes(opens: Times, closes: Times) -> Times:
    return np.stack([opens - PRE_US, opens, closes, closes + POST_US], axis=1).ravel()


def _micros(at: datetime) -> int:
    return (at - _ZERO) // MICRO


def _time(micros: np.int64) -> datetime:
    return _ZERO + int(micros) * MICRO
