"""Text files, plain or compressed: one gzip member or zstd frame for each 65,536 records."""

import zlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa

from raymill.connectors.assembly import Text, cut
from raymill.connectors.file_sink import FileSink, refuse
from raymill.connectors.groups import Packed
from raymill.connectors.output import Data
from raymill.errors import ConfigError, SinkError, unknown

Compression = Literal["gzip", "zstd", "none"]

MEMBER = 65_536
_ENDINGS = {".gz": "gzip", ".zst": "zstd"}
_COMPRESSIONS = ("gzip", "zstd", "none")


class TextSink(FileSink):
    """Writes records as text; a format says how a batch is put together (`text`)."""

    def __init__(
        self, path: str, compression: str | None, unknown_options: Any, **options: Any
    ) -> None:
        refuse(type(self), unknown_options)
        self.compression = _compression(path, compression)
        super().__init__(path, compression=self.compression, **options)
        self.group = None if self.compression == "none" else MEMBER

    @abstractmethod
    def text(self, batch: pa.RecordBatch) -> Text:
        """Put the lines of a small batch together. Pure, any thread or process."""

    def head(self) -> bytes:
        """The text that stands before the first record."""
        return b""

    def encode(self, batch: pa.RecordBatch) -> Sequence[Text]:
        """Turn rows into lines."""
        return [self.text(part) for part in cut(batch)]

    def raw(self, rows: Text) -> Data:
        """Give the lines as they are."""
        return rows.view().data

    def pack(self, rows: Sequence[Text]) -> Packed:
        """Compress the lines of one group."""
        return Packed(_packed(self.compression, b"".join(each.view().data for each in rows)))

    def park(self, rows: Sequence[Text]) -> pa.Table:
        """Keep waiting lines as a column."""
        chunks = [each.to_array() for each in rows]
        return pa.table({"line": pa.chunked_array(chunks, pa.string())})

    def unpark(self, table: pa.Table) -> Sequence[Text]:
        """Take waiting lines from the column of a mark."""
        return [Text.of(chunk) for chunk in table["line"].chunks if len(chunk)]

    def header(self) -> bytes:
        """The head, a member of its own where the file is compressed."""
        head = self.head()
        return _packed(self.compression, head) if head else b""

    def footer(self, notes: Sequence[Any]) -> bytes:
        """Nothing, but an empty member where a compressed file would be empty."""
        empty = self.compression != "none" and self.bytes_written() == 0
        return _packed(self.compression, b"") if empty else b""

    def breaks_line(self, column: str, value: str) -> SinkError:
        """Make the error for text that would not stay on its line."""
        shown = value if len(value) <= 60 else f"{value[:60]}..."
        return SinkError(
            f"Column `{column}` holds {shown!r}: `{self.format}` cannot hold a line break",
            hint="write jsonl (`--to jsonl`)",
        )


def _compression(path: str, given: str | None) -> str:
    by_name = next((kind for end, kind in _ENDINGS.items() if path.endswith(end)), "none")
    if given is not None and given not in _COMPRESSIONS:
        raise unknown("compression", given, _COMPRESSIONS, kind=ConfigError)
    return given or by_name


def _packed(compression: str, data: bytes) -> bytes:
    if compression == "zstd":
        return pa.Codec("zstd", 3).compress(data, asbytes=True)
    if compression == "gzip":
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)  # 31: gzip, with no time in its header
        return packer.compress(data) + packer.flush()
    return data
