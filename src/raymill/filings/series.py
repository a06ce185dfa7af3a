"""Standard metrics over time, as they were known on a day: years, quarters, the last four quarters.

A quarter that no filing reports is the difference of two longer periods, and says so in `basis`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import pyarrow as pa

from raymill import arrow
from raymill.errors import ConfigError
from raymill.filings.derive import last_four, missing_quarters
from raymill.filings.metrics import Metric, Metrics, standard
from raymill.filings.periods import FiscalYears, fiscal_years, length, spans
from raymill.filings.point import SERIES, Point
from raymill.filings.standard import periodic, standardise
from raymill.filings.versions import ordered

Per = Literal["annual", "quarterly", "ttm", "all"]
PERS = ("annual", "quarterly", "ttm", "all")


def series(
    facts: pa.Table,
    metric: str,
    *,
    per: Per = "annual",
    as_of: date | None = None,
    unit: str | None = None,
    table: Metrics | None = None,
) -> pa.Table:
    """One metric of one company, oldest first, as it was known at the end of a day.

    `per` takes years, quarters, sums of the last four quarters (`ttm`) or all that is reported.
    Without `unit`, the currency that the company reports in. Raises UnknownName, ConfigError.
    """
    found = known(facts, as_of, table)
    return found.table([metric], per=per, unit=unit)


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of a company on a day, as points of metrics."""

    cik: int | None
    entity: str | None
    points: dict[str, list[Point]]
    years: FiscalYears
    ends: frozenset[date]  # of all periods
    currency: str | None
    metrics: Metrics

    def table(
        self, names: Iterable[str] | None = None, *, per: Per = "annual", unit: str | None = None
    ) -> pa.Table:
        """Some metrics or all, one after the other. Raises UnknownName, ConfigError."""
        if per not in PERS:
            raise ConfigError(f"`per` cannot be `{per}`", hint=f"give one of {', '.join(PERS)}")
        chosen = list(self.metrics.by_name if names is None else names)
        rows = [
            self._row(name, point)
            for name in chosen
            for point in self.series(name, per=per, unit=unit)
        ]
        return pa.Table.from_pylist(rows, schema=SERIES)

    def series(self, name: str, *, per: Per = "annual", unit: str | None = None) -> list[Point]:
        """One metric, oldest first. Raises UnknownName with near matches."""
        metric = self.metrics.find(name)
        points = _best(self._in_unit(metric, unit))
        if per == "all":
            return points
        if metric.is_instant:
            wanted = self.years.holds if per == "annual" else self.ends.__contains__
            return [] if per == "ttm" else [point for point in points if wanted(point.end)]
        if per == "annual":
            return _one_an_end(points, "year")
        quarters = _one_an_end(points, "quarter")
        if metric.is_additive:
            quarters = sorted([*quarters, *missing_quarters(points, quarters)], key=_by_end)
        if per == "quarterly":
            return quarters
        return last_four(quarters, _one_an_end(points, "year")) if metric.is_additive else []

    def _in_unit(self, metric: Metric, unit: str | None) -> list[Point]:
        points = self.points.get(metric.name, [])
        if unit is None and self.currency is not None and metric.kind in ("flow", "balance"):
            unit = self.currency
        elif unit is None and metric.kind == "per_share" and self.currency is not None:
            unit = f"{self.currency}/shares"
        return [point for point in points if unit is None or point.unit == unit]

    def _row(self, metric: str, point: Point) -> dict[str, Any]:
        year, quarter = self.years.locate(point.end)
        span = length(point.start, point.end) if point.start else None
        is_year = span == "year" or (point.start is None and self.years.holds(point.end))
        row = {name: getattr(point, name) for name in Point.__slots__ if name in SERIES.names}
        return row | {
            "cik": self.cik,
            "entity": self.entity,
            "metric": metric,
            "fiscal_year": year,
            "fiscal_period": "TTM" if point.basis == "sum" else "FY" if is_year else quarter,
            "is_derived": point.basis != "reported",
        }


def known(facts: pa.Table, day: date | None = None, table: Metrics | None = None) -> Known:
    """What was known of one company at the end of a day; without a day, what is known at last.

    Raises ConfigError where the facts are those of several companies.
    """
    table = table or standard()
    ciks = arrow.unique(facts["cik"]).to_pylist()
    if len(ciks) > 1:
        raise ConfigError(
            f"The facts are those of {len(ciks)} companies", hint="choose those of one `cik`"
        )
    rows = _current(periodic(facts), day)
    points: dict[str, list[Point]] = {}
    for row in standardise(rows, table).to_pylist():
        if row["value"] is not None and row["end"] is not None:
            points.setdefault(row["metric"], []).append(Point.of(row))
    names = [name for name in arrow.unique(rows["entity"]).to_pylist() if name]
    return Known(
        cik=ciks[0] if ciks else None,
        entity=names[-1] if names else None,
        points=points,
        years=fiscal_years(rows),
        ends=_ends(rows),
        currency=_currency(points, table),
        metrics=table,
    )


def _current(facts: pa.Table, day: date | None) -> pa.Table:
    """The newest reports up to a day, with the day since when they say what they say."""
    found = ordered(facts, day)
    last = found.last
    since = found.since[last]
    rows = arrow.take_rows(facts, found.rows[last])
    days = arrow.take(facts["filed"], found.rows[since])
    rows = arrow.with_column(rows, "since", days)
    return arrow.with_column(rows, "is_restated", found.changed[since] & ~found.first[since])


def _ends(rows: pa.Table) -> frozenset[date]:
    return frozenset(end for start, end in spans(rows) if length(start, end))


def _currency(points: dict[str, list[Point]], table: Metrics) -> str | None:
    """The currency of most amounts; others are translations for the reader."""
    amounts = [
        point.unit
        for name, found in points.items()
        if table.by_name[name].kind in ("flow", "balance")
        for point in found
    ]
    return Counter(amounts).most_common(1)[0][0] if amounts else None


def _by_end(point: Point) -> tuple[date, date]:
    return point.end, point.start or point.end


def _best(points: list[Point]) -> list[Point]:
    """For each period the value of the first concept that has one."""
    found: dict[tuple[date | None, date], Point] = {}
    for point in points:
        best = found.get((point.start, point.end))
        if best is None or point.priority < best.priority:
            found[point.start, point.end] = point
    return sorted(found.values(), key=_by_end)


def _one_an_end(points: list[Point], wanted: str) -> list[Point]:
    """The periods of a length; where two end on one day, the better concept, then the newer."""
    found: dict[date, Point] = {}
    for point in points:
        if point.start is None or length(point.start, point.end) != wanted:
            continue
        best = found.get(point.end)
        if best is None or point.rank < best.rank:
            found[point.end] = point
    return [found[end] for end in sorted(found)]
