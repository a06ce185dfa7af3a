"""CSV as RFC 4180 has it, with a header line."""

from typing import Any

import pyarrow as pa

from raymill.connectors.assembly import Part, Text, assemble, choose
from raymill.connectors.cells import csv_text, valid
from raymill.connectors.text_sink import Compression, TextSink
from raymill.connectors.values import check, csv_value


class CsvSink(TextSink):
    """Writes a header line and a line for each record; null is an empty cell, empty text is `""`.

    Cells with commas, quotes or line breaks are quoted. Numbers are the shortest text that reads
    back exactly, with `nan`, `inf` and `-inf`; lists are JSON. With one column alone null is `""`
    too, as a blank line is no record.
    """

    format = "csv"

    def __init__(
        self,
        path: str,
        *,
        header: bool = True,
        compression: Compression | None = None,
        **options: Any,
    ) -> None:
        super().__init__(path, compression, options, header=header)

    def prepare(self, schema: pa.Schema) -> pa.Schema:
        """Refuse columns that CSV cannot hold."""
        check(schema, self.format)
        return schema

    def head(self) -> bytes:
        """The names of the columns."""
        if not self.options["header"]:
            return b""
        names = csv_text(pa.array(self.schema.names, pa.string()))
        cells = zip(names.starts, names.stops, strict=True)
        return b",".join(names.text[start:stop].tobytes() for start, stop in cells) + b"\n"

    def text(self, batch: pa.RecordBatch) -> Text:
        """Put the lines together."""
        parts: list[Part] = []
        for column in batch.columns:
            parts += [csv_value(column), b","]
        if len(parts) == 2 and batch.column(0).null_count:
            parts.insert(0, choose(~valid(batch.column(0)), b'""'))
        return assemble(batch.num_rows, [*parts[:-1], b"\n"])
