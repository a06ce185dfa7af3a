"""One metric of many companies, as it was known on a day: a row for each company."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.filings.metrics import Metric, Metrics
from raymill.filings.point import SERIES
from raymill.filings.schema import FACTS
from raymill.filings.series import Per, known

# What companies report every year tells their fiscal years and their currency.
YEAR = (350, 380)  # days
GUIDES = ("net_income", "revenue")
COLUMNS = [name for name in FACTS.names if name not in ("context", "fact_id", "document", "frame")]


def needed(metric: Metric, table: Metrics) -> Metrics:
    """The metrics that are needed to know one: itself, and those that companies report anyway."""
    guides = {name: table.by_name[name] for name in GUIDES if name in table.by_name}
    return Metrics(table.version, {metric.name: metric} | guides)


def concepts(table: Metrics) -> list[str]:
    """All concepts of some metrics."""
    return sorted({name for metric in table.by_name.values() for _, name in metric.concepts})


def newest(
    facts: pa.Table,
    metric: str,
    *,
    per: Per,
    as_of: date | None,
    unit: str | None,
    table: Metrics,
) -> pa.Table:
    """The last value of each company, by CIK; a company without one has no row."""
    rows = _without_idle(facts, table.by_name[metric])
    found = [
        known(company, as_of, table).table([metric], per=per, unit=unit)
        for company in _companies(rows)
    ]
    last = [rows.slice(rows.num_rows - 1) for rows in found if rows.num_rows]
    return pa.concat_tables(last) if last else SERIES.empty_table()


def _without_idle(facts: pa.Table, metric: Metric) -> pa.Table:
    """Without what the other metrics say of periods that are no years, where years are enough."""
    if metric.is_instant:
        return facts
    own = arrow.array([name for _, name in metric.concepts], pa.string())
    mask = arrow.to_numpy(arrow.is_in(facts["concept"], own))
    start, end = (arrow.to_numpy(arrow.cast(facts[name], pa.int32())) for name in ("start", "end"))
    days = end - start + 1.0  # NaN without a start
    return arrow.keep_rows(facts, mask | ((days >= YEAR[0]) & (days <= YEAR[1])))


def _companies(facts: pa.Table) -> Iterator[pa.Table]:
    rows = arrow.take_rows(facts, arrow.sort_places(facts, ["cik"]))
    ciks = arrow.to_numpy(rows["cik"])
    starts = np.flatnonzero(np.diff(ciks, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(ciks)], strict=True):
        yield rows.slice(int(start), int(end - start))


def joined(found: Iterable[pa.Table], tickers: Iterable[tuple[str, int]]) -> pa.Table:
    """Rows of several files by CIK, with the `ticker`: of several the first of the alphabet."""
    rows = pa.concat_tables([SERIES.empty_table(), *found]).sort_by("cik")
    by_cik: dict[int | None, str] = {}
    for ticker, cik in sorted(tickers, reverse=True):
        by_cik[cik] = ticker
    cells: list[Any] = [by_cik.get(cik) for cik in rows["cik"].to_pylist()]
    return arrow.with_column(rows, "ticker", arrow.array(cells, pa.string()))
