"""Keys of rows: which rows belong to which, and a hash of what a key holds."""

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow, json
from raymill.errors import StoreError
from raymill.state.lake_table import Key, LakeTable

Places = NDArray[np.int64]


def text_of(key: Key) -> str:
    """A key as the manifest has it.

    >>> text_of((320193, "0000320193-25-000057"))
    '[320193,"0000320193-25-000057"]'
    """
    return json.dumps(list(key)).decode()


def by_key(rows: pa.Table, table: LakeTable) -> dict[str, Places]:
    """The places of the rows of each key, in their order. Raises StoreError at a null."""
    if not rows.num_rows:
        return {}
    groups = np.zeros(rows.num_rows, np.int64)
    for name in table.key:
        codes, count = _codes(rows, name, table)
        _, groups = np.unique(groups * count + codes, return_inverse=True)
    order = np.argsort(groups, kind="stable").astype(np.int64)
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    firsts = arrow.take_rows(rows.select(list(table.key)), order[starts]).to_pydict()
    keys = zip(*(firsts[name] for name in table.key), strict=True)
    places = np.split(order, starts[1:])
    return {text_of(key): found for key, found in zip(keys, places, strict=True)}


def _codes(rows: pa.Table, name: str, table: LakeTable) -> tuple[Places, int]:
    column = arrow.combine(rows[name])
    if column.null_count:
        raise StoreError(f"A row of table `{table.name}` has no `{name}`, which is part of its key")
    distinct = arrow.unique(column)
    return arrow.to_numpy(arrow.index_in(column, distinct)).astype(np.int64), len(distinct)


def without(rows: pa.Table, table: LakeTable, keys: Iterable[str]) -> pa.Table:
    """The rows of all other keys."""
    found = by_key(rows, table)
    gone = [found[key] for key in keys if key in found]
    if not gone:
        return rows
    mask = np.ones(rows.num_rows, np.bool_)
    mask[np.concatenate(gone)] = False
    return arrow.keep_rows(rows, mask)


def content(rows: pa.Table) -> str:
    """A hash of rows: equal for equal rows in equal order."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows.combine_chunks())
    return hashlib.blake2b(sink.getvalue(), digest_size=16).hexdigest()
