"""Plain items (numbers, texts, dictionaries) as columns, and the answers to them as items again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from raymill.arrow import Array
from raymill.flow.source import Block, Piece

UNIT = 1000  # items that are loaded at a time
NUMBER = "__item__"  # a column that tells which item a record comes from


def as_batch(items: Sequence[Any], column: str) -> pa.RecordBatch:
    """Make columns of items; a plain value stands in `column`.

    >>> as_batch([1, {"unit": "C"}], "value").to_pydict()
    {'value': [1, None], 'unit': [None, 'C']}
    """
    rows = [dict(item) if isinstance(item, Mapping) else {column: item} for item in items]
    names = list(dict.fromkeys(name for row in rows for name in row)) or [column]
    cells = [_column([row.get(name) for row in rows]) for name in names]
    return pa.RecordBatch.from_arrays(cells, names=names)


def _column(cells: list[Any]) -> Array:
    try:
        found: Array = pa.array(cells)
    except pa.ArrowException:  # numbers and text in one field, as files have them
        found = pa.array([None if cell is None else str(cell) for cell in cells])
    return found


def numbered(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with the number of each item."""
    numbers = pa.array(range(batch.num_rows), pa.int64())
    schema = batch.schema.append(pa.field(NUMBER, pa.int64()))
    return pa.RecordBatch.from_arrays([*batch.columns, numbers], schema=schema)


@dataclass(frozen=True)
class Answers:
    """What a task adds to items, so that the answer to a plain value is a plain value."""

    items: Sequence[Any]
    added: Sequence[str]

    def of(self, number: int, record: Mapping[str, Any]) -> Any:
        """One answer: a record for a record; for a plain value what was added, or the value."""
        if isinstance(self.items[number], Mapping):
            return dict(record)
        if not self.added:
            return self.items[number]
        if len(self.added) == 1:
            return record[self.added[0]]
        return {name: record[name] for name in self.added}

    def in_order(self, found: Iterator[tuple[int | None, Mapping[str, Any]]]) -> list[Any]:
        """One entry for each item: its answer, a list where there are several, None without.

        What the open rest of a window answers at the end (its number is None) comes behind.
        """
        results: list[Any] = [None] * len(self.items)
        counts = [0] * len(self.items)
        rest = []
        for number, record in found:
            if number is None:
                rest.append(self._of_rest(record))
                continue
            answer = self.of(number, record)
            counts[number] += 1
            if counts[number] == 2:
                results[number] = [results[number]]
            if counts[number] > 1:
                results[number].append(answer)
            else:
                results[number] = answer
        return results + rest

    def _of_rest(self, record: Mapping[str, Any]) -> Any:
        plain = len(self.added) == 1 and not any(isinstance(i, Mapping) for i in self.items)
        return record[self.added[0]] if plain else dict(record)


class ItemSource:
    """A batch in memory as a source; its pieces carry their rows to whatever worker loads them."""

    names: tuple[str, ...] = ("items",)
    resumable = False

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch

    def __getstate__(self) -> dict[str, Any]:
        return {"batch": self.batch.slice(0, 0)}

    def schema(self) -> pa.Schema:
        """The columns of the items."""
        return self.batch.schema

    def select(self, columns: frozenset[str] | None) -> "ItemSource":
        """Give only these columns."""
        if columns is None:
            return self
        return ItemSource(self.batch.select([n for n in self.batch.schema.names if n in columns]))

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """Cut after each thousand items."""
        for number in range(first, -(-self.batch.num_rows // UNIT)):
            rows = self.batch.slice(number * UNIT, UNIT)
            start = number * UNIT
            yield Piece(number, 0, start, start + rows.num_rows, 0, rows, rows.nbytes)

    def read(self, piece: Piece) -> Iterator[Block]:
        """The rows that the piece carries."""
        assert isinstance(piece.data, pa.RecordBatch)
        yield Block(piece.data, piece.data.num_rows, size_bytes=piece.size_bytes)

    def identity(self) -> Mapping[str, Any]:
        """Items have no name that outlives the run."""
        return {"format": "items"}

    def size_bytes(self) -> int | None:
        """What the columns take in memory."""
        return self.batch.nbytes
