"""JSON Lines: one object a record."""

from typing import Any

import pyarrow as pa

from raymill.connectors.assembly import Text, assemble
from raymill.connectors.text_sink import Compression, TextSink
from raymill.connectors.values import check, json_record, merged


class JsonlSink(TextSink):
    """Writes each record as a JSON object on a line of its own.

    Floats are the shortest text that reads back exactly; NaN and infinity, which JSON does not
    know, are null. Times are ISO 8601, with a zone in UTC as `Z`.
    """

    format = "jsonl"

    def __init__(
        self, path: str, *, compression: Compression | None = None, **options: Any
    ) -> None:
        super().__init__(path, compression, options)

    def prepare(self, schema: pa.Schema) -> pa.Schema:
        """Refuse columns that JSON cannot hold."""
        check(schema, self.format)
        return schema

    def text(self, batch: pa.RecordBatch) -> Text:
        """Put the objects together."""
        parts = json_record(batch.columns, batch.schema.names)
        return assemble(batch.num_rows, merged([*parts, b"\n"]))
