"""Checks of facts against one another, as rows: what was expected, what was found."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.filings.metrics import Metrics
from raymill.filings.point import Point
from raymill.filings.series import Known, known
from raymill.filings.standard import periodic
from raymill.filings.versions import ordered

_FIELDS: list["pa.Field[Any]"] = [
    pa.field("check", pa.string()),
    pa.field("start", pa.date32()),
    pa.field("end", pa.date32()),
    pa.field("has_passed", pa.bool_()),
    pa.field("expected", pa.float64()),
    pa.field("found", pa.float64()),
    pa.field("concept", pa.string()),
    pa.field("accession", pa.string()),
    pa.field("text", pa.string()),
]
CHECKS = pa.schema(_FIELDS)

_ROUNDING = 0.005  # of the larger: amounts are rounded apart from one another
_SCALES = (1e3, 1e6, 1e9)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one period."""

    check: str
    start: date | None
    end: date | None
    has_passed: bool
    expected: float
    found: float
    concept: str
    accession: str | None
    text: str


def check(facts: pa.Table, day: date | None = None, table: Metrics | None = None) -> pa.Table:
    """Check the facts of one company as they were known at the end of a day.

    `balance`: assets are liabilities and equity; `gross_profit`: revenue less its cost;
    `earnings_per_share`: net income over shares; `quarters`: four reported quarters are the year;
    `scale`: no report is a thousand, million or billion times the one before.
    """
    found = known(facts, day, table)
    rows = [*_balances(found), *_profits(found), *_shares(found), *_quarters(found)]
    rows += _scales(periodic(facts), day)
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=CHECKS)


def _common(*parts: dict[tuple[date | None, date], Point]) -> list[tuple[date | None, date]]:
    """The periods that all have, in order."""
    periods = set(parts[0]).intersection(*parts[1:])
    return sorted(periods, key=lambda period: (period[1], period[0] or period[1]))


def _by_period(found: Known, name: str) -> dict[tuple[date | None, date], Point]:
    if name not in found.metrics.by_name:
        return {}
    return {(point.start, point.end): point for point in found.series(name, per="all")}


def _balances(found: Known) -> Iterator[Check]:
    assets, whole = _by_period(found, "assets"), _by_period(found, "liabilities_and_equity")
    for period in _common(assets, whole):
        text = "assets are liabilities and equity"
        yield _compared("balance", assets[period], whole[period].value, text)


def _profits(found: Known) -> Iterator[Check]:
    names = ("gross_profit", "revenue", "cost_of_revenue")
    profit, revenue, cost = (_by_period(found, name) for name in names)
    for period in _common(profit, revenue, cost):
        expected = revenue[period].value - cost[period].value
        text = "gross profit is revenue less its cost"
        yield _compared("gross_profit", profit[period], expected, text)


def _shares(found: Known) -> Iterator[Check]:
    names = ("eps_basic", "net_income", "average_shares_basic")
    earned, income, shares = (_by_period(found, name) for name in names)
    for period in _common(earned, income, shares):
        together = {part[period].accession for part in (earned, income, shares)}
        if shares[period].value and len(together) == 1:
            expected = income[period].value / shares[period].value
            text = "earnings per share are net income over shares"
            yield _compared("earnings_per_share", earned[period], expected, text, 0.02, 0.01)


def _quarters(found: Known) -> Iterator[Check]:
    for metric in found.metrics.by_name.values():
        if not metric.is_additive:
            continue
        years = {point.end: point for point in found.series(metric.name)}
        quarters = [q for q in found.series(metric.name, per="quarterly") if q.basis == "reported"]
        for place in range(3, len(quarters)):
            four = quarters[place - 3 : place + 1]
            year = years.get(four[-1].end)
            if year is not None and four[0].start == year.start and _follow(four):
                total = sum(quarter.value for quarter in four)
                yield _compared("quarters", year, total, "four quarters are the year")


def _follow(four: list[Point]) -> bool:
    return all(b.start is not None and (b.start - a.end).days == 1 for a, b in pairwise(four))


def _compared(
    name: str, point: Point, expected: float, text: str, share: float = _ROUNDING, least: float = 0
) -> Check:
    room = max(share * max(abs(point.value), abs(expected)), least)
    passed = abs(point.value - expected) <= room
    where, concept = (point.start, point.end), f"{point.taxonomy}:{point.concept}"
    return Check(name, *where, passed, expected, point.value, concept, point.accession, text)


def _scales(facts: pa.Table, day: date | None) -> Iterator[Check]:
    """Only what fails: a report that is another one in thousands."""
    found = ordered(facts, day)
    at = np.flatnonzero(found.changed)
    new, old = (arrow.take_rows(facts, found.rows[places]).to_pylist() for places in (at, at - 1))
    for row, before in zip(new, old, strict=True):
        if row["value"] and before["value"] and _is_scaled(row["value"] / before["value"]):
            yield Check(
                check="scale",
                start=row["start"],
                end=row["end"],
                has_passed=False,
                expected=before["value"],
                found=row["value"],
                concept=f"{row['taxonomy']}:{row['concept']}",
                accession=row["accession"],
                text=f"{before['accession']} says it in another scale",
            )


def _is_scaled(ratio: float) -> bool:
    size = max(abs(ratio), 1 / abs(ratio))
    return any(abs(size / scale - 1) < _ROUNDING for scale in _SCALES)
