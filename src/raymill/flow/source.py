"""Where records come from: the protocol of a source, and the pieces that it is read in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Piece:
    """What one worker loads in one go: a place in the input or, where it cannot be read twice, the
    data.

    Pieces are numbered from 0 in input order and are cut by the source and a fixed unit alone,
    never by
    engine or worker, so `number` is a position to resume from.
    """

    number: int
    file: int = 0  # index into the source's `names`
    start: int = 0  # bytes, or rows
    stop: int = 0
    part: int = 0  # row group, where a format has them
    data: bytes | pa.RecordBatch | None = None
    size_bytes: int = 0  # about what it takes in memory once loaded


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not be read: it fails with a reason, and its text is kept."""

    line: int  # within its block, from 0
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of one piece, in order. A piece gives one block or more."""

    batch: pa.RecordBatch
    span: int  # lines (or rows) of the file that it covers, blank and rejected ones included
    lines: NDArray[np.int32] | None = (
        None  # line within the block of each row, from 0; None: row i is line i
    )
    rejects: tuple[Reject, ...] = ()
    size_bytes: int = 0  # of input that it stands for


class Source(Protocol):
    """Records in order. Built from a path or object and options; opened (checked, sampled) by
    `schema`."""

    names: tuple[str, ...]  # file names for messages; ("-",) for standard input

    def schema(self) -> pa.Schema:
        """Open the input and say which columns there are. Raises InputError."""
        ...

    def select(self, columns: frozenset[str] | None) -> "Source":
        """Return a source that makes only these columns (None: its default ones)."""
        ...

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """Give the pieces in order, from number `first` on."""
        ...

    def read(self, piece: Piece) -> Iterator[Block]:
        """Load one piece. May run in another process than `pieces`. Raises DataError,
        InputError."""
        ...

    def identity(self) -> Mapping[str, Any]:
        """What must be the same for a resume: names, sizes, times of change, format, options (JSON
        values)."""
        ...

    def size_bytes(self) -> int | None:
        """Total input size in bytes for a progress bar, where known."""
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """The declaration of a source in a pipeline: what to read, and how. Opened when the pipeline
    is planned."""

    what: Any  # a path, a list of paths or globs, "-", an iterable of records, a Source
    format: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
