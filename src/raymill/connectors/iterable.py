"""Records of the same program: dictionaries, plain values, record batches or a table."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import json
from raymill.arrow import Array, cast
from raymill.connectors.carried import carried, carry
from raymill.connectors.columns import check_same, choose
from raymill.connectors.objects import infer, shown
from raymill.errors import InputError
from raymill.flow.source import Block, Piece, Reject

ROWS = 1 << 16
_SAMPLE = 1000
_TRUTHS = frozenset({bool, np.bool_})
_NUMBERS = (pa.int64(), pa.float64())
_MISFITS = (pa.ArrowException, TypeError, ValueError, OverflowError)


class IterableSource:
    """Dictionaries (a missing key is null), plain values as column `value`, or record batches.

    Columns and types are told by the first 1,000 records unless `schema` gives them. Records are
    handed on `rows` at a time. A list can be read again, a generator only once.
    """

    names: tuple[str, ...] = ("records",)

    def __init__(
        self, items: Iterable[Any], *, schema: pa.Schema | None = None, rows: int = 4096
    ) -> None:
        self._items: Iterable[Any] | None = _batches(items)
        self.resumable = iter(self._items) is not self._items
        self._rows = rows
        self._whole = schema
        self._columns: frozenset[str] | None = None
        self._form: str | None = None  # batches, objects, values

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_items": None}

    def schema(self) -> pa.Schema:
        """The columns; they are told by the first records."""
        return choose(self._known(), self._columns)

    def select(self, columns: frozenset[str] | None) -> "IterableSource":
        """Make only these columns."""
        choose(self._known(), columns)
        narrow = IterableSource(())
        narrow.__dict__.update(self.__dict__, _columns=columns)
        return narrow

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """The records in order; a generator can be asked only once. Raises InputError."""
        self._known()
        if self._items is None or (first and not self.resumable):
            raise InputError("A generator of records can be read only once", hint="give a list")
        items = self._items
        if not self.resumable:
            self._items = None
        blocks = self._slices(items) if self._form == "batches" else self._made(items)
        for number, block in enumerate(blocks):
            if number >= first:
                yield self._piece(block, number)

    def read(self, piece: Piece) -> Iterator[Block]:
        """One block: what the piece carries."""
        if isinstance(piece.data, pa.RecordBatch):
            yield Block(piece.data, piece.data.num_rows)
        else:
            yield carried(piece)

    def identity(self) -> Mapping[str, Any]:
        """Only the format: records in memory cannot be told from others."""
        return {"format": "iterable", "rows": self._rows}

    def size_bytes(self) -> int | None:
        """Unknown."""
        return None

    def _piece(self, block: Block, number: int) -> Piece:
        if block.rejects:
            return carry(block, number)
        return Piece(number, data=block.batch, size_bytes=block.batch.nbytes)

    def _known(self) -> pa.Schema:
        if self._form is None:
            assert self._items is not None
            items = iter(self._items)
            sample = list(islice(items, 1))
            if not (sample and isinstance(sample[0], pa.RecordBatch)):
                sample += islice(items, _SAMPLE - 1)
            if not self.resumable:
                self._items = chain(sample, items)
            self._form = _form(sample)
            if self._whole is None:
                self._whole = sample[0].schema if self._form == "batches" else _infer(sample)
        return self._whole or pa.schema([])

    def _slices(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Block]:
        known, chosen = self._known(), self.schema()
        for batch in batches:
            check_same(known, batch.schema, "the first batch", "a later batch")
            columns = [batch.column(name) for name in chosen.names]
            rows = pa.RecordBatch.from_arrays(columns, schema=chosen)
            for start in range(0, rows.num_rows, ROWS):
                part = rows.slice(start, ROWS)
                yield Block(part, part.num_rows)

    def _made(self, items: Iterable[Any]) -> Iterator[Block]:
        source = iter(items)
        while some := list(islice(source, self._rows)):
            yield self._block(some if self._form == "objects" else [{"value": v} for v in some])

    def _block(self, records: list[Any]) -> Block:
        schema, known = self.schema(), frozenset(self._known().names)
        try:
            if all(isinstance(r, Mapping) and r.keys() <= known for r in records):
                return Block(_batch(records, schema), len(records))
        except _MISFITS:
            pass
        good, rejects = [], []
        for line, record in enumerate(records):
            if reason := _problem(record, schema, known):
                rejects.append(Reject(line, reason, _text(record)))
            else:
                good.append(line)
        batch = _batch([records[line] for line in good], schema)
        return Block(batch, len(records), np.array(good, np.int32), tuple(rejects))


def _batches(items: Any) -> Iterable[Any]:
    if isinstance(items, pa.RecordBatch):
        return [items]
    if isinstance(items, pa.Table):
        return items.to_batches()
    if isinstance(items, str | bytes) or not isinstance(items, Iterable):
        raise InputError(f"A {type(items).__name__} is no source of records")
    return items


def _form(sample: list[Any]) -> str:
    if sample and isinstance(sample[0], pa.RecordBatch):
        return "batches"
    return "objects" if not sample or isinstance(sample[0], Mapping) else "values"


def _infer(sample: list[Any]) -> pa.Schema:
    objects = [one if isinstance(one, Mapping) else {"value": one} for one in sample]
    return pa.schema([_field(field, objects) for field in infer(objects)])


def _field(field: Any, objects: list[Mapping[str, Any]]) -> Any:
    """What JSON does not know (times, numpy numbers) has its Arrow type."""
    if field.type != pa.string():
        return field
    values = [one.get(field.name) for one in objects]
    try:
        kind = pa.array(values).type
    except _MISFITS:
        return field
    plain = not (pa.types.is_nested(kind) or pa.types.is_null(kind))
    return pa.field(field.name, kind) if plain else field


def _batch(records: list[Any], schema: pa.Schema) -> pa.RecordBatch:
    arrays = []
    for field in schema:
        values = [record.get(field.name) for record in records]
        if field.type == pa.string():
            values = [v if v is None or type(v) is str else _text(v) for v in values]
        arrays.append(_column(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _column(values: list[Any], kind: pa.DataType) -> Array:
    if kind not in _NUMBERS:
        return pa.array(values, kind)
    if not _TRUTHS.isdisjoint(map(type, values)):
        raise TypeError("a truth value is no number")
    made: Array = pa.array(values)  # told its type, Arrow would cut off what is behind the point
    if not (pa.types.is_integer(made.type) or pa.types.is_floating(made.type) or not made.type.id):
        raise TypeError(f"a {made.type} is no number")
    return cast(made, kind, safe=kind == pa.int64())


def _problem(record: Any, schema: pa.Schema, known: frozenset[str]) -> str | None:
    if not isinstance(record, Mapping):
        return f"{_text(record)} is no dictionary"
    if strange := [key for key in record if key not in known]:
        return f"unknown field `{strange[0]}`"
    for field in schema:
        try:
            _batch([record], pa.schema([field]))
        except _MISFITS:
            return f"column `{field.name}`: {shown(_plain(record[field.name]))} is no {field.type}"
    return None


def _plain(value: Any) -> Any:
    try:
        json.dumps(value)
    except TypeError:
        return repr(value)
    return value


def _text(value: Any) -> str:
    return json.dumps(_plain(value)).decode()
