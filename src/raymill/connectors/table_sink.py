"""What Parquet and Arrow sinks share: groups of rows whose bytes depend on their values alone."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from raymill.arrow import Array
from raymill.connectors.file_sink import FileSink
from raymill.errors import SinkError


class TableSink(FileSink):
    """A sink of columns. Dictionary columns are written as plain ones: how a batch numbers its
    values must not show in the output."""

    def prepare(self, schema: pa.Schema) -> pa.Schema:
        """Say what the columns are once dictionaries are gone."""
        for field in schema:
            kind = field.type.value_type if pt.is_dictionary(field.type) else field.type
            if _holds_dictionary(kind):
                raise SinkError(
                    f"Column `{field.name}` of type `{kind}` cannot be written as `{self.format}`",
                    hint="make the dictionary inside it plain, or leave the column out",
                )
        fields = [
            field.with_type(field.type.value_type) if pt.is_dictionary(field.type) else field
            for field in schema
        ]
        return pa.schema(fields).with_metadata(schema.metadata)

    def encode(self, batch: pa.RecordBatch) -> Sequence[pa.RecordBatch]:
        """Turn dictionary columns into plain ones."""
        columns = [
            column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
            for column in batch.columns
        ]
        return [pa.RecordBatch.from_arrays(columns, schema=self.schema)]

    def park(self, rows: Sequence[pa.RecordBatch]) -> pa.Table:
        """Keep waiting rows as they are."""
        return pa.Table.from_batches(rows, self.schema)

    def unpark(self, table: pa.Table) -> Sequence[pa.RecordBatch]:
        """Take waiting rows from a mark."""
        return table.to_batches()

    def whole(self, rows: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
        """Put rows together; nothing shows of how they were cut, or of what null rows hide."""
        columns = [
            _plain([batch.column(number) for batch in rows]) for number in range(len(self.schema))
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def _plain(parts: Sequence[Array]) -> Array:
    # A single part would keep its memory, and with it what stands behind its last row.
    column = pa.concat_arrays([*parts, parts[0].slice(0, 0)])
    if column.null_count == 0 and not pt.is_nested(column.type):
        return column
    return column.take(np.arange(len(column)))


def _holds_dictionary(kind: pa.DataType) -> bool:
    if pt.is_nested(kind):
        children = [kind.field(number).type for number in range(kind.num_fields)]
        return any(_holds_dictionary(child) for child in children)
    return pt.is_dictionary(kind)
