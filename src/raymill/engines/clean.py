"""Clean input: what a port reads from a column, and which rows it cannot be read from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Array
from raymill.compiled import kernel
from raymill.engines.hashing import hash_texts
from raymill.engines.keys import as_text
from raymill.flow.column_task import Column, Kind, Port


@kernel
def _all_finite(values: Any) -> bool:
    total = 0.0
    for i in range(len(values)):
        total += values[i] * 0.0  # NaN and infinity stay NaN
    return total == 0.0


@dataclass(slots=True)
class Asked:
    """The rows that a task is asked about: clean columns of the good rows, and why the others are
    bad."""

    columns: dict[str, Column]
    count: int  # of good rows
    good: NDArray[np.int64] | None = None  # their numbers; None: all
    bad: dict[int, str] = field(default_factory=dict)  # row -> reason

    def drop(self, rows: NDArray[np.int64], reason: str) -> None:
        """Take more rows out, given by their numbers in the batch."""
        kept = np.arange(self.count) if self.good is None else self.good
        stay = np.flatnonzero(~np.isin(kept, rows))
        self.bad |= dict.fromkeys(rows.tolist(), reason)
        self.columns = {name: gather(column, stay) for name, column in self.columns.items()}
        self.good, self.count = kept[stay], len(stay)


def gather(column: Column, rows: NDArray[np.int64]) -> Column:
    """The cells of these rows."""
    if isinstance(column, np.ndarray):
        taken = column[rows]
        taken.flags.writeable = False
        return taken
    return arrow.take(column, rows)


def clean(batch: pa.RecordBatch, ports: Mapping[str, str], reads: Mapping[str, Port]) -> Asked:
    """Read every bound port from a batch; rows that a port cannot be read from are set aside."""
    columns: dict[str, Column] = {}
    bad: dict[int, str] = {}
    for name, column in ports.items():
        read = _READ[reads[name].kind]
        columns[name], wrong = read(_told(batch.column(column)), column, reads[name].null)
        for row, reason in wrong.items():
            bad.setdefault(row, reason)
    if not bad:
        return Asked(columns, batch.num_rows)
    mask = np.ones(batch.num_rows, np.bool_)
    mask[list(bad)] = False
    good = np.flatnonzero(mask)
    return Asked({n: gather(c, good) for n, c in columns.items()}, len(good), good, bad)


Wrong = dict[int, str]


def _told(column: Array) -> Array:
    """A column whose nulls can be counted: a dictionary may have a null of its own."""
    if pa.types.is_dictionary(column.type) and column.dictionary.null_count:  # type: ignore[attr-defined]
        return arrow.dictionary_decode(column)
    return column


def _number(column: Array, name: str, null: bool) -> tuple[Column, Wrong]:
    values, wrong = _as_floats(column, name)
    nulls = column.null_count > 0
    if null:
        return _frozen(values), {}  # what is no number is NaN
    if not nulls and not wrong and _all_finite(values):
        return _frozen(values), wrong
    missing = arrow.to_numpy(arrow.is_null(column)) if nulls else None
    for row in np.flatnonzero(~np.isfinite(values)).tolist():
        if missing is not None and missing[row]:
            wrong[row] = f"`{name}` is null"
        elif row not in wrong:
            wrong[row] = f"`{name}` is {'NaN' if math.isnan(values[row]) else 'infinite'}"
    return _frozen(values), wrong


def _as_floats(column: Array, name: str) -> tuple[NDArray[np.float64], Wrong]:
    """A column as float64; null is NaN. Text that is no number is NaN, and named."""
    if pa.types.is_dictionary(column.type):
        known, wrong = _as_floats(column.dictionary, name)  # type: ignore[attr-defined]
        return _spread(column, known, wrong)
    if not _is_text(column.type):
        kind = column.type
        if not pa.types.is_float64(kind):
            column = arrow.cast(column, pa.float64(), safe=False)
        return arrow.to_numpy(column), {}
    try:
        values = arrow.to_numpy(arrow.cast(column, pa.float64()))
    except pa.ArrowInvalid:
        return _each(column.to_pylist(), name, float, "number")
    if _all_finite(values):
        return values, {}
    return _each(column.to_pylist(), name, float, "number")  # Arrow's NaN has more spellings


def _spread(column: Any, known: NDArray[Any], wrong: Wrong) -> tuple[NDArray[Any], Wrong]:
    """From the cells of a dictionary to the rows that use them."""
    indices = column.indices
    places = arrow.to_numpy(arrow.fill_null(indices, len(known)))
    values = np.append(known, known.dtype.type(0 if known.dtype.kind in "iu" else np.nan))[places]
    if not wrong:
        return values, {}
    rows = np.flatnonzero(np.isin(places, list(wrong)))
    return values, {int(row): wrong[int(places[row])] for row in rows}


def _each(cells: list[Any], name: str, read: Any, noun: str) -> tuple[NDArray[Any], Wrong]:
    values = np.empty(len(cells), np.float64 if read is float else np.int64)
    wrong: Wrong = {}
    for i, cell in enumerate(cells):
        try:
            values[i] = read(cell) if cell is not None else (math.nan if read is float else 0)
        except (ValueError, OverflowError, TypeError):
            values[i] = math.nan if read is float else 0
            wrong[i] = f"`{name}` is not a{'n' if noun[0] in 'ai' else ''} {noun}"
    return values, wrong


def _whole(column: Array, name: str, null: bool) -> tuple[Column, Wrong]:
    values, wrong = _as_integers(column, name, int, "integer")
    return _frozen(values), _without_nulls(column, name, wrong)


def _time(column: Array, name: str, null: bool) -> tuple[Column, Wrong]:
    """Times are epoch milliseconds; timestamps and ISO 8601 text become them."""
    if pa.types.is_temporal(column.type):
        column = arrow.cast(arrow.cast(column, pa.timestamp("ms"), safe=False), pa.int64())
    values, wrong = _as_integers(column, name, _milliseconds, "time")
    return _frozen(values), _without_nulls(column, name, wrong)


def _milliseconds(text: Any) -> int:
    from datetime import UTC, datetime

    try:
        return int(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _as_integers(column: Array, name: str, read: Any, noun: str) -> tuple[NDArray[np.int64], Wrong]:
    if pa.types.is_dictionary(column.type):
        known, wrong = _as_integers(column.dictionary, name, read, noun)  # type: ignore[attr-defined]
        return _spread(column, known, wrong)
    if column.null_count and not _is_text(column.type):
        column = arrow.fill_null(column, 0)
    try:
        if not _is_text(column.type) or (column.null_count == 0 and not _may_be_hex(column)):
            return arrow.to_numpy(arrow.cast(column, pa.int64())), {}
    except pa.ArrowInvalid:
        pass
    cells: list[Any] = column.to_pylist()
    if pa.types.is_floating(column.type):
        cells = [cell if cell == cell // 1 else "" for cell in cells]
    return _each(cells, name, read, noun)


def _may_be_hex(texts: Array) -> bool:
    """Arrow reads 0x1F as an integer, and Python does not."""
    data = texts.buffers()[2]
    return data is not None and b"x" in data.to_pybytes().lower()


def _without_nulls(column: Array, name: str, wrong: Wrong) -> Wrong:
    if column.null_count:
        for row in np.flatnonzero(arrow.to_numpy(arrow.is_null(column))).tolist():
            wrong[row] = f"`{name}` is null"
    return wrong


def _text(column: Array, name: str, null: bool) -> tuple[Column, Wrong]:
    texts = arrow.dictionary_decode(as_text(column))
    return texts, {} if null else _without_nulls(texts, name, {})


def _hash(column: Array, name: str, null: bool) -> tuple[Column, Wrong]:
    texts = as_text(column)
    return _frozen(hash_texts(texts)), _without_nulls(column, name, {})


def _any(column: Array, name: str, null: bool) -> tuple[Column, Wrong]:
    return column, {} if null else _without_nulls(column, name, {})


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)


def _frozen(values: NDArray[Any]) -> NDArray[Any]:
    """A contiguous array that nobody writes to, so that compiled loops see one type."""
    found = np.ascontiguousarray(values)
    if found.flags.writeable:
        found = found.view()
        found.flags.writeable = False
    return found


_READ = {
    Kind.NUMBER: _number,
    Kind.INTEGER: _whole,
    Kind.TIME: _time,
    Kind.TEXT: _text,
    Kind.HASH: _hash,
    Kind.ANY: _any,
}
