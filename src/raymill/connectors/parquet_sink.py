"""Parquet: row groups of 131,072 records, appended one by one; the footer comes at the end.

Each row group is written as a little Parquet file in memory, of which the file gets the pages. The
group's part of the footer is kept (a few hundred bytes a column) with places counted from the
group's start, so that a run can stop behind any group and go on.
"""

import base64
from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa

from raymill.connectors import thrift
from raymill.connectors.file_sink import refuse
from raymill.connectors.groups import Packed
from raymill.connectors.kinds import is_text
from raymill.connectors.table_sink import TableSink
from raymill.connectors.thrift import Struct
from raymill.errors import ConfigError, SinkError, unknown

ROW_GROUP = 131_072

_MAGIC = b"PAR1"
_COMPRESSIONS = ("snappy", "zstd", "none")
_MOST_ORDINALS = 32_767

# numbers of fields in parquet.thrift
_FILE_ROWS, _FILE_GROUPS = 3, 4
_GROUP_COLUMNS, _GROUP_ROWS, _GROUP_PLACE, _GROUP_ORDINAL = 1, 3, 5, 7
_CHUNK_META = 3
_CHUNK_PLACES = (2, 4, 6)  # of the chunk, its offset index, its column index
_META_PLACES = (9, 10, 11, 14)  # of its data, index and dictionary pages, its bloom filter


class ParquetSink(TableSink):
    """Writes Parquet with statistics; text columns get a dictionary, others do not."""

    format = "parquet"

    def __init__(
        self,
        path: str,
        *,
        compression: Literal["snappy", "zstd", "none"] = "snappy",
        **options: Any,
    ) -> None:
        refuse(type(self), options)
        if compression not in _COMPRESSIONS:
            raise unknown("compression", compression, _COMPRESSIONS, kind=ConfigError)
        super().__init__(path, compression=compression)
        self.group = ROW_GROUP

    def prepare(self, schema: pa.Schema) -> pa.Schema:
        """Refuse columns that Parquet cannot hold."""
        plain = super().prepare(schema)
        try:
            self._file(plain.empty_table())
        except pa.ArrowException as error:
            raise SinkError(
                f"These columns cannot be written as `parquet`: {error}",
                hint="write arrow or jsonl, or leave the column out",
            ) from error
        return plain

    def header(self) -> bytes:
        """The first four bytes of every Parquet file."""
        return _MAGIC

    def pack(self, rows: Sequence[pa.RecordBatch]) -> Packed:
        """Write one row group."""
        data = self._file(pa.Table.from_batches([self.whole(rows)]))
        pages, footer = _cut(data)
        (group,) = thrift.read(footer)[_FILE_GROUPS][1][1]
        text = base64.b64encode(thrift.write(group)).decode("ascii")
        return Packed(memoryview(pages), [pages.size, text])

    def footer(self, notes: Sequence[Any]) -> bytes:
        """Put the parts of all row groups together."""
        _, empty = _cut(self._file(self.schema.empty_table()))
        file = thrift.read(empty)
        groups, place = [], len(_MAGIC)
        for ordinal, (size, text) in enumerate(notes):
            group = thrift.read(base64.b64decode(text))
            _shift(group, place - len(_MAGIC), ordinal)
            groups.append(group)
            place += size
        rows = sum(group[_GROUP_ROWS][1] for group in groups)
        file[_FILE_ROWS] = (thrift.I64, rows)
        file[_FILE_GROUPS] = (thrift.LIST, (thrift.STRUCT, groups))
        data = thrift.write(file)
        return data + len(data).to_bytes(4, "little") + _MAGIC

    def _file(self, table: pa.Table) -> pa.Buffer:
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        texts = [field.name for field in table.schema if is_text(field.type)]
        numbers: Any = [field.name for field in table.schema if field.name not in texts]
        pq.write_table(
            table,
            sink,
            row_group_size=ROW_GROUP,
            compression=self.options["compression"],
            use_dictionary=texts or False,  # type: ignore[arg-type]
            write_statistics=numbers,  # those of texts cost as much as the texts
        )
        return sink.getvalue()


def _cut(data: pa.Buffer) -> tuple[pa.Buffer, bytes]:
    """Cut a Parquet file into its pages and its footer."""
    end = data.size - 8
    size = int.from_bytes(data.slice(end, 4).to_pybytes(), "little")
    pages = data.slice(len(_MAGIC), end - size - len(_MAGIC))
    return pages, data.slice(end - size, size).to_pybytes()


def _shift(group: Struct, by: int, ordinal: int) -> None:
    for chunk in group[_GROUP_COLUMNS][1][1]:
        _move(chunk, _CHUNK_PLACES, by)
        _move(chunk[_CHUNK_META][1], _META_PLACES, by)
    _move(group, (_GROUP_PLACE,), by)
    group.pop(_GROUP_ORDINAL, None)
    if ordinal <= _MOST_ORDINALS:
        group[_GROUP_ORDINAL] = (thrift.I16, ordinal)


def _move(struct: Struct, numbers: Sequence[int], by: int) -> None:
    for number in numbers:
        if number in struct and struct[number][1]:  # 0 means that the place is not told
            kind, place = struct[number]
            struct[number] = (kind, place + by)
