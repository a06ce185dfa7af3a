"""Runs one node on one block, in three parts: ask (at home), answer (where the state is), complete
(at home)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.compiled import kernel
from raymill.engines.clean import Asked, clean
from raymill.flow.column_task import Answer, Column, Rows, State
from raymill.flow.outcome import BAD_INPUT, EMIT, HELD, RAISED, Outcome, Skip
from raymill.flow.plan import Bound

KeyRoot = tuple[int, tuple[str, ...]]  # the node that looks a key up first, and its fields
KeySlots = dict[KeyRoot, NDArray[np.int32]]


@dataclass(slots=True)
class Table:
    """What travels on an edge for one block: rows, the block's row that each comes from, slots of
    keys."""

    batch: pa.RecordBatch
    origin: NDArray[np.int64] | None = None  # None: row i comes from row i
    slots: KeySlots = field(default_factory=dict)

    def origins(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The block's rows that these rows come from."""
        return rows if self.origin is None else self.origin[rows]


@dataclass(slots=True)
class Letter:
    """A record that failed, whole, as it entered the task."""

    row: int  # of the block
    task: str
    reason: str
    record: dict[str, Any]


@dataclass(slots=True)
class Counts:
    """What became of the records that entered a node."""

    records_in: int = 0
    records_out: int = 0
    answered: int = 0
    held: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Counts") -> None:
        """Add the counts of another block."""
        self.records_in += other.records_in
        self.records_out += other.records_out
        self.answered += other.answered
        self.held += other.held
        for mine, theirs in ((self.skipped, other.skipped), (self.failed, other.failed)):
            for reason, count in theirs.items():
                mine[reason] = mine.get(reason, 0) + count


@kernel
def _count_codes(code: Any) -> Any:
    counts = np.zeros(256, np.int64)
    for i in range(len(code)):
        counts[code[i]] += 1
    return counts


@kernel
def _emitted(code: Any, count: int) -> Any:
    rows = np.empty(count, np.int64)
    n = 0
    for i in range(len(code)):
        if code[i] == 0:
            rows[n] = i
            n += 1
    return rows


def ask(node: Bound, table: Table) -> Asked:
    """Read the node's ports from the table."""
    return clean(table.batch, node.ports, node.spec.reads)


def answer(
    node: Bound, asked: Asked, slot: NDArray[np.int32] | None, state: State | None
) -> Answer:
    """Run the task on clean rows."""
    assert node.task is not None
    return node.task.apply(Rows(asked.columns, asked.count, slot), state)


def complete(
    node: Bound, table: Table, asked: Asked, given: Answer
) -> tuple[Table, Counts, list[Letter]]:
    """Count the outcomes, keep what was emitted, write up what failed."""
    counts = Counts(table.batch.num_rows)
    letters = [_letter(node, table, row, reason) for row, reason in asked.bad.items()]
    for letter in letters:
        counts.failed[letter.reason] = counts.failed.get(letter.reason, 0) + 1
    emitted: NDArray[np.int64] | None = None  # of the rows asked
    if given.code is None:
        counts.answered = asked.count
    else:
        emitted = _tally(node, given, asked, table, counts, letters)
    columns = dict(given.columns)
    rows = given.rows
    if rows is None and emitted is not None:
        rows = emitted
        columns = {name: _pick(column, emitted) for name, column in columns.items()}
    if asked.good is not None:
        rows = asked.good if rows is None else asked.good[rows]
    letters.sort(key=lambda letter: letter.row)
    out = _build(node, table, rows, columns)
    counts.records_out = out.batch.num_rows
    return out, counts, letters


def _tally(
    node: Bound, given: Answer, asked: Asked, table: Table, counts: Counts, letters: list[Letter]
) -> NDArray[np.int64] | None:
    """Count the codes; gives the emitted rows, None for all."""
    assert given.code is not None
    found = _count_codes(given.code)
    counts.answered = int(found[EMIT])
    if counts.answered == asked.count:
        return None
    counts.held = int(found[HELD])
    outcomes: Sequence[Outcome] = node.spec.outcomes if given.outcomes is None else given.outcomes
    for code in (np.flatnonzero(found[1:HELD]) + 1).tolist():
        outcome = outcomes[code - 1] if code <= len(outcomes) else None
        if isinstance(outcome, Skip):
            counts.skipped[outcome.reason] = counts.skipped.get(outcome.reason, 0) + int(
                found[code]
            )
            continue
        for at in np.flatnonzero(given.code == code).tolist():
            reason = outcome.reason if outcome else _raised(given, at, code)
            counts.failed[reason] = counts.failed.get(reason, 0) + 1
            row = at if asked.good is None else int(asked.good[at])
            letters.append(_letter(node, table, row, reason))
    return _emitted(given.code, counts.answered)  # type: ignore[no-any-return]


def _raised(given: Answer, at: int, code: int) -> str:
    if code == RAISED:
        return (given.errors or {}).get(at, "the task raised an error")
    return "bad input" if code == BAD_INPUT else f"undeclared outcome {code}"


def _letter(node: Bound, table: Table, row: int, reason: str) -> Letter:
    origin = row if table.origin is None else int(table.origin[row])
    return Letter(origin, node.label, reason, table.batch.slice(row, 1).to_pylist()[0])


def _pick(column: Column, rows: NDArray[np.int64]) -> Column:
    return column[rows] if isinstance(column, np.ndarray) else arrow.take(column, rows)


def _build(
    node: Bound, table: Table, rows: NDArray[np.int64] | None, columns: dict[str, Column]
) -> Table:
    """The output batch: the answered rows' columns with the added ones."""
    added = {node.outputs[name]: column for name, column in columns.items()}
    batch = table.batch
    present = set(batch.schema.names)
    count = batch.num_rows if rows is None else len(rows)
    arrays: list[Any] = []
    for wanted in node.schema:
        if wanted.name in added:
            arrays.append(_array(added[wanted.name], wanted.type))
        elif wanted.name in present:
            column = batch.column(wanted.name)
            arrays.append(column if rows is None else arrow.take(column, rows))
        else:
            arrays.append(pa.nulls(count, wanted.type))
    replaced = set(added)
    slots = {key: s for key, s in table.slots.items() if not replaced.intersection(key[1])}
    origin = table.origin
    if rows is not None:
        origin = table.origins(rows)
        slots = {key: s[rows] for key, s in slots.items()}
    return Table(make_batch(arrays, node.schema, count), origin, slots)


def make_batch(arrays: list[Any], schema: pa.Schema, count: int) -> pa.RecordBatch:
    """A batch of these columns; one without columns keeps its number of rows."""
    if not arrays:
        rows: Any = pa.array([{}] * count, pa.struct([]))
        return pa.RecordBatch.from_struct_array(rows)
    if any(array.type != column.type for array, column in zip(arrays, schema, strict=True)):
        schema = pa.schema([c.with_type(a.type) for a, c in zip(arrays, schema, strict=True)])
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(column: Column, kind: pa.DataType) -> Any:
    found = pa.array(column) if isinstance(column, np.ndarray) else arrow.combine(column)
    return found if found.type == kind else arrow.cast(found, kind)
