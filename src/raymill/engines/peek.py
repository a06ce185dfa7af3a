"""A look at input that can be read only once: what planning looked at, the run reads again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from raymill.flow.source import Block, Piece, Source


@dataclass(slots=True)
class _Seen:
    """The pieces that were looked at, and the rest behind them; whole, for any selection."""

    source: Source
    pieces: list[Piece] = field(default_factory=list)
    rest: Iterator[Piece] | None = None
    is_planning: bool = True


class Peekable:
    """Keeps the pieces that were asked for until `begin`; all selections share them."""

    resumable = False

    def __init__(self, source: Source, seen: _Seen | None = None) -> None:
        self._source, self._seen = source, seen or _Seen(source)
        self.names = source.names
        self.quiet: frozenset[str] = getattr(source, "quiet", frozenset())

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_seen": _Seen(self._source)}

    def begin(self) -> None:
        """Keep nothing any more: the run begins."""
        self._seen.is_planning = False

    def schema(self) -> pa.Schema:
        """The columns of the source."""
        return self._source.schema()

    def select(self, columns: frozenset[str] | None) -> "Peekable":
        """Make only these columns."""
        return Peekable(self._source.select(columns), self._seen)

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """The pieces that were looked at, then the others."""
        seen = self._seen
        if seen.rest is None:
            seen.rest = seen.source.pieces(first)
        if not seen.is_planning:
            while seen.pieces:
                yield seen.pieces.pop(0)
            yield from seen.rest
            return
        yield from seen.pieces
        for piece in seen.rest:
            seen.pieces.append(piece)
            yield piece

    def read(self, piece: Piece) -> Iterator[Block]:
        """The blocks of a piece, with the selected columns."""
        names = self._source.schema().names
        for block in self._source.read(piece):
            same = block.batch.schema.names == names
            yield block if same else replace(block, batch=block.batch.select(names))

    def identity(self) -> Mapping[str, Any]:
        """That of the source."""
        return self._source.identity()

    def size_bytes(self) -> int | None:
        """That of the source."""
        return self._source.size_bytes()
