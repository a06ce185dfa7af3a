"""Rows of plain values as columns of market records."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from raymill import arrow
from raymill.market.schemas import SCHEMAS
from raymill.market.streams.buffer import Row
from raymill.market.streams.channel import Table


def to_table(table: Table, rows: Sequence[Row], source: str) -> pa.Table:
    """The rows as columns, with the source that they are of.

    >>> found = to_table("trade", [(7, 0, 1, 2.5, 1.0, -1, None)], "binance")
    >>> found["price"][0].as_py(), found["recv_ts"][0].as_py(), found["source"][0].as_py()
    (2.5, None, 'binance')
    """
    schema = SCHEMAS[table]
    same = {"source": source, "adj": "raw"}
    columns: Any = iter(zip(*rows, strict=True)) if rows else iter(lambda: (), None)
    arrays: list[Any] = []
    for field in schema:
        if field.name in same:
            arrays.append(arrow.repeat(same[field.name], len(rows), field.type))
        else:
            arrays.append(arrow.array(next(columns), field.type))
    return pa.Table.from_arrays(arrays, schema=schema)
