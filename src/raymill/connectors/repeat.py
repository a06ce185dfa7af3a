"""An input that is read several times over."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from raymill.errors import ConfigError, InputError
from raymill.flow.source import Block, Piece, Source


class Repeated:
    """Reads a source `times` times; pieces go on counting. The source must be readable again."""

    def __init__(self, source: Source, times: int) -> None:
        if times < 1:
            raise ConfigError(f"An input cannot be repeated {times} times")
        if times > 1 and not getattr(source, "resumable", True):
            raise InputError(f"`{source.names[0]}` can be read only once, so it cannot be repeated")
        self._source, self._times = source, times
        self.names = source.names * times
        self.resumable = getattr(source, "resumable", True)
        self._count: int | None = None  # pieces of one time

    def schema(self) -> pa.Schema:
        """The columns of the source."""
        return self._source.schema()

    def select(self, columns: frozenset[str] | None) -> "Repeated":
        """Make only these columns."""
        return Repeated(self._source.select(columns), self._times)

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """The pieces of the source, again and again; to go on later, one time is counted first."""
        start, skipped = divmod(first, max(self._pieces_once(), 1)) if first else (0, 0)
        for time in range(start, self._times):
            count = 0
            for piece in self._source.pieces(skipped):
                number = time * self._pieces_once() + piece.number if time else piece.number
                count = piece.number + 1
                yield replace(piece, number=number, file=self._file(time, piece.file))
            if self._count is None:
                self._count = count
            skipped = 0

    def read(self, piece: Piece) -> Iterator[Block]:
        """The blocks of the source."""
        return self._source.read(replace(piece, file=piece.file % len(self._source.names)))

    def identity(self) -> Mapping[str, Any]:
        """The source, and how often."""
        return {"repeat": self._times, "of": self._source.identity()}

    def size_bytes(self) -> int | None:
        """The size of the source, as often."""
        once = self._source.size_bytes()
        return None if once is None else once * self._times

    def _file(self, time: int, file: int) -> int:
        return time * len(self._source.names) + file

    def _pieces_once(self) -> int:
        if self._count is None:
            self._count = sum(1 for _ in self._source.pieces())
        return self._count
