"""The days of an instrument: to which session a moment belongs, and when a day is over.

A bar of a day is named after the session's date at its venue and holds what was traded while that
lasted. Where a calendar has no table of sessions, a day is that of the venue's zone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from raymill.market.calendar import Calendar, EveryDay, calendar
from raymill.market.instrument import Instrument
from raymill.market.interval import DAY_US, MINUTE_US, SECOND_US, Interval, Times

STEP_US = 15 * MINUTE_US  # zones change their offset at no other moments
_ZERO = date(1970, 1, 1)


@dataclass(frozen=True)
class Days:
    """The days of a venue, for records that last so long: one belongs to the session that it
    overlaps."""

    calendar: Calendar | EveryDay
    zone: str
    length_us: int = 1

    @property
    def are_utc(self) -> bool:
        """Whether days begin and end at midnight UTC, and everything belongs to one."""
        return isinstance(self.calendar, EveryDay) and self.zone == "UTC"

    def of(self, times: Times) -> tuple[Times, NDArray[np.bool_]]:
        """Midnight (UTC) of the date of each record's day, and whether that is in a session."""
        local = _local_days(times, self.zone)
        if isinstance(self.calendar, EveryDay) or not len(self.calendar.days):
            return local, np.ones(len(times), bool)
        opens, closes = self.calendar.opens, self.calendar.closes
        lasts = times + (self.length_us - 1)
        place = np.searchsorted(opens, lasts, side="right") - 1
        is_told = (lasts >= opens[0]) & (times < closes[-1])
        at = np.maximum(place, 0)
        days = np.where(is_told, self.calendar.days[at].astype(np.int64) * DAY_US, local)
        return days, ~is_told | (times < closes[at])

    def expects(self, starts: Times, every: Interval) -> NDArray[np.bool_]:
        """Whether bars that begin there lie in times of trading, as far as the calendar tells."""
        if every.is_month or every.length_us > DAY_US:
            return np.ones(len(starts), bool)
        if isinstance(self.calendar, EveryDay):
            weekdays = (_local_days(starts, self.zone) // DAY_US + 3) % 7  # Monday is 0
            return np.asarray((weekdays < 5) | (not self.calendar.weekdays_only), bool)
        if every.is_daily:
            known = self.calendar.days.astype(np.int64) * DAY_US
            is_told = (starts >= known[0]) & (starts <= known[-1])
            return np.asarray(~is_told | np.isin(starts, known), bool)
        return replace(self, length_us=every.length_us).of(starts)[1]

    def ends(self, days: Times) -> Times:
        """When the days that bear these dates are over."""
        numbers = (days // DAY_US).astype(np.int32)
        if isinstance(self.calendar, Calendar):
            return self.calendar.ends(numbers)
        known, places = np.unique(numbers, return_inverse=True)
        return np.fromiter(_midnights(known + 1, self.zone), np.int64, len(known))[places]


def days_of(instrument: Instrument) -> Days | None:
    """The days of an instrument; None where those of UTC are meant. Raises UnknownName."""
    found = Days(calendar(instrument.calendar), instrument.timezone)
    return None if found.are_utc else found


def _local_days(times: Times, zone: str) -> Times:
    steps, places = np.unique(times // STEP_US, return_inverse=True)
    return np.fromiter(_dates(steps, zone), np.int64, len(steps))[places]


def _dates(steps: NDArray[np.int64], zone: str) -> Iterator[int]:
    info = ZoneInfo(zone)
    for step in steps.tolist():
        local = datetime.fromtimestamp(step * STEP_US // SECOND_US, UTC).astimezone(info)
        yield (local.date() - _ZERO).days * DAY_US


def _midnights(days: NDArray[np.int32], zone: str) -> Iterator[int]:
    info = ZoneInfo(zone)
    for number in days.tolist():
        day = _ZERO + timedelta(days=number)
        at = datetime(day.year, day.month, day.day, tzinfo=info)
        yield int(at.timestamp()) * SECOND_US
