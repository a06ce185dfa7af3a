"""Facts as standard metrics: which concept means what, and how far a row can be trusted."""

from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.filings.metrics import Metrics, standard
from raymill.filings.periods import length

PERIODIC = ("10-K", "10-KT", "10-Q", "10-QT", "20-F", "40-F", "6-K", "8-K")
STANDARD_COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("metric", pa.string()),
    ("priority", pa.int16()),  # 0 = the best concept of the metric
    ("basis", pa.string()),  # reported, difference, sum
    ("flags", pa.list_(pa.string())),  # amended, recast, odd_period, no_value
)


def standardise(facts: pa.Table, table: Metrics | None = None) -> pa.Table:
    """The facts that are standard metrics, with `metric`, `priority`, `basis` and `flags`.

    Only facts without dimensions and of periodic reports count: proxy statements and prospectuses
    report some of the same concepts otherwise. A fact that serves two metrics is there twice.
    """
    table = table or standard()
    rows = periodic(facts)
    wanted = {tag for metric in table.by_name.values() for tag in metric.concepts}
    names = zip(rows["taxonomy"].to_pylist(), rows["concept"].to_pylist(), strict=True)
    units: list[Any] = rows["unit"].to_pylist()
    by_tag: dict[tuple[str, str], list[int]] = {}
    for place, tag in enumerate(names):
        if tag in wanted:
            by_tag.setdefault(tag, []).append(place)
    found: list[tuple[int, str, int]] = []
    for metric in table.by_name.values():
        for priority, tag in enumerate(metric.concepts):
            places = by_tag.get(tag, ())
            found += [(at, metric.name, priority) for at in places if metric.takes(units[at])]
    return _with_columns(rows, found)


def periodic(facts: pa.Table) -> pa.Table:
    """The facts without dimensions of periodic reports and their amendments."""
    known = arrow.array([*PERIODIC, *(f"{form}/A" for form in PERIODIC)], pa.string())
    fits = arrow.to_numpy(arrow.is_in(facts["form"], known))
    sizes = arrow.to_numpy(arrow.fill_null(arrow.list_lengths(facts["dims"]), 0))
    return arrow.take_rows(facts, np.flatnonzero(fits & (sizes == 0)))


def _with_columns(rows: pa.Table, found: list[tuple[int, str, int]]) -> pa.Table:
    taken = arrow.take_rows(rows, np.array([at for at, _, _ in found], np.int64))
    cells: tuple[list[Any], ...] = (
        [name for _, name, _ in found],
        [priority for _, _, priority in found],
        ["reported"] * len(found),
        _flags(taken),
    )
    for (name, kind), column in zip(STANDARD_COLUMNS, cells, strict=True):
        taken = arrow.with_column(taken, name, arrow.array(column, kind))
    return taken


def _flags(rows: pa.Table) -> list[list[str]]:
    names = ("form", "is_amendment", "start", "end", "value")
    columns = (rows[name].to_pylist() for name in names)
    return [_of_row(*row) for row in zip(*columns, strict=True)]


def _of_row(form: str, is_amendment: bool, start: Any, end: Any, value: float | None) -> list[str]:
    flags = ["amended"] if is_amendment else []
    if form.startswith("8-K"):
        flags.append("recast")
    if start is not None and end is not None and length(start, end) is None:
        flags.append("odd_period")
    return flags if value is not None else [*flags, "no_value"]
