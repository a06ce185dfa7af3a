"""Columns put together as SenML texts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from raymill import arrow, json
from raymill.arrow import Array
from raymill.connectors.assembly import Mask, Part, assemble, choose, cut
from raymill.connectors.cells import (
    is_number,
    is_text,
    json_text,
    number_cells,
    numbers,
    valid,
)
from raymill.connectors.senml.library import read_number
from raymill.connectors.values import merged, plain_number
from raymill.errors import ConfigError, InputError, PipelineError
from raymill.flow import Answer, Fail, Kind, Outside, Port, Rows, Spec, State, Task, task

TIMES = ("timestamp", "ts")
_KEYS = ("v", "sv", "vb")
Shown: TypeAlias = bool | Mask


@dataclass(frozen=True, slots=True)
class Element:
    """One column: its name, the key of its value, its unit."""

    name: str
    key: str = "v"
    unit: str | None = None


@task(
    "csv_to_senml",
    properties={"PARSE.CSV_SCHEMA_WITH_ANNOTATEDFIELDS_FILEPATH": "schema_file"},
)
@dataclass(frozen=True)
class CsvToSenml(Task):
    """Put the fields of a record together as a SenML text, in `value`.

    RIoTBench's CsvToSenMLParse: `{"e":[{"n":name,"v":value,"u":unit},...],"bt":time}`, elements in
    the order of the columns, the time from the column `timestamp` (or `ts`). A field without a
    value is left out. `senml_parse` gives the input back.

    schema_file: three CSV lines as RIoTBench has them: names, units, and `v` (a number) or `sv` (a
        text) for each column. Without one, all columns of the input are elements: numbers `v`,
        truth values `vb`, texts `sv`, without units.
    columns: instead of a schema, `name:v` or `name:sv` for each column; learned unless given.
    numbers: `text` writes numbers and the time as JSON strings, as the original does; `number` as
        JSON numbers, as RFC 8428 does, and then a record with an infinite value or NaN fails.

    >>> CsvToSenml.declared.try_out([{"ts": 5, "light": 7.5}], columns=("ts:v", "light:v"))
    [{'ts': 5, 'light': 7.5, 'value': '{"e":[{"n":"light","v":"7.5"}],"bt":"5"}'}]
    """

    schema_file: Annotated[str | None, Outside("file")] = None
    columns: tuple[str, ...] = ()
    numbers: Literal["text", "number"] = "text"

    def learn(self, sample: pa.RecordBatch) -> "CsvToSenml":
        """Take all columns, unless a schema or columns were given. Raises PipelineError."""
        if self.schema_file or self.columns:
            return self
        return replace(self, columns=tuple(f"{c.name}:{_key(c)}" for c in sample.schema))

    @cached_property
    def elements(self) -> tuple[Element, ...]:
        """The columns. Raises ConfigError, InputError."""
        return (
            read_schema(self.schema_file) if self.schema_file else tuple(map(_listed, self.columns))
        )

    @cached_property
    def time(self) -> str | None:
        """The column of the time."""
        names = [element.name for element in self.elements]
        return next((name for name in TIMES if name in names), None)

    def spec(self) -> Spec:
        """Read the columns of the schema, add the text."""
        names = [element.name for element in self.elements]
        strict = self.numbers == "number"
        outcomes = (Fail("a number has no JSON form"),) if strict else ()
        return Spec(
            reads={name: Port(Kind.ANY, null=True) for name in names},
            adds=pa.schema([pa.field("value", pa.string())]),
            outcomes=outcomes,
        )

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Assemble the texts."""
        names = [element.name for element in self.elements]
        columns = [arrow.combine(rows[name]) for name in names]
        code = np.zeros(len(rows), np.uint8)
        for number, element in enumerate(self.elements):
            if self.numbers == "number" and element.name != self.time and element.key == "v":
                columns[number], bad = _as_numbers(columns[number])
                code[bad] = 1
        batch = pa.RecordBatch.from_arrays(columns, names=names)
        texts = [self._texts(part) for part in cut(batch)]
        value = pa.chunked_array(texts, pa.string())
        return Answer({"value": value}, code if code.any() else None)

    def _texts(self, batch: pa.RecordBatch) -> Array:
        parts: list[Part] = [b'{"e":[']
        before: Shown = False
        for element, column in zip(self.elements, batch.columns, strict=True):
            if element.name != self.time:
                here: Shown = valid(column) if column.null_count else True
                parts += _where(before & here, b",")
                parts += _cut_out(here, self._element(element, _plain(column)))
                before = before | here
        parts += [b"]", *self._time(batch), b"}"]
        return assemble(batch.num_rows, merged(parts)).to_array()

    def _element(self, element: Element, column: Array) -> list[Part]:
        unit = b"" if element.unit is None else b',"u":' + json.dumps(element.unit)
        key = "vb" if pt.is_boolean(column.type) else element.key
        head = b'{"n":' + json.dumps(element.name) + b"," + json.dumps(key) + b":"
        bare = key == "vb" or (key == "v" and self.numbers == "number")
        return [head, *_value(column, bare=bare), unit + b"}"]

    def _time(self, batch: pa.RecordBatch) -> list[Part]:
        if self.time is None:
            return []
        column = batch.column(self.time)
        if pt.is_temporal(column.type):
            column = arrow.cast(arrow.cast(column, pa.timestamp("ms"), safe=False), pa.int64())
        here: Shown = valid(column) if column.null_count else True
        bare = self.numbers == "number" and is_number(column.type)
        return _cut_out(here, [b',"bt":', *_value(_plain(column), bare=bare)])


