"""SenML-CSV, the wire form of RIoTBench's streams: `epoch_ms,{"e":[...],"bt":epoch_ms}`."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from raymill import json
from raymill.arrow import Array
from raymill.connectors.assembly import Mask, Part, Text, assemble, choose
from raymill.connectors.cells import (
    breaks_line,
    json_text,
    number_cells,
    numbers,
    text_cells,
    told_nulls,
    valid,
)
from raymill.connectors.kinds import is_number, is_text
from raymill.connectors.text_sink import Compression, TextSink
from raymill.connectors.values import merged
from raymill.errors import SinkError, unknown

RAW = "senml"


class SenmlCsvSink(TextSink):
    """Writes each record as its time (column `ts`, or the option `time`) and a SenML object.

    A column `senml` holds the object's text and is written as it is. Without one, every other
    column becomes an element: numbers as `v`, text as `sv`, booleans as `vb`; null, NaN and
    infinity are left out.
    """

    format = "senml-csv"

    def __init__(
        self,
        path: str,
        *,
        time: str = "ts",
        compression: Compression | None = None,
        **options: Any,
    ) -> None:
        super().__init__(path, compression, options, time=time)
        self.time = time

    def prepare(self, schema: pa.Schema) -> pa.Schema:
        """Find the time and see that the other columns are numbers or text."""
        if self.time not in schema.names:
            raise unknown("time column", self.time, schema.names)
        if not pt.is_integer(schema.field(self.time).type):
            kind = schema.field(self.time).type
            raise SinkError(
                f"The time column `{self.time}` is `{kind}`, not whole milliseconds",
                hint="name an integer column of epoch milliseconds with the option time=",
            )
        for field in () if _is_raw(schema) else schema:
            if not (is_number(field.type) or is_text(field.type)):
                raise SinkError(
                    f"Column `{field.name}` of type `{field.type}` is no SenML value",
                    hint="write jsonl, or leave the column out",
                )
        return schema

    def text(self, batch: pa.RecordBatch) -> Text:
        """Put the lines together."""
        moment = batch.column(self.time)
        if moment.null_count:
            raise SinkError(
                f"A record has no time: column `{self.time}` is null",
                hint="filter such records out, or write jsonl",
            )
        time = number_cells(moment)
        body = self._raw(batch) if _is_raw(batch.schema) else self._elements(batch, time)
        return assemble(batch.num_rows, merged([time, b",", *body, b"\n"]))

    def _raw(self, batch: pa.RecordBatch) -> list[Part]:
        column = batch.column(RAW)
        if column.null_count:
            raise SinkError(
                f"A record has no text: column `{RAW}` is null",
                hint="filter such records out, or write jsonl",
            )
        cells = text_cells(column)
        if (row := breaks_line(cells)) is not None:
            raise self.breaks_line(RAW, column[row].as_py())
        return [cells]

    def _elements(self, batch: pa.RecordBatch, time: Part) -> list[Part]:
        parts: list[Part] = [b'{"e":[']
        before = None  # rows that have an element already
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name != self.time:
                column = told_nulls(column)
                here = _present(column)
                parts += [*_comma(before, here), *_element(name, column, here)]
                before = here if before is None else before | here
        return [*parts, b'],"bt":', time, b"}"]


def _is_raw(schema: pa.Schema) -> bool:
    return RAW in schema.names and is_text(schema.field(RAW).type)


def _present(column: Array) -> Mask:
    present = valid(column)
    return present & np.isfinite(numbers(column)) if pt.is_floating(column.type) else present


def _comma(before: Mask | None, here: Mask) -> list[Part]:
    if before is None:
        return []
    return [b","] if bool(before.all() and here.all()) else [choose(before & here, b",")]


def _element(name: str, column: Array, here: Mask) -> list[Part]:
    head = b'{"n":' + json.dumps(name)
    if is_number(column.type):
        key = b',"vb":' if pt.is_boolean(column.type) else b',"v":'
        start, cells, stop = head + key, number_cells(column), b"}"
    else:
        start, cells, stop = head + b',"sv":"', json_text(column), b'"}'
    if bool(here.all()):
        return [start, cells, stop]
    return [choose(here, start), cells.where(here, b""), choose(here, stop)]
