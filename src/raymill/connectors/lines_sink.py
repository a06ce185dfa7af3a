"""Plain lines: the text of one column."""

from typing import Any

import pyarrow as pa

from raymill.connectors.assembly import Text, assemble
from raymill.connectors.cells import breaks_line, text_cells
from raymill.connectors.kinds import is_text
from raymill.connectors.text_sink import Compression, TextSink
from raymill.connectors.values import check, csv_value
from raymill.errors import SinkError, unknown


class LinesSink(TextSink):
    """Writes one column, a line for each record: `column`, else `value`, else the only one.

    Numbers are the shortest text that reads back exactly; null is a blank line. Text with a line
    break in it is an error: it would become two records.
    """

    format = "lines"

    def __init__(
        self,
        path: str,
        *,
        column: str | None = None,
        compression: Compression | None = None,
        **options: Any,
    ) -> None:
        super().__init__(path, compression, options, column=column)
        self.column = column or "value"

    def prepare(self, schema: pa.Schema) -> pa.Schema:
        """Find the column."""
        self.column = self._find(schema.names)
        chosen = pa.schema([schema.field(self.column)])
        check(chosen, self.format)
        return chosen

    def _find(self, names: list[str]) -> str:
        wanted: str | None = self.options["column"]
        if wanted is not None and wanted not in names:
            raise unknown("column", wanted, names)
        if wanted is None and "value" not in names and len(names) != 1:
            raise SinkError(
                f"`lines` holds one column, and there are: {', '.join(names)}",
                hint="name one with the option column=, or write jsonl or csv",
            )
        return wanted or ("value" if "value" in names else names[0])

    def text(self, batch: pa.RecordBatch) -> Text:
        """Put the lines together."""
        column = batch.column(self.column)
        if not is_text(column.type):
            return assemble(batch.num_rows, [csv_value(column), b"\n"])
        cells = text_cells(column)
        if (row := breaks_line(cells)) is not None:
            raise self.breaks_line(self.column, column[row].as_py())
        return assemble(batch.num_rows, [cells, b"\n"])