def read_schema(path: str) -> tuple[Element, ...]:
    """Read a schema file: names, units and value keys as three CSV lines. Raises InputError."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Schema file `{path}` cannot be read: {error}") from error
    rows = [line.split(",") for line in lines if line.strip()]
    if len(rows) != 3 or len({len(row) for row in rows}) != 1:
        raise InputError(
            f"Schema file `{path}` has {len(rows)} lines of {[len(row) for row in rows]} cells",
            hint="write three lines of as many cells: names, units, and v or sv",
        )
    for key in rows[2]:
        if key.strip() not in _KEYS:
            raise InputError(f"Schema file `{path}` has the value key `{key}`", hint="v or sv")
    return tuple(Element(n.strip(), k.strip(), u) for n, u, k in zip(*rows, strict=True))


def _key(column: "pa.Field[Any]") -> str:
    kind = column.type
    if pt.is_dictionary(kind):
        kind = kind.value_type
    if pt.is_boolean(kind):
        return "vb"
    if is_number(kind) or pt.is_decimal(kind):
        return "v"
    if is_text(kind) or pt.is_temporal(kind) or pt.is_null(kind):
        return "sv"
    raise PipelineError(
        f"Column `{column.name}` of type {kind} is no SenML value",
        hint="name the columns to take with columns=",
    )


def _listed(text: str) -> Element:
    name, colon, key = text.rpartition(":")
    if not colon or key not in _KEYS:
        raise ConfigError(
            f"`{text}` is no column with its value key", hint="write name:v or name:sv"
        )
    return Element(name, key)


def _plain(column: Array) -> Array:
    """The column as text or numbers."""
    if is_text(column.type) or is_number(column.type):
        return column
    column = arrow.dictionary_decode(column)
    return column if is_number(column.type) else arrow.cast(column, pa.string())


def _value(column: Array, *, bare: bool) -> list[Part]:
    if is_text(column.type):
        return [b'"', json_text(column), b'"']
    return [number_cells(column)] if bare else [b'"', plain_number(column), b'"']


def _where(mask: Shown, text: bytes) -> list[Part]:
    if isinstance(mask, bool):
        return [text] if mask else []
    return [choose(mask, text)]


def _cut_out(here: Shown, parts: Sequence[Part]) -> list[Part]:
    """Leave out the rows that have no value."""
    if here is True:
        return [*parts]
    mask = np.asarray(here)
    return [
        choose(mask, part) if isinstance(part, bytes) else part.where(mask, b"") for part in parts
    ]


def _as_numbers(column: Array) -> tuple[Array, Mask]:
    """A column as numbers, and which rows have a value that is no finite number."""
    column = _plain(column)
    if is_text(column.type):
        column = _read_numbers(column)
    if not pt.is_floating(column.type):
        return column, np.zeros(len(column), np.bool_)
    return column, valid(column) & ~np.isfinite(numbers(column))


def _read_numbers(column: Array) -> Array:
    column = arrow.dictionary_decode(column)
    try:
        return arrow.cast(column, pa.float64())
    except pa.ArrowInvalid:
        return pa.array([_read_number(cell) for cell in column.to_pylist()], pa.float64())


def _read_number(text: str | None) -> float | None:
    try:
        return None if text is None else read_number(text)
    except ValueError:
        return math.nan
