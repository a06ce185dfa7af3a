"""Values that no filing reports: a quarter out of two longer periods, four quarters in a sum."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise

from raymill.filings.periods import length
from raymill.filings.point import Point

_LONGER = {"half": "quarter", "nine months": "half", "year": "nine months"}
ByStart = dict[tuple[date | None, str, str], list[Point]]
_GAP = timedelta(days=3)


def missing_quarters(points: list[Point], reported: list[Point]) -> list[Point]:
    """The quarters that are a year less nine months, nine months less six, six less three."""
    known = {point.end for point in reported}
    by_start: ByStart = {}
    for point in points:
        by_start.setdefault((point.start, point.taxonomy, point.concept), []).append(point)
    found: dict[date, Point] = {}
    for whole, part in _pairs(points, by_start):
        if whole.end not in known and whole.agrees(part):
            found.setdefault(whole.end, _difference(whole, part))
    return list(found.values())


def _pairs(points: list[Point], by_start: ByStart) -> Iterator[tuple[Point, Point]]:
    for whole in points:
        wanted = _LONGER.get(_span(whole) or "")
        for part in by_start[whole.start, whole.taxonomy, whole.concept]:
            if wanted is not None and _span(part) == wanted:
                rest = length(part.end + timedelta(days=1), whole.end)
                if rest == "quarter":
                    yield whole, part


def _span(point: Point) -> str | None:
    return length(point.start, point.end) if point.start else None


def _difference(whole: Point, part: Point) -> Point:
    with localcontext(prec=200):
        value = Decimal(whole.value_text) - Decimal(part.value_text)
    newer = max(whole, part, key=lambda point: (point.filed or date.min, point.accession or ""))
    return replace(
        newer,
        start=part.end + timedelta(days=1),
        end=whole.end,
        value=float(value),
        value_text=f"{value:f}",
        basis="difference",
        flags=_flags(whole, part),
    )


def last_four(quarters: list[Point], years: list[Point]) -> list[Point]:
    """At the end of each quarter the last four, where none is missing; the year where reported."""
    by_end = {year.end: year for year in years}
    found = []
    for place, quarter in enumerate(quarters):
        four = quarters[max(0, place - 3) : place + 1]
        if quarter.end in by_end:
            found.append(by_end.pop(quarter.end))
        elif len(four) == 4 and _are_one_year(four):
            found.append(_sum(four))
    return sorted([*found, *by_end.values()], key=lambda point: point.end)


def _are_one_year(four: list[Point]) -> bool:
    first = four[0].start
    follow = all(
        later.start is not None and abs(later.start - earlier.end - timedelta(days=1)) <= _GAP
        for earlier, later in pairwise(four)
    )
    return first is not None and follow and length(first, four[-1].end) == "year"


def _sum(four: list[Point]) -> Point:
    with localcontext(prec=200):
        value = sum((Decimal(point.value_text) for point in four), Decimal(0))
    newest = max(four, key=lambda point: (point.filed or date.min, point.accession or ""))
    return replace(
        newest,
        start=four[0].start,
        end=four[-1].end,
        value=float(value),
        value_text=f"{value:f}",
        basis="sum",
        flags=_flags(*four),
    )


def _flags(*points: Point) -> tuple[str, ...]:
    return tuple(dict.fromkeys(flag for point in points for flag in point.flags))
