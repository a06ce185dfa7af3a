"""From the bytes of CSV records to rows, and to rejects for the records that are not sound."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill.arrow import Array, combine, keep_rows
from raymill.connectors.csv_records import OPEN_QUOTE, Records, find_records
from raymill.connectors.csv_types import INTEGER, convert
from raymill.connectors.text import NOTHING, Bytes, count_lines, invalid_utf8, is_utf8
from raymill.flow.source import Block, Reject

NOT_CLOSED = "a quote is not closed"
_QUOTE, _RETURN, _NEWLINE = 34, 13, 10
_SHOWN = 60

Cells = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Form:
    """What CSV records look like, and which of their columns are made."""

    names: tuple[str, ...]
    delimiter: str
    multiline: bool
    chosen: pa.Schema

    def records(self, data: Bytes) -> Records:
        """Find the records in a text."""
        return find_records(data, self.delimiter, multiline=self.multiline)


def read_block(data: Bytes, form: Form) -> Block:
    """Read whole records: rows of those that are sound, rejects of the others."""
    return _read_plain(data, form) or _read_odd(data, form)


def _read_plain(data: Bytes, form: Form) -> Block | None:
    """The common case: no quotes, no blank lines, every record sound. None if it is not so."""
    if not len(data) or (data == _QUOTE).any() or _stray_return(data) or not is_utf8(data):
        return None
    span = count_lines(data)
    try:
        cells = _cells(data, form)
    except pa.ArrowInvalid:
        return None
    batch, misfits = _convert(cells, form.chosen)
    return Block(batch, span) if batch.num_rows == span and not misfits else None


def _stray_return(data: Bytes) -> bool:
    returns = np.flatnonzero(data == _RETURN)
    if not len(returns):
        return False
    return bool(returns[-1] + 1 == len(data) or (data[returns + 1] != _NEWLINE).any())


def _read_odd(data: Bytes, form: Form) -> Block:
    records = form.records(data)
    good, rejects = sound(data, records, form)
    lines = records.lines[good]
    batch, misfits = _convert(sound_cells(data, records, good, form), form.chosen)
    if misfits:
        fit = np.ones(len(lines), bool)
        fit[list(misfits)] = False
        rejects += _misfit_rejects(data, records, np.flatnonzero(good), misfits)
        batch, lines = keep_rows(batch, fit), lines[fit]
    rejects.sort(key=lambda reject: reject.line)
    return Block(batch, count_lines(data), lines.astype(np.int32), tuple(rejects))


def sound(data: Bytes, records: Records, form: Form) -> tuple[NDArray[np.bool_], list[Reject]]:
    """Which records have the right form, and rejects of the others."""
    good = (records.fields == len(form.names)) & (records.faults == 0)
    rejects = []
    for row in np.flatnonzero(~good).tolist() if is_utf8(data) else range(len(records)):
        raw, line = records.raw(data, row), int(records.lines[row])
        reject = invalid_utf8(raw, line)
        if reject is None and not good[row]:
            reject = Reject(line, _fault(records, row, form), raw.decode())
        if reject is not None:
            good[row] = False
            rejects.append(reject)
    return good, rejects


def _fault(records: Records, row: int, form: Form) -> str:
    if records.faults[row] & OPEN_QUOTE:
        return NOT_CLOSED
    if records.faults[row]:
        return "a carriage return inside of a record"
    return f"{records.fields[row]} columns instead of {len(form.names)}"


def sound_cells(data: Bytes, records: Records, good: NDArray[np.bool_], form: Form) -> Cells:
    """The cells of the good records, as text."""
    if not good.any():
        return _cells(NOTHING, form)
    if good.all():
        return _cells(data, form)
    change = np.zeros(len(data) + 1, np.int8)
    np.add.at(change, records.starts[good], 1)
    np.subtract.at(change, records.ends[good], 1)
    return _cells(data[np.cumsum(change[:-1], dtype=np.int8).astype(bool)], form)


def _cells(data: Bytes, form: Form) -> Cells:
    """Cut sound records into cells of text, null where empty. Raises ArrowInvalid."""
    from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

    wanted = form.chosen.names
    if not len(data):
        return {name: pa.array([], pa.string()) for name in wanted}
    source: Any = pa.BufferReader(pa.py_buffer(data.data))
    table = read_csv(
        source,
        read_options=ReadOptions(
            use_threads=False, block_size=len(data) + 1, column_names=list(form.names)
        ),
        parse_options=ParseOptions(delimiter=form.delimiter, newlines_in_values=True),
        convert_options=ConvertOptions(
            check_utf8=False,
            column_types={name: pa.string() for name in form.names},
            null_values=[""],
            strings_can_be_null=True,
            include_columns=wanted,
        ),
    )
    return {name: combine(table[name]) for name in wanted}


def _convert(cells: Cells, schema: pa.Schema) -> tuple[pa.RecordBatch, dict[int, str]]:
    """Columns of their types, and for each row with a cell that does not fit the reason."""
    arrays: list[Array] = []
    misfits: dict[int, str] = {}
    for field in schema:
        array, rows = convert(cells[field.name], field.type)
        arrays.append(array)
        for row in rows:
            misfits.setdefault(row, _misfit(field, cells[field.name][row].as_py()))
    return pa.RecordBatch.from_arrays(arrays, schema=schema), misfits


def _misfit(field: "pa.Field[Any]", text: str) -> str:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    kind = "whole number (int64)" if field.type.equals(INTEGER) else "number"
    return f"column `{field.name}`: `{shown}` is no {kind}"


def _misfit_rejects(
    data: Bytes, records: Records, rows: NDArray[np.int64], misfits: Mapping[int, str]
) -> Iterator[Reject]:
    for at, reason in misfits.items():
        row = int(rows[at])
        yield Reject(int(records.lines[row]), reason, records.raw(data, row).decode())


def shift(block: Block, above: int, size_bytes: int) -> Block:
    """The block with `above` lines before it, standing for so many bytes of input."""
    if not above:
        return Block(block.batch, block.span, block.lines, block.rejects, size_bytes)
    lines = np.arange(block.batch.num_rows, dtype=np.int32) if block.lines is None else block.lines
    rejects = tuple(Reject(r.line + above, r.reason, r.text) for r in block.rejects)
    return Block(block.batch, block.span + above, lines + np.int32(above), rejects, size_bytes)


def infer_sample(data: Bytes, form: Form) -> Sequence[Array]:
    """The cells of the sound records of a sample, column by column."""
    records = form.records(data)
    good, _ = sound(data, records, form)
    cells = sound_cells(data, records, good, form)
    return [cells[name] for name in form.names]
