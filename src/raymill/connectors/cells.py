"""Arrow columns as cells of text: numbers in their shortest exact form, text plain or escaped."""

from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from numpy.typing import NDArray

from raymill import json
from raymill.arrow import Array
from raymill.compiled import kernel
from raymill.connectors.assembly import Bytes, Cells, Mask, Places, as_bytes
from raymill.connectors.kinds import is_number as is_number
from raymill.connectors.kinds import is_text as is_text

_JSON = (0x20, b'"', b"\\", b"\\", b"\\")  # below this, or one of these
_CSV = (0, b'"', b",", b"\n", b"\r")
_LINE = (0, b"\n", b"\r", b"\n", b"\n")


def valid(array: Array) -> Mask:
    """Say which rows are not null."""
    return cast(Mask, array.is_valid().to_numpy(zero_copy_only=False))


def text_cells(array: Array) -> Cells:
    """Give the cells of a column of strings as they are; null is an empty cell."""
    if pt.is_dictionary(array.type):
        return taken(text_cells(dictionary_of(array)), array)
    array = _plain(array)
    _, offsets, data = array.buffers()
    if offsets is None or len(array) == 0:
        return Cells(as_bytes(b""), *np.zeros((2, len(array)), np.int64))
    width: Any = np.int32 if pt.is_string(array.type) else np.int64
    places = np.frombuffer(
        cast(Any, offsets), width, len(array) + 1, array.offset * width().itemsize
    )
    first, last = int(places[0]), int(places[-1])
    text = _bytes(data, first, last)
    starts, stops = places[:-1].astype(np.int64) - first, places[1:].astype(np.int64) - first
    if array.null_count:
        stops = np.where(valid(array), stops, starts)
    return Cells(text, starts, stops)


def _bytes(data: Any, first: int, last: int) -> Bytes:
    return np.frombuffer(data, np.uint8, last - first, first) if last > first else as_bytes(b"")


def _plain(array: Array) -> Array:
    simple = pt.is_string(array.type) or pt.is_large_string(array.type)
    return array if simple else array.cast(pa.large_string())


def told_nulls(array: Array) -> Array:
    """Give a column whose nulls are all known to itself: one in its dictionary is not."""
    if pt.is_dictionary(array.type) and dictionary_of(array).null_count:
        return cast(Array, cast(Any, array).dictionary_decode())
    return array


def dictionary_of(array: Any) -> Array:
    """Give the dictionary of a dictionary column."""
    return cast(Array, array.dictionary)


def taken(values: Cells, array: Any) -> Cells:
    """Give the cells of a dictionary column from those of its dictionary; null is an empty cell."""
    if array.null_count == 0:
        return values.take(numbers(array.indices))
    rows = numbers(array.indices.fill_null(0))
    if len(values.starts) == 0:
        return Cells(values.text, *np.zeros((2, len(array)), np.int64))
    return values.take(rows).where(valid(array), b"")


def numbers(array: Array) -> NDArray[Any]:
    """See a column of numbers as numpy values; what stands in null rows is undefined."""
    if pt.is_boolean(array.type):
        filled: NDArray[Any] = array.fill_null(False).to_numpy(zero_copy_only=False)
        return filled
    kind = np.dtype(array.type.to_pandas_dtype())
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array), kind)
    return np.frombuffer(cast(Any, data), kind, len(array), array.offset * kind.itemsize)


def number_cells(array: Array) -> Cells:
    """Give numbers as the shortest text that reads back exactly; null, NaN, infinity: `null`."""
    cells = printed(numbers(array))
    return cells.where(valid(array), b"null") if array.null_count else cells


def printed(values: NDArray[Any]) -> Cells:
    """Give numpy numbers as text; NaN and infinity are `null`."""
    text = as_bytes(json.dumps(values))
    starts, stops = np.empty((2, len(values)), np.int64)
    _split(text, starts, stops)
    return Cells(text, starts, stops)


def json_text(array: Array) -> Cells:
    """Give the cells of a column of strings escaped for JSON, without the quotes; null is empty."""
    if pt.is_dictionary(array.type):
        return taken(json_text(dictionary_of(array)), array)
    array = _plain(array)
    cells = text_cells(array)
    mask = _holding(cells, _JSON)
    if mask is None:
        return cells
    found = array.filter(pa.array(mask)).to_pylist()
    text = as_bytes(json.dumps(found))
    starts, stops = np.empty((2, len(found)), np.int64)
    _unquote(text, starts, stops)
    return cells.replace(mask, Cells(text, starts, stops))


def csv_text(array: Array) -> Cells:
    """Give the cells of a column of strings, quoted for CSV where needed; null is empty."""
    if pt.is_dictionary(array.type):
        return taken(csv_text(dictionary_of(array)), array)
    array = _plain(array)
    cells = text_cells(array)
    mask = _holding(cells, _CSV)
    if mask is not None:
        found = pc.replace_substring(array.filter(pa.array(mask)), '"', '""')
        quote = pa.scalar('"', found.type)
        quoted = pc.binary_join_element_wise(quote, found, quote, pa.scalar("", found.type))
        cells = cells.replace(mask, text_cells(quoted))
    filled = cells.starts < cells.stops
    if filled.all():
        return cells
    return cells.where(filled | ~valid(array), b'""')


def breaks_line(cells: Cells) -> int | None:
    """Give the first row that holds a line break, None where there is none."""
    mask = _holding(cells, _LINE)
    return None if mask is None else int(np.argmax(mask))


def _holding(cells: Cells, what: tuple[int, bytes, bytes, bytes, bytes]) -> Mask | None:
    below, a, b, c, d = what[0], ord(what[1]), ord(what[2]), ord(what[3]), ord(what[4])
    if not _any(cells.text, below, a, b, c, d):
        return None
    mask = np.zeros(len(cells.starts), np.bool_)
    _find(cells.text, cells.starts, cells.stops, below, a, b, c, d, mask)
    return mask if mask.any() else None


@kernel
def _any(text: Bytes, below: int, a: int, b: int, c: int, d: int) -> bool:
    found = False
    for sign in text:
        found |= (sign < below) | (sign == a) | (sign == b) | (sign == c) | (sign == d)
    return found


@kernel
def _find(
    text: Bytes,
    starts: Places,
    stops: Places,
    below: int,
    a: int,
    b: int,
    c: int,
    d: int,
    mask: Mask,
) -> None:
    for row in range(len(starts)):
        for at in range(starts[row], stops[row]):
            sign = text[at]
            if (sign < below) | (sign == a) | (sign == b) | (sign == c) | (sign == d):
                mask[row] = True
                break


@kernel
def _split(text: Bytes, starts: Places, stops: Places) -> None:
    row = 0
    start = 1
    for at in range(1, len(text)):
        if (text[at] == 44 or text[at] == 93) and row < len(starts):
            starts[row] = start
            stops[row] = at
            start = at + 1
            row += 1


@kernel
def _unquote(text: Bytes, starts: Places, stops: Places) -> None:
    at = 1
    for row in range(len(starts)):
        at += 1
        starts[row] = at
        while text[at] != 34:
            at += 2 if text[at] == 92 else 1
        stops[row] = at
        at += 2
