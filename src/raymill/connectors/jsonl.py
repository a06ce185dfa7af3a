"""JSON lines: one object a line; columns are those of the first megabyte."""

import re
from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from raymill.arrow import any_true, combine, invert, is_finite
from raymill.connectors.columns import choose
from raymill.connectors.csv_types import named_type
from raymill.connectors.objects import Columns, infer, parse
from raymill.connectors.text import UNIT, Bytes, count_lines, open_text, set_apart_invalid
from raymill.errors import unknown as unknown_name
from raymill.flow.source import Block, Piece, Reject

_NEWLINE, _RETURN, _OPEN, _CLOSE = 10, 13, ord("{"), ord("}")
_PEEK = 1 << 16
_NO_JSON = re.compile(rb"[:,\[]\s*-?(?:NaN|Inf)")


class JsonLinesSource:
    """The objects of JSON lines files or of standard input.

    Columns and types are told by the first megabyte (and the beginnings of further files): whole
    numbers are int64, or double where another number is among them; `types` fixes a column
    (`int64`, `double`, `string`). Lists of numbers are list columns; objects and other lists are
    kept as JSON text. An object with a field that came later than the sample is rejected, or loses
    that field with `unknown="drop"`; one whose value does not fit its column is rejected.
    """

    def __init__(
        self,
        paths: tuple[str, ...],
        *,
        unknown: Literal["reject", "drop"] = "reject",
        types: Mapping[str, str] | None = None,
        unit: int = UNIT,
    ) -> None:
        if unknown not in ("reject", "drop"):
            raise unknown_name("value of `unknown`", unknown, ("reject", "drop"))
        self._text = open_text(paths, unit=unit)
        self.names = self._text.names
        self.resumable = self._text.resumable
        self._drop = unknown == "drop"
        self._types = {name: named_type(kind) for name, kind in (types or {}).items()}
        self._whole: pa.Schema | None = None
        self._columns: frozenset[str] | None = None

    def schema(self) -> pa.Schema:
        """The columns; they are told by the first megabyte."""
        return choose(self._known(), self._columns)

    def select(self, columns: frozenset[str] | None) -> "JsonLinesSource":
        """Make only these columns."""
        choose(self._known(), columns)
        narrow = copy(self)
        narrow._columns = columns
        return narrow

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """The pieces in order."""
        self._known()
        return self._text.pieces(first)

    def read(self, piece: Piece) -> Iterator[Block]:
        """One block: the objects whose lines start in the piece."""
        text = self._text.text(piece)
        data, rejects = set_apart_invalid(text.data)
        span = count_lines(data)
        batch = self._read_plain(data, span)
        if batch is not None:
            yield Block(batch, span, None, rejects, text.size_bytes)
        else:
            yield self._read_odd(data, span, rejects, text.size_bytes)

    def identity(self) -> Mapping[str, Any]:
        """The files, the unit and the options."""
        return {
            "format": "jsonl",
            **self._text.identity(),
            "unknown": "drop" if self._drop else "reject",
            "types": {name: str(kind) for name, kind in self._types.items()},
        }

    def size_bytes(self) -> int | None:
        """The sizes of the files."""
        return self._text.size_bytes()

    def _known(self) -> pa.Schema:
        if self._whole is None:
            fields = {field.name: field.type for field in infer(self._sample())}
            for name in self._types:
                if name not in fields:
                    raise unknown_name("column", name, fields)
            self._whole = pa.schema(list((fields | self._types).items()))
        return self._whole

    def _sample(self) -> Iterator[dict[str, Any]]:
        found = False
        for file in range(len(self.names)):
            head = self._text.head(file, _PEEK) if found else self._text.head(file)
            for line in head.data.tobytes().split(b"\n"):
                if line.strip() and isinstance(record := _parse_or_none(line), dict):
                    found = True
                    yield record

    def _read_plain(self, data: Bytes, span: int) -> pa.RecordBatch | None:
        """The common case: each line is an object that fits. None if it is not so."""
        from pyarrow.json import ParseOptions, ReadOptions, read_json

        known, chosen = self._known(), self.schema()
        if not len(known) or not _are_objects(data) or (self._drop and _may_be_odd(data)):
            return None
        source: Any = pa.BufferReader(pa.py_buffer(data.data))
        try:
            table = read_json(
                source,
                read_options=ReadOptions(use_threads=False, block_size=len(data) + 1),
                parse_options=ParseOptions(
                    explicit_schema=chosen if self._drop else known,
                    unexpected_field_behavior="ignore" if self._drop else "error",
                ),
            )
        except pa.ArrowInvalid:
            return None
        if table.num_rows != span or not all(_is_finite(combine(c)) for c in table.columns):
            return None
        columns = [combine(table[name]) for name in chosen.names]
        return pa.RecordBatch.from_arrays(columns, schema=chosen)

    def _read_odd(self, data: Bytes, span: int, invalid: tuple[Reject, ...], size: int) -> Block:
        """Any text, line by line."""
        columns = Columns(self._known().names, self.schema(), drop_unknown=self._drop)
        lines, rejects = [], list(invalid)
        for number, line in enumerate(data.tobytes().split(b"\n")):
            if not line.strip():
                continue
            reason = _add(columns, line)
            if reason is None:
                lines.append(number)
            else:
                rejects.append(Reject(number, reason, line.removesuffix(b"\r").decode()))
        rejects.sort(key=lambda reject: reject.line)
        return Block(columns.batch(), span, np.array(lines, np.int32), tuple(rejects), size)


def _parse_or_none(line: bytes) -> Any:
    try:
        return parse(line)
    except ValueError:
        return None


def _add(columns: Columns, line: bytes) -> str | None:
    try:
        return columns.add(parse(line))
    except ValueError as error:
        return f"no JSON: {error}"


def _are_objects(data: Bytes) -> bool:
    """Whether each line is one object or several: then as many rows as lines are one a line."""
    if not len(data):
        return False
    ends = np.flatnonzero(data == _NEWLINE)
    if data[-1] != _NEWLINE:
        ends = np.append(ends, len(data))
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
    last = data[np.maximum(ends - 1, 0)]
    if (last == _RETURN).any():
        last = np.where(last == _RETURN, data[np.maximum(ends - 2, 0)], last)
    return bool((data[starts] == _OPEN).all() and (last == _CLOSE).all())


def _may_be_odd(data: Bytes) -> bool:
    """Whether there may be a NaN or Inf, which Arrow passes over in fields that are dropped."""
    text = data.tobytes()
    return (b"NaN" in text or b"Inf" in text) and _NO_JSON.search(text) is not None


def _is_finite(column: "pa.Array[Any]") -> bool:
    if pa.types.is_list(column.type):
        return _is_finite(column.values)  # type: ignore[attr-defined]
    return not pa.types.is_floating(column.type) or not any_true(invert(is_finite(column)))
