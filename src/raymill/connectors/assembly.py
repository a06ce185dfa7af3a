"""Rows of text put together from constant bytes and columns of text cells, in compiled code.

Fastest on batches of at most `ROWS` rows (`cut` makes them): larger arrays are given back to the
operating system each time, which costs more than the work.

>>> names = Cells.of([b"a", b"bc"])
>>> assemble(2, [b"<", names, b">"]).to_bytes()
b'<a><bc>'
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill.arrow import Array
from raymill.compiled import kernel
from raymill.compiled.memory import copy_bytes

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Mask = NDArray[np.bool_]
ROWS = 8192


def cut(batch: pa.RecordBatch, rows: int = ROWS) -> Iterator[pa.RecordBatch]:
    """Give a batch in slices of at most `rows` rows."""
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


@dataclass(frozen=True, slots=True)
class Cells:
    """One column of text: row i is `text[starts[i]:stops[i]]`; rows may share text."""

    text: Bytes
    starts: Places
    stops: Places

    @staticmethod
    def of(texts: Sequence[bytes]) -> "Cells":
        """Make cells of single texts."""
        stops = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), dtype=np.int64)
        starts = np.concatenate((np.zeros(1, np.int64), stops))[: len(texts)]
        return Cells(as_bytes(b"".join(texts)), starts, stops)

    def take(self, rows: NDArray[np.integer]) -> "Cells":
        """Give the cells of these rows (a row number may repeat)."""
        return Cells(self.text, self.starts[rows], self.stops[rows])

    def where(self, mask: Mask, otherwise: bytes) -> "Cells":
        """Keep the cells where `mask` holds and put `otherwise` in place of the others."""
        size = len(self.text)
        return Cells(
            np.concatenate((self.text, as_bytes(otherwise))),
            np.where(mask, self.starts, size),
            np.where(mask, self.stops, size + len(otherwise)),
        )

    def replace(self, mask: Mask, others: "Cells") -> "Cells":
        """Put `others`, in order, in place of the cells where `mask` holds."""
        starts, stops = self.starts.copy(), self.stops.copy()
        starts[mask] = others.starts + len(self.text)
        stops[mask] = others.stops + len(self.text)
        return Cells(np.concatenate((self.text, others.text)), starts, stops)


def choose(mask: Mask, yes: bytes, no: bytes = b"") -> Cells:
    """Make cells that hold `yes` where `mask` holds, and `no` elsewhere."""
    size, end = len(yes), len(yes) + len(no)
    return Cells(
        as_bytes(yes + no),
        np.where(mask, np.int64(0), np.int64(size)),
        np.where(mask, np.int64(size), np.int64(end)),
    )


@dataclass(frozen=True, slots=True)
class Text:
    """Assembled rows: row i is `data[places[i]:places[i + 1]]`."""

    data: Bytes
    places: Places

    @staticmethod
    def of(array: Array) -> "Text":
        """See a column of strings without nulls as text."""
        _, places, data = array.buffers()
        offsets = np.frombuffer(cast(Any, places), np.int32, len(array) + 1, array.offset * 4)
        text = np.frombuffer(cast(Any, data or b""), np.uint8)
        return Text(text, offsets.astype(np.int64))

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return len(self.places) - 1

    def slice(self, offset: int, length: int) -> "Text":
        """Give `length` rows from row `offset` on, without copying."""
        return Text(self.data, self.places[offset : offset + length + 1])

    def view(self) -> Bytes:
        """Give the bytes of all rows, without copying."""
        return self.data[self.places[0] : self.places[-1]]

    def to_bytes(self) -> bytes:
        """Give the bytes of all rows."""
        return self.view().tobytes()

    def to_array(self) -> pa.StringArray:
        """Give the rows as a column of strings (under 2 GB in all)."""
        places = (self.places - self.places[0]).astype(np.int32)
        return pa.StringArray.from_buffers(
            self.num_rows, pa.py_buffer(places.data), pa.py_buffer(self.view().data)
        )


Part = bytes | Cells


def assemble(rows: int, parts: Sequence[Part]) -> Text:
    """Put rows together, each made of `parts` in order: constant bytes, or the row's own cell."""
    columns = [part for part in parts if isinstance(part, Cells)]
    starts = np.empty((len(columns), rows), np.int64)
    stops = np.empty((len(columns), rows), np.int64)
    for number, cells in enumerate(columns):
        starts[number], stops[number] = cells.starts, cells.stops
    texts = [as_bytes(part) if isinstance(part, bytes) else part.text for part in parts]
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    bases = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))[:-1]
    constant = np.fromiter((isinstance(part, bytes) for part in parts), np.bool_, len(parts))
    places = np.empty(rows + 1, np.int64)
    _measure(starts, stops, int(sizes[constant].sum()), places)
    data = np.empty(int(places[-1]), np.uint8)
    arena = np.concatenate(texts) if texts else data
    _fill(arena, constant, bases, sizes, starts, stops, data)
    return Text(data, places)


def join(texts: Sequence[Text]) -> Text:
    """Put pieces of text behind each other."""
    sizes = np.concatenate([np.diff(text.places) for text in texts])
    places = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
    return Text(np.concatenate([text.view() for text in texts]), places)


def as_bytes(text: bytes) -> Bytes:
    """See bytes as an array, without copying."""
    return np.frombuffer(text, np.uint8)


@kernel
def _measure(starts: Places, stops: Places, fixed: int, places: Places) -> None:
    total = 0
    places[0] = 0
    for row in range(starts.shape[1]):
        total += fixed
        for column in range(starts.shape[0]):
            total += stops[column, row] - starts[column, row]
        places[row + 1] = total


@kernel
def _fill(
    arena: Bytes,
    constant: Mask,
    bases: Places,
    sizes: Places,
    starts: Places,
    stops: Places,
    out: Bytes,
) -> None:
    at = 0
    for row in range(starts.shape[1]):
        column = 0
        for part in range(len(constant)):
            start = bases[part]
            size = sizes[part]
            if not constant[part]:
                start += starts[column, row]
                size = stops[column, row] - starts[column, row]
                column += 1
            copy_bytes(out, at, arena, start, size)
            at += size
