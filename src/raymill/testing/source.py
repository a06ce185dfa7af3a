"""A source that reads as data: `TestingSource([1, 2, ABORT, 3, 4])`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from raymill.errors import RaymillError
from raymill.flow.source import Block, Piece, Source


class Aborted(RaymillError):
    """The crash that a test asked for."""


class _Mark:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


ABORT: Any = _Mark("ABORT")
"""Reading stops here with `Aborted`, the first time."""

CUT: Any = _Mark("CUT")
"""A piece ends here."""


class TestingSource:
    """Records from a list, in pieces of `size` records or cut where `CUT` stands.

    >>> source = TestingSource([{"v": 1}, CUT, {"v": 2}])
    >>> [block.batch.to_pylist() for piece in source.pieces() for block in source.read(piece)]
    [[{'v': 1}], [{'v': 2}]]
    """

    __test__ = False  # not a test, whatever its name

    def __init__(self, records: Sequence[Any], *, size: int = 2**31) -> None:
        self.names: tuple[str, ...] = ("testing",)
        self._cuts: list[list[dict[str, Any]]] = [[]]
        self._aborts: set[int] = set()
        for record in records:
            if record is ABORT:
                self._aborts.add(len(self._cuts) - 1 if self._cuts[-1] == [] else len(self._cuts))
            if record in (ABORT, CUT) or len(self._cuts[-1]) >= size:
                self._cuts.append([])
            if record not in (ABORT, CUT):
                self._cuts[-1].append(record if isinstance(record, dict) else {"value": record})
        self._cuts = [cut for cut in self._cuts if cut] or [[]]
        rows = [record for cut in self._cuts for record in cut]
        self._schema = _batch(rows).schema
        self._chosen: list[str] = self._schema.names

    def schema(self) -> pa.Schema:
        """Say which columns the records have."""
        return self._schema

    def select(self, columns: frozenset[str] | None) -> Source:
        """Make only these columns."""
        if columns is not None:
            self._chosen = [name for name in self._schema.names if name in columns]
        return self

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """Give the pieces, and abort once where a test says so."""
        for number in range(first, len(self._cuts)):
            if number in self._aborts:
                self._aborts.remove(number)
                raise Aborted("the test aborted the run")
            yield Piece(number, size_bytes=64 * len(self._cuts[number]))

    def read(self, piece: Piece) -> Iterator[Block]:
        """Load a piece."""
        rows = self._cuts[piece.number]
        batch = _batch(rows, self._schema).select(self._chosen)
        yield Block(batch, len(rows), size_bytes=piece.size_bytes)

    def identity(self) -> Mapping[str, Any]:
        """What must be the same for a resume."""
        return {"testing": [len(cut) for cut in self._cuts]}

    def size_bytes(self) -> int | None:
        """Nobody knows."""
        return None


def _batch(rows: Sequence[Mapping[str, Any]], schema: pa.Schema | None = None) -> pa.RecordBatch:
    names = schema.names if schema else list(dict.fromkeys(name for row in rows for name in row))
    columns = [
        pa.array([row.get(name) for row in rows], schema.field(name).type if schema else None)
        for name in names
    ]
    return pa.RecordBatch.from_arrays(columns, names=names)
