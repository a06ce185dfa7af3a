"""Lines of text: one column `value`. A blank line is no record."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill.arrow import Array
from raymill.compiled import inline, kernel
from raymill.compiled.memory import copy_bytes, load8, low_byte
from raymill.connectors.columns import choose
from raymill.connectors.text import (
    UNIT,
    Bytes,
    count_lines,
    new_bytes,
    open_text,
    set_apart_invalid,
)
from raymill.flow.source import Block, Piece

Numbers = NDArray[np.int32]
_SCHEMA = pa.schema([pa.field("value", pa.string())])
_NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)
_LOW = np.uint64(0x7F7F7F7F7F7F7F7F)


class LinesSource:
    """The lines of text files or of standard input."""

    def __init__(self, paths: tuple[str, ...], *, unit: int = UNIT) -> None:
        self._text = open_text(paths, unit=unit)
        self.names = self._text.names
        self.resumable = self._text.resumable

    def schema(self) -> pa.Schema:
        """One column of text, `value`."""
        return _SCHEMA

    def select(self, columns: frozenset[str] | None) -> "LinesSource":
        """There is one column: the same source."""
        choose(_SCHEMA, columns)
        return self

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """The pieces in order."""
        return self._text.pieces(first)

    def read(self, piece: Piece) -> Iterator[Block]:
        """One block: a row for each line that is not blank."""
        text = self._text.text(piece)
        data, rejects = set_apart_invalid(text.data)
        span = count_lines(data)
        values, lines = split_lines(data, span)
        batch = pa.RecordBatch.from_arrays([values], schema=_SCHEMA)
        yield Block(batch, span, lines, rejects, text.size_bytes)

    def identity(self) -> Mapping[str, Any]:
        """The files and the unit."""
        return {"format": "lines", **self._text.identity()}

    def size_bytes(self) -> int | None:
        """The sizes of the files."""
        return self._text.size_bytes()


def split_lines(data: Bytes, count: int) -> tuple[Array, Numbers | None]:
    """Make `count` lines an Arrow array without the blank ones; with their numbers if some were."""
    values = new_bytes(len(data))
    offsets = np.zeros(count + 1, np.int32)
    lines = np.empty(count, np.int32)
    rows = _split(data.ctypes.data, data, values, offsets, lines)
    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(values.data)]
    array = pa.Array.from_buffers(pa.string(), rows, buffers)
    return array, None if rows == count else lines[:rows]


@inline
def _take(
    data: Bytes,
    start: int,
    end: int,
    values: Bytes,
    offsets: Numbers,
    lines: Numbers,
    line: int,
    row: int,
) -> int:
    if end > start and data[end - 1] == 13:
        end -= 1
    if end > start:
        at = offsets[row]
        copy_bytes(values, at, data, start, end - start)
        lines[row] = line
        row += 1
        offsets[row] = at + end - start
    return row


@kernel
def _split(address: int, data: Bytes, values: Bytes, offsets: Numbers, lines: Numbers) -> int:
    start = row = line = place = 0
    size = len(data)
    while place + 8 <= size:
        word = load8(address + place) ^ _NEWLINES
        hits = ~(((word & _LOW) + _LOW) | word | _LOW)
        while hits:
            end = place + low_byte(hits)
            row = _take(data, start, end, values, offsets, lines, line, row)
            line += 1
            start = end + 1
            hits &= hits - np.uint64(1)
        place += 8
    while place < size:
        if data[place] == 10:
            row = _take(data, start, place, values, offsets, lines, line, row)
            line += 1
            start = place + 1
        place += 1
    return _take(data, start, size, values, offsets, lines, line, row)
