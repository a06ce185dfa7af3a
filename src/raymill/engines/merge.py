"""Nodes that bring branches together, and the rows that answer keys at the end of input."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.compiled import kernel
from raymill.engines.keys import ESCAPED, MARK, SEPARATOR
from raymill.engines.operator import Counts, Table, make_batch
from raymill.flow.column_task import Answer
from raymill.flow.plan import Bound


def select(node: Bound, tables: list[Table]) -> tuple[Table, Counts]:
    """Keep some columns."""
    (table,) = tables
    count = table.batch.num_rows
    batch = table.batch.select(list(node.columns))
    slots = {key: s for key, s in table.slots.items() if set(key[1]) <= set(node.columns)}
    return Table(batch, table.origin, slots), Counts(count, count, count)


@kernel
def _match(left: Any, right: Any, outer: bool) -> Any:
    """Pairs of rows with one origin, in order; -1 where the right has none (outer)."""
    rows = np.empty(len(left) + len(right), np.int64)
    mates = np.empty(len(left) + len(right), np.int64)
    n = 0
    j = 0
    for i in range(len(left)):
        while j < len(right) and right[j] < left[i]:
            j += 1
        k = j
        while k < len(right) and right[k] == left[i]:
            if n == len(rows):
                rows = np.append(rows, np.empty(n, np.int64))
                mates = np.append(mates, np.empty(n, np.int64))
            rows[n] = i
            mates[n] = k
            n += 1
            k += 1
        if k == j and outer:
            if n == len(rows):
                rows = np.append(rows, np.empty(n, np.int64))
                mates = np.append(mates, np.empty(n, np.int64))
            rows[n] = i
            mates[n] = -1
            n += 1
    return rows[:n], mates[:n]


def _origins(table: Table) -> NDArray[np.int64]:
    return table.origins(np.arange(table.batch.num_rows))


def join(node: Bound, tables: list[Table]) -> tuple[Table, Counts]:
    """Meet on origin: both branches descend from the same rows, so it is a merge of two sorted
    arrays."""
    left, right = tables
    count = left.batch.num_rows
    if left.origin is None and right.origin is None and count == right.batch.num_rows:
        rows = mates = np.arange(count)
        whole = True
    else:
        rows, mates = _match(_origins(left), _origins(right), node.how == "left")
        whole = False
    arrays = []
    lost = np.flatnonzero(mates < 0)
    places = pa.array(mates, mask=mates < 0) if len(lost) else pa.array(mates)
    for wanted in node.schema:
        mine = wanted.name in left.batch.schema.names
        column = (left if mine else right).batch.column(wanted.name)
        arrays.append(column if whole else arrow.take(column, rows if mine else places))
    counts = Counts(count, len(rows), len(np.unique(rows)))
    if counts.answered < count:
        counts.skipped["no match in the other branch"] = count - counts.answered
    out = make_batch(arrays, node.schema, len(rows))
    return Table(out, left.origins(rows), {k: s[rows] for k, s in left.slots.items()}), counts


def union(node: Bound, tables: list[Table]) -> tuple[Table, Counts]:
    """Interleave by origin, the first branch first."""
    origin = np.concatenate([_origins(table) for table in tables])
    order = np.argsort(origin, kind="stable")
    arrays = []
    for wanted in node.schema:
        parts = [_cells(table, wanted) for table in tables]
        arrays.append(arrow.take(arrow.concat(parts), order))
    count = len(order)
    return Table(make_batch(arrays, node.schema, count), origin[order]), Counts(count, count, count)


def _cells(table: Table, wanted: "pa.Field[Any]") -> Any:
    if wanted.name not in table.batch.schema.names:
        return pa.nulls(table.batch.num_rows, wanted.type)
    column = arrow.combine(table.batch.column(wanted.name))
    return column if column.type == wanted.type else arrow.cast(column, wanted.type)


def key_columns(node: Bound, texts: Any) -> dict[str, Any]:
    """The key's fields again from its text."""
    if len(node.key) == 1:
        return {node.key[0]: texts}
    parts = [text.split(SEPARATOR) for text in texts.to_pylist()]
    return {
        name: pa.array([part[i].replace(ESCAPED, MARK) for part in parts], pa.string())
        for i, name in enumerate(node.key)
    }


def rest(node: Bound, given: Answer, keys: dict[str, Any]) -> pa.RecordBatch:
    """Rows that answer keys instead of records: key and added columns, the others null."""
    assert given.rows is not None
    count = len(given.rows)
    added = {node.outputs[name]: column for name, column in given.columns.items()}
    arrays = []
    for wanted in node.schema:
        column = added.get(wanted.name, keys.get(wanted.name))
        if column is None:
            arrays.append(pa.nulls(count, wanted.type))
            continue
        found = pa.array(column) if isinstance(column, np.ndarray) else arrow.combine(column)
        arrays.append(found if found.type == wanted.type else arrow.cast(found, wanted.type))
    return make_batch(arrays, node.schema, count)
