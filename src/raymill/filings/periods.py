"""Periods: how long they are, and which fiscal year and quarter their end lies in.

The `fy` and `fp` of a row say these of the filing, and a filing reports several years.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Literal

import pyarrow as pa

Length = Literal["quarter", "half", "nine months", "year"]

_LENGTHS: tuple[tuple[Length, int, int], ...] = (
    ("quarter", 80, 100),
    ("half", 170, 192),
    ("nine months", 260, 285),
    ("year", 350, 380),
)
_WEEK = timedelta(days=7)


def length(start: date, end: date) -> Length | None:
    """How long a period is, with the 52 and 53 weeks of some years; None for any other.

    >>> length(date(2024, 9, 29), date(2025, 3, 29)), length(date(2023, 10, 1), date(2024, 9, 28))
    ('half', 'year')
    """
    days = (end - start).days + 1
    return next((name for name, least, most in _LENGTHS if least <= days <= most), None)


class FiscalYears:
    """The fiscal years of a company, by the days on which they end."""

    def __init__(self, ends: Iterable[date]) -> None:
        self.ends = sorted(set(ends))

    def holds(self, end: date) -> bool:
        """Whether a fiscal year ends on this day."""
        return end in self.ends

    def locate(self, end: date) -> tuple[int | None, str | None]:
        """The fiscal year and quarter at whose end a day lies.

        >>> apple = FiscalYears([date(2023, 9, 30), date(2024, 9, 28)])
        >>> apple.locate(date(2024, 3, 30)), apple.locate(date(2024, 12, 28))
        ((2024, 'Q2'), (2025, 'Q1'))
        """
        close = self._close(end)
        if close is None:
            return None, None
        quarter = 4 - round((close - end).days / 91.25)
        return (close - _WEEK).year, f"Q{quarter}" if 1 <= quarter <= 4 else None

    def _close(self, end: date) -> date | None:
        """The end of the fiscal year that a day lies in; of one not over yet, the day to come."""
        place = bisect_left(self.ends, end)
        if place < len(self.ends) and (self.ends[place] - end).days <= 380:
            return self.ends[place]
        if not self.ends:
            return None
        if place == len(self.ends):
            close = self.ends[-1]
            while close < end:
                close += timedelta(days=365)
            return close
        close = self.ends[place]
        while (close - end).days > 372:
            close -= timedelta(days=365)
        return close


def fiscal_years(facts: pa.Table) -> FiscalYears:
    """Learn the fiscal years of a company from the years that it reports."""
    return FiscalYears(end for start, end in spans(facts) if length(start, end) == "year")


def spans(facts: pa.Table) -> set[tuple[date, date]]:
    """The periods that facts are about; days are none."""
    pairs: Any = zip(facts["start"].to_pylist(), facts["end"].to_pylist(), strict=True)
    return {(start, end) for start, end in set(pairs) if start and end}
