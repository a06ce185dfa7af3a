"""Arrow columns of any type as values of JSON or CSV."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from raymill import json
from raymill.arrow import Array
from raymill.connectors.assembly import Cells, Part, Text, assemble, choose
from raymill.connectors.cells import (
    csv_text,
    json_text,
    number_cells,
    numbers,
    printed,
    text_cells,
    told_nulls,
    valid,
)
from raymill.connectors.kinds import is_number, is_text
from raymill.errors import SinkError


def check(schema: pa.Schema, form: str) -> None:
    """Raise SinkError for a column whose type has no text form."""
    for field in schema:
        if not _printable(field.type):
            raise SinkError(
                f"Column `{field.name}` of type `{field.type}` cannot be written as `{form}`",
                hint="write parquet or arrow, or leave the column out",
            )


def _printable(kind: pa.DataType) -> bool:
    if pt.is_dictionary(kind):
        return _printable(kind.value_type)
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        return _printable(kind.value_type)
    if pt.is_struct(kind):
        return all(_printable(field.type) for field in kind)
    return is_number(kind) or is_text(kind) or pt.is_null(kind) or _is_cast(kind)


def _is_cast(kind: pa.DataType) -> bool:
    return bool(pt.is_temporal(kind) and not pt.is_interval(kind)) or pt.is_decimal(kind)


def json_value(array: Array) -> list[Part]:
    """Give the parts that write a column's values as JSON."""
    array = told_nulls(array)
    kind = array.type
    if is_text(kind):
        return _quoted(json_text(array), array)
    if is_number(kind):
        return [number_cells(array)]
    if pt.is_null(kind):
        return [b"null"]
    if pt.is_dictionary(kind):
        return json_value(cast(Any, array).dictionary_decode())
    if _is_cast(kind):
        return _quoted(text_cells(_cast(array)), array)
    if pt.is_struct(kind):
        return [_masked(_struct(array), array)]
    return [_masked(_list(array), array)]


def json_record(columns: Sequence[Array], names: Sequence[str]) -> list[Part]:
    """Give the parts that write rows as JSON objects."""
    parts: list[Part] = [b"{"]
    for number, (name, column) in enumerate(zip(names, columns, strict=True)):
        parts += [b"," if number else b"", json.dumps(name) + b":", *json_value(column)]
    return merged([*parts, b"}"])


def merged(parts: Sequence[Part]) -> list[Part]:
    """Join neighbouring constants."""
    result: list[Part] = []
    for part in parts:
        if isinstance(part, bytes) and result and isinstance(result[-1], bytes):
            result[-1] += part
        else:
            result.append(part)
    return result


def csv_value(array: Array) -> Cells:
    """Give a column's values as CSV cells: null is empty, an empty text is `""`."""
    array = told_nulls(array)
    kind = array.type
    if is_text(kind):
        return csv_text(array)
    if is_number(kind):
        return _empty(plain_number(array), array)
    if pt.is_null(kind):
        return Cells.of([b""] * len(array))
    if pt.is_dictionary(kind):
        return csv_value(cast(Any, array).dictionary_decode())
    if _is_cast(kind):
        return text_cells(_cast(array))
    return _empty(csv_text(assemble(len(array), json_value(array)).to_array()), array)


def plain_number(array: Array) -> Cells:
    """Give numbers as text, with `nan`, `inf` and `-inf`; what stands in null rows is undefined."""
    values = numbers(array)
    cells = printed(values)
    if values.dtype.kind != "f" or bool(np.isfinite(values).all()):
        return cells
    cells = cells.where(~np.isnan(values), b"nan").where(values != np.inf, b"inf")
    return cells.where(values != -np.inf, b"-inf")


def _empty(cells: Cells, array: Array) -> Cells:
    return cells.where(valid(array), b"") if array.null_count else cells


def _quoted(cells: Cells, array: Array) -> list[Part]:
    if array.null_count == 0:
        return [b'"', cells, b'"']
    mask = valid(array)
    quote = choose(mask, b'"')
    return [quote, cells.where(mask, b"null"), quote]


def _masked(cells: Cells, array: Array) -> Cells:
    return cells.where(valid(array), b"null") if array.null_count else cells


def _cast(array: Array) -> Array:
    kind = array.type
    if not pt.is_timestamp(kind):
        return array.cast(pa.string())
    if kind.tz is not None:
        array = array.cast(pa.timestamp(kind.unit, "UTC"))
    text = array.cast(pa.string())
    return pc.replace_substring(text, " ", "T", max_replacements=1)


def _struct(array: Any) -> Cells:
    names = [field.name for field in array.type]
    columns = [array.field(number) for number in range(len(names))]
    return _cells(assemble(len(array), json_record(columns, names)))


def _list(array: Any) -> Cells:
    if pt.is_fixed_size_list(array.type):
        size = array.type.list_size
        child = array.values.slice(array.offset * size, len(array) * size)
        places = np.arange(len(array) + 1, dtype=np.int64) * size
    else:
        places = numbers(array.offsets).astype(np.int64)
        child = array.values.slice(places[0], places[-1] - places[0])
        places -= places[0]
    items = _items(child)
    empty = places[:-1] == places[1:]
    first, last = np.append(items.starts, 0)[places[:-1]], np.append(0, items.stops)[places[1:]]
    inner = Cells(items.text, np.where(empty, 0, first), np.where(empty, 0, last))
    return _cells(assemble(len(array), [b"[", inner, b"]"]))


def _items(child: Array) -> Cells:
    """Give the items so that the text from the first of a list to its last has commas between."""
    if is_number(child.type) and child.null_count == 0:
        return printed(numbers(child))
    text = assemble(len(child), [*json_value(child), b","])
    return Cells(text.data, text.places[:-1], text.places[1:] - 1)


def _cells(text: Text) -> Cells:
    return Cells(text.data, text.places[:-1], text.places[1:])
