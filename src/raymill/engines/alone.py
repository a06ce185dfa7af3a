"""Nodes without an engine: a task tried out over plain dicts, and the sample that a planner shows
to a task."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.arrow import Array
from raymill.engines.clean import Asked
from raymill.engines.graph import Keeper, enter, open_tasks
from raymill.engines.operator import Table, answer, ask, complete
from raymill.flow.column_task import Answer
from raymill.flow.declare import as_declared
from raymill.flow.outcome import Fail, Skip
from raymill.flow.pipeline import read
from raymill.flow.plan import Bound, Plan, plan
from raymill.flow.source import Block, Piece, Source

SAMPLE_ROWS = 1000


def sample(source: Source, nodes: tuple[Bound, ...], number: int) -> pa.RecordBatch:
    """The first rows that a node hands on, for a task that must see some to know its fields."""
    first = _first_block(source, nodes[0].schema)
    passage = enter(Plan(nodes, (), frozenset()), Piece(0), 0, first)
    needed = nodes[1 : number + 1]
    open_tasks(Plan(needed, (), frozenset()))
    keeper = Keeper(Plan(nodes[: number + 1], (), frozenset()))
    for node in needed:
        keeper.run(passage, node)
    return passage.tables[number].batch


def _first_block(source: Source, schema: pa.Schema) -> Block:
    chosen = source.select(frozenset(schema.names))
    for piece in chosen.pieces():
        for block in chosen.read(piece):
            if block.batch.num_rows:
                return replace(block, batch=block.batch.slice(0, SAMPLE_ROWS), lines=None)
    return Block(pa.RecordBatch.from_pylist([], schema=schema), 0)


class _Records:
    """Plain dicts as a source."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch
        self.names: tuple[str, ...] = ("records",)

    def schema(self) -> pa.Schema:
        return self.batch.schema

    def select(self, columns: frozenset[str] | None) -> Source:
        return self

    def pieces(self, first: int = 0) -> Any:
        yield Piece(0)

    def read(self, piece: Piece) -> Any:
        yield Block(self.batch, self.batch.num_rows)

    def identity(self) -> Mapping[str, Any]:
        return {}

    def size_bytes(self) -> int | None:
        return None


def try_out(task: Any, records: Iterable[Mapping[str, Any]], given: Mapping[str, Any]) -> list[Any]:
    """Run a task over dicts: a record per answer, or the Skip or Fail of one that was not emitted,
    in order."""
    return [told for _, told in tried(task, records, given)]


def tried(
    task: Any, records: Iterable[Mapping[str, Any]], given: Mapping[str, Any]
) -> list[tuple[int | None, Any]]:
    """What `try_out` gives, each with the number of the record that it answers; None is the end."""
    rows = [dict(row) for row in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [_column([row.get(name) for row in rows]) for name in names]
    batch = pa.RecordBatch.from_arrays(columns, names=names)
    made = plan(read(rows).then(as_declared(task), **given).write([]), _Records(batch))
    open_tasks(made)
    keeper, node, table = Keeper(made), made.nodes[-1], Table(batch)
    asked = ask(node, table)
    keyed = node.place != "anywhere"
    slot = keeper.slots(node, table, asked, 0) if keyed else None
    answered = (
        keeper.answer(node, asked, slot) if slot is not None else answer(node, asked, None, None)
    )
    out, _, letters = complete(node, table, asked, answered)
    origins = out.origins(np.arange(out.batch.num_rows)).tolist()
    found: list[tuple[int, Any]] = list(zip(origins, out.batch.to_pylist(), strict=True))
    found += [(letter.row, Fail(letter.reason)) for letter in letters]
    found += _skips(node, asked, answered)
    rest = keeper.finish(node) if keyed else None
    told: list[tuple[int | None, Any]] = [*sorted(found, key=lambda pair: pair[0])]
    return told + [(None, row) for row in (rest.to_pylist() if rest is not None else [])]


def _column(cells: list[Any]) -> Array:
    try:
        return arrow.array(cells)
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        OverflowError,
    ):  # numbers and text in one field, as files have them
        return arrow.array([None if cell is None else str(cell) for cell in cells])


def _skips(node: Bound, asked: Asked, given: Answer) -> list[tuple[int, Any]]:
    if given.code is None:
        return []
    outcomes = given.outcomes or node.spec.outcomes
    good = range(asked.count) if asked.good is None else asked.good.tolist()
    return [
        (row, outcomes[code - 1])
        for row, code in zip(good, given.code.tolist(), strict=True)
        if 0 < code <= len(outcomes) and isinstance(outcomes[code - 1], Skip)
    ]
