"""A format of the package: a station of eight characters, then a height."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from raymill.flow.sink import Mark
from raymill.flow.source import Block, Piece

SCHEMA = pa.schema([("station", pa.string()), ("height", pa.float64())])


class FixedWidthSource:
    """Reads each file as one piece."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        self.names = tuple(paths)

    def schema(self) -> pa.Schema:
        return SCHEMA

    def select(self, columns: frozenset[str] | None) -> "FixedWidthSource":
        return self

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        for number in range(first, len(self.names)):
            yield Piece(number, number)

    def read(self, piece: Piece) -> Iterator[Block]:
        lines = Path(self.names[piece.file]).read_text().splitlines()
        columns = [[line[:8].strip() for line in lines], [float(line[8:]) for line in lines]]
        yield Block(
            pa.RecordBatch.from_arrays(list(map(pa.array, columns)), schema=SCHEMA), len(lines)
        )

    def identity(self) -> Mapping[str, Any]:
        return {"format": "fixed-width", "names": list(self.names)}

    def size_bytes(self) -> int | None:
        return sum(Path(name).stat().st_size for name in self.names)


class FixedWidthSink:
    """Writes each value in eight characters."""

    resumable = False

    def __init__(self, path: str) -> None:
        self.path = path
        self.lines: list[str] = []

    def open(self, schema: pa.Schema, mark: Mark | None = None) -> None:
        self.lines = ["".join(f"{name:<8}" for name in schema.names)]

    def encode(self, batch: pa.RecordBatch) -> list[str]:
        return ["".join(f"{cell!s:<8.8}" for cell in row.values()) for row in batch.to_pylist()]

    def write(self, encoded: list[str]) -> None:
        self.lines += encoded

    def mark(self) -> Mark:
        return Mark({})

    def close(self) -> None:
        Path(self.path).write_text("".join(f"{line.rstrip()}\n" for line in self.lines))

    def abandon(self) -> None:
        self.lines = []

    def identity(self) -> Mapping[str, Any]:
        return {"format": "fixed-width", "name": self.path}

    def bytes_written(self) -> int:
        return sum(map(len, self.lines))
