"""What companies had reported at a moment, out of the dataset of filings, for screens."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from raymill import arrow
from raymill.filings import across
from raymill.filings.dataset import Facts
from raymill.filings.dataset_parts import TABLE, buckets
from raymill.filings.metrics import Metrics, standard
from raymill.filings.point import Point
from raymill.filings.series import Known, known
from raymill.market.screen.fundamentals import BALANCES, FLOWS, KNOWN
from raymill.state.lake_table import Condition

OLDEST = timedelta(days=550)  # a year, and the time that the slowest have to report it
YEAR = (350, 380)  # days
YEAR_AGO = "_year_ago"
PER_SHARE, AVERAGE, OUTSTANDING = "eps_diluted", "average_shares_diluted", "shares_outstanding"
METRICS = (*FLOWS, "cost_of_revenue", *BALANCES, PER_SHARE, AVERAGE, OUTSTANDING)
Rows = Iterator[tuple[str, Point]]


class FiledFundamentals:
    """The newest period that each company had reported; a report counts from the midnight (UTC)
    after the day on which it was filed."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        table = standard()
        chosen = {name: table.by_name[name] for name in METRICS}
        self._metrics = Metrics(table.version, chosen)

    def known(self, ciks: Sequence[int], as_of: datetime) -> pa.Table:
        """Rows of each company. Raises StoreError."""
        day = as_of.astimezone(UTC).date() - timedelta(days=1)
        rows = [row for company in self._companies(ciks) for row in self._rows(company, day)]
        return pa.Table.from_pylist(rows, KNOWN)

    def _companies(self, ciks: Iterable[int]) -> Iterator[pa.Table]:
        names = across.concepts(self._metrics)
        with self._facts.lake.hold() as snapshot:
            for bucket, some in buckets(sorted(set(ciks))).items():
                where: list[Condition] = [("cik", "in", some), ("concept", "in", names)]
                rows = self._facts.lake.read(
                    TABLE, where, columns=across.COLUMNS, snapshot=snapshot, partitions=[bucket]
                )
                for cik in some:
                    yield arrow.keep_rows(rows, arrow.equal(rows["cik"], cik))

    def _rows(self, facts: pa.Table, day: date) -> Iterator[dict[str, Any]]:
        if not facts.num_rows:
            return
        company = known(facts, day, self._metrics)
        for name, point in chosen(company, day):
            yield {
                "cik": company.cik,
                "name": name,
                "value": point.value,
                "currency": currency_of(point.unit),
                "period_end": point.end,
                "public": point.filed,
            }


def chosen(company: Known, day: date) -> Rows:
    """The figures of the newest four quarters, at the end of them, and of those a year before."""
    sums = {name: company.series(name, per="ttm") for name in (*FLOWS, "cost_of_revenue")}
    ends = [point.end for name in ("net_income", "revenue") for point in sums[name][-1:]]
    if ends and max(ends) >= day - OLDEST:
        yield from _of_year(company, sums, max(ends))
    shares = [point for point in company.series(OUTSTANDING, per="all") if point.end <= day]
    if shares and shares[-1].end >= day - OLDEST:
        yield OUTSTANDING, shares[-1]


def _of_year(company: Known, sums: Mapping[str, list[Point]], end: date) -> Rows:
    at = {name: _at(points, end) for name, points in sums.items()}
    if at["gross_profit"] is None and at["revenue"] is not None:
        at["gross_profit"] = _less(at["revenue"], at["cost_of_revenue"])
    yield from ((f"{name}_ttm", point) for name in FLOWS if (point := at[name]) is not None)
    for name in BALANCES:
        point = _at(company.series(name, per="all"), end)
        if point is not None:
            yield name, point
    yield from _per_share(company, end, "")
    before = _year_before(sums, end)
    if before is not None:
        for name in ("revenue", "net_income"):
            point = _at(sums[name], before)
            if point is not None:
                yield f"{name}_ttm{YEAR_AGO}", point
        yield from _per_share(company, before, YEAR_AGO)


def _per_share(company: Known, end: date, when: str) -> Rows:
    told = _at(company.series(PER_SHARE, per="annual"), end)
    if told is not None:
        yield f"{PER_SHARE}{when}", told
    average = _at(company.series(AVERAGE, per="quarterly"), end)
    average = average or _at(company.series(AVERAGE, per="annual"), end)
    if average is not None:
        yield f"{AVERAGE}{when}", average


def _at(points: Iterable[Point], end: date) -> Point | None:
    return next((point for point in points if point.end == end), None)


def _less(whole: Point, part: Point | None) -> Point | None:
    if part is None or part.unit != whole.unit:
        return None
    filed = max(whole.filed or date.min, part.filed or date.min)
    return replace(whole, value=whole.value - part.value, filed=filed)


def _year_before(sums: Mapping[str, list[Point]], end: date) -> date | None:
    ends = {point.end for name in ("net_income", "revenue") for point in sums[name]}
    fitting = [one for one in ends if YEAR[0] <= (end - one).days <= YEAR[1]]
    return max(fitting, default=None)


def currency_of(unit: str) -> str | None:
    """The currency of a unit; None of a count.

    >>> currency_of("USD/shares"), currency_of("EUR"), currency_of("shares")
    ('USD', 'EUR', None)
    """
    return None if unit == "shares" else unit.partition("/")[0]
