"""Reading a source to its end, as a worker in another process would."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from raymill.flow.source import Block, Piece, Source


@dataclass(frozen=True)
class Drained:
    """What a source gave: rows with their line in the input (from 1), and rejects likewise."""

    rows: list[tuple[int, tuple[Any, ...]]]
    rejects: list[tuple[int, str, str]]
    lines: int
    size_bytes: int

    @property
    def values(self) -> list[Any]:
        """The cells of the rows; of one-column sources the bare cells."""
        return [row[0] if len(row) == 1 else row for _, row in self.rows]


def drain(source: Source, pieces: Sequence[Piece] | None = None) -> Drained:
    """Read every piece by a pickled copy of the source."""
    schema = source.schema()
    given = list(source.pieces()) if pieces is None else list(pieces)
    worker: Source = pickle.loads(pickle.dumps(source))
    rows: list[tuple[int, tuple[Any, ...]]] = []
    rejects: list[tuple[int, str, str]] = []
    line = size = 0
    for piece in given:
        for block in worker.read(pickle.loads(pickle.dumps(piece))):
            _check(block, schema)
            numbers = block.lines.tolist() if block.lines is not None else None
            for row, record in enumerate(block.batch.to_pylist()):
                at = numbers[row] if numbers is not None else row
                rows.append((line + at + 1, tuple(record.values())))
            rejects += [(line + one.line + 1, one.reason, one.text) for one in block.rejects]
            line += block.span
            size += block.size_bytes
    return Drained(rows, rejects, line, size)


def _check(block: Block, schema: pa.Schema) -> None:
    block.batch.validate(full=True)
    assert block.batch.schema.equals(schema)
    taken = [reject.line for reject in block.rejects]
    lines = range(block.batch.num_rows) if block.lines is None else block.lines.tolist()
    assert sorted({*taken, *lines}) == sorted([*taken, *lines])
    assert all(0 <= line < block.span for line in [*taken, *lines])


def put(folder: Path, name: str, content: bytes | str) -> str:
    """Write a file and answer its path."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)
