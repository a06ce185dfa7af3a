"""Arrow IPC files: record batches of 65,536 records, appended one by one; the footer comes last."""

import struct
from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa

from raymill.connectors.file_sink import refuse
from raymill.connectors.groups import Packed
from raymill.connectors.table_sink import TableSink
from raymill.errors import ConfigError, unknown

BATCH = 65_536

_MAGIC = b"ARROW1"
_START = _MAGIC + bytes(2)
_END = b"\xff\xff\xff\xff" + bytes(4)  # no message follows
_COMPRESSIONS = ("lz4", "zstd", "none")
_BATCHES = 3  # number of the field `recordBatches` in the footer's table


class ArrowSink(TableSink):
    """Writes an Arrow IPC file. Dictionary columns are written as plain ones."""

    format = "arrow"

    def __init__(
        self,
        path: str,
        *,
        compression: Literal["lz4", "zstd", "none"] = "none",
        **options: Any,
    ) -> None:
        refuse(type(self), options)
        if compression not in _COMPRESSIONS:
            raise unknown("compression", compression, _COMPRESSIONS, kind=ConfigError)
        super().__init__(path, compression=compression)
        self.group = BATCH

    def header(self) -> bytes:
        """The schema."""
        return _START + self._schema_message()

    def pack(self, rows: Sequence[pa.RecordBatch]) -> Packed:
        """Write one record batch as a message; its note is the sizes of its two parts."""
        message = self._message(self.whole(rows))
        head = 8 + int.from_bytes(message.slice(4, 4).to_pybytes(), "little")
        return Packed(memoryview(message), [head, message.size - head])

    def _message(self, batch: pa.RecordBatch) -> pa.Buffer:
        if self.options["compression"] == "none":
            return batch.serialize()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.schema, options=self._options()) as stream:
            stream.write_batch(batch)
        start = len(self._schema_message())
        return sink.getvalue().slice(start, sink.getvalue().size - start - len(_END))

    def footer(self, notes: Sequence[Any]) -> bytes:
        """Take the footer of a file with as many empty batches, and put the true places in."""
        sink = pa.BufferOutputStream()
        empty = pa.RecordBatch.from_pylist([], schema=self.schema)
        with pa.ipc.new_file(sink, self.schema, options=self._options()) as file:
            for _ in notes:
                file.write_batch(empty)
        data = sink.getvalue().to_pybytes()
        size = int.from_bytes(data[-10:-6], "little", signed=True)
        footer = bytearray(data[-10 - size : -10])
        _place(footer, len(self.header()), notes)
        return _END + bytes(footer) + size.to_bytes(4, "little") + _MAGIC

    def _schema_message(self) -> bytes:
        return self.schema.serialize().to_pybytes()

    def _options(self) -> pa.ipc.IpcWriteOptions:
        kind = self.options["compression"]
        return pa.ipc.IpcWriteOptions(compression=None if kind == "none" else kind)


def _place(footer: bytearray, place: int, notes: Sequence[Any]) -> None:
    """Set the blocks of the footer: for each batch its place and the sizes of its two parts."""
    at = _field(footer, _BATCHES)
    if not notes:
        return
    at += struct.unpack_from("<I", footer, at)[0]  # to the vector: its length, then 24 bytes each
    for number, (head, body) in enumerate(notes):
        struct.pack_into("<qi4xq", footer, at + 4 + 24 * number, place, head, body)
        place += head + body


def _field(footer: bytearray, number: int) -> int:
    """Find a field of the flatbuffer's root table."""
    table = struct.unpack_from("<I", footer, 0)[0]
    layout = table - struct.unpack_from("<i", footer, table)[0]
    return int(table + struct.unpack_from("<H", footer, layout + 4 + 2 * number)[0])
