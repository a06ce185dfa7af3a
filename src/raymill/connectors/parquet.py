"""Parquet: pieces are row groups; a very large one is read in slices."""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from raymill.connectors.columns import check_same, choose
from raymill.connectors.files import InputFile, expand, plain_files
from raymill.errors import DataError, InputError
from raymill.flow.source import Block, Piece

ROWS = 1 << 16
_FEW_BYTES = 1 << 24
_MANY_ROWS, _MANY_BYTES = 1 << 20, 1 << 26
_DICTIONARY_BYTES = 8  # a cell of a dictionary is an index; longer ones are text
_BUFFER = 1 << 20


class ParquetSource:
    """The rows of Parquet files that agree in their columns.

    Small row groups are read together, those above 1,048,576 rows or 64 MB in slices, in order.
    Text that the file keeps as a dictionary stays one. Columns that nobody asks for are not read.
    """

    resumable = True

    def __init__(self, paths: tuple[str, ...]) -> None:
        self._files = plain_files(expand(paths), "Parquet")
        self.names = tuple(file.name for file in self._files)
        self._metadata: list[Any] = []
        self._plans: list[dict[int, _Part]] = []
        self._dictionaries: list[str] = []
        self._whole: pa.Schema | None = None
        self._columns: frozenset[str] | None = None

    def schema(self) -> pa.Schema:
        """The columns, which all files must share."""
        return choose(self._known(), self._columns)

    def select(self, columns: frozenset[str] | None) -> "ParquetSource":
        """Read only these columns."""
        choose(self._known(), columns)
        narrow = copy(self)
        narrow._columns = columns
        return narrow

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """Row groups in order; slices of large ones carry their rows."""
        self._known()
        number = 0
        for file, plan in enumerate(self._plans):
            for part in plan.values():
                count = max(part.slices, 1)
                if number + count > first and part.slices:
                    yield from self._slices(number, max(first - number, 0), file, part)
                elif number >= first:
                    stop = part.before + part.rows
                    yield Piece(number, file, part.before, stop, part.start, size_bytes=part.size)
                number += count

    def read(self, piece: Piece) -> Iterator[Block]:
        """Blocks of at most 65,536 rows."""
        self._known()
        at = piece.start
        if isinstance(piece.data, pa.RecordBatch):
            yield self._block(piece.data, piece.file, at)
            return
        for batch in self._batches(piece.file, self._plans[piece.file][piece.part], 0):
            yield self._block(batch, piece.file, at)
            at += batch.num_rows

    def identity(self) -> Mapping[str, Any]:
        """The files."""
        return {"format": "parquet", "files": [file.identity() for file in self._files]}

    def size_bytes(self) -> int | None:
        """The sizes of the files."""
        return sum(file.size for file in self._files)

    def _slices(self, number: int, skipped: int, file: int, part: "_Part") -> Iterator[Piece]:
        start = part.before
        for index, batch in enumerate(self._batches(file, part, _BUFFER)):
            stop = start + batch.num_rows
            if index >= skipped:
                yield Piece(number + index, file, start, stop, part.start, batch, batch.nbytes)
            start = stop

    def _batches(self, file: int, part: "_Part", buffer: int) -> Iterator[pa.RecordBatch]:
        schema, groups = self.schema(), list(range(part.start, part.stop))
        shape = self._metadata[file], self._dictionaries
        try:
            with _open(self._files[file], *shape, buffer) as opened:
                for batch in opened.iter_batches(
                    ROWS, row_groups=groups, columns=schema.names, use_threads=False
                ):
                    yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
        except (pa.ArrowException, OSError) as error:
            name = self.names[file]
            raise DataError(f"`{name}` is damaged: {error}", file=name) from error

    def _block(self, batch: pa.RecordBatch, file: int, at: int) -> Block:
        rows, size = max(self._metadata[file].num_rows, 1), self._files[file].size
        share = size * (at + batch.num_rows) // rows - size * at // rows
        return Block(batch, batch.num_rows, size_bytes=share)

    def _known(self) -> pa.Schema:
        if self._whole is None:
            whole = None
            for file in self._files:
                with _open(file) as opened:
                    metadata = opened.metadata
                    if whole is None:
                        self._dictionaries = _dictionary_columns(opened)
                with _open(file, metadata, self._dictionaries) as opened:
                    found = opened.schema_arrow.remove_metadata()
                whole = check_same(whole, found, self.names[0], file.name)
                self._metadata.append(metadata)
                self._plans.append({part.start: part for part in _parts(metadata)})
            self._whole = whole
        return self._whole or pa.schema([])


@dataclass(frozen=True, slots=True)
class _Part:
    """Row groups that are read together, or one that is read in slices."""

    start: int
    stop: int
    before: int  # rows
    rows: int
    size: int  # bytes, decompressed
    slices: int  # 0: not sliced


def _parts(metadata: Any) -> Iterator[_Part]:
    start, before, rows, size = 0, 0, 0, 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if rows and (rows + group.num_rows > ROWS or size + group.total_byte_size > _FEW_BYTES):
            yield _part(start, number, before, rows, size)
            start, before, rows, size = number, before + rows, 0, 0
        rows, size = rows + group.num_rows, size + group.total_byte_size
    if rows:
        yield _part(start, metadata.num_row_groups, before, rows, size)


def _part(start: int, stop: int, before: int, rows: int, size: int) -> _Part:
    is_large = rows > _MANY_ROWS or size > _MANY_BYTES
    return _Part(start, stop, before, rows, size, -(-rows // ROWS) if is_large else 0)


def _open(
    file: InputFile, metadata: Any = None, dictionaries: list[str] | None = None, buffer: int = 0
) -> Any:
    from pyarrow.parquet import ParquetFile

    try:
        return ParquetFile(
            file.path,
            metadata=metadata,
            read_dictionary=dictionaries or None,
            pre_buffer=not buffer,
            buffer_size=buffer,
            page_checksum_verification=True,
        )
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: InputFile, error: Exception) -> Exception:
    with open(file.path, "rb") as raw:
        begins_well = raw.read(4) in (b"PAR1", b"PARE", b"")
    if begins_well:
        return DataError(f"`{file.name}` breaks off or is damaged: {error}", file=file.name)
    return InputError(f"`{file.name}` is no Parquet file", hint="name its format with --from")


def _dictionary_columns(opened: Any) -> list[str]:
    """Text columns of which the file keeps indices into a dictionary, and not the text again."""
    metadata, text = opened.metadata, (pa.string(), pa.large_string())
    names = {field.name for field in opened.schema_arrow if field.type in text}
    found = []
    for index in range(metadata.num_columns if metadata.num_row_groups else 0):
        chunks = [metadata.row_group(g).column(index) for g in range(metadata.num_row_groups)]
        values = sum(chunk.num_values for chunk in chunks)
        size = sum(chunk.total_uncompressed_size for chunk in chunks)
        is_dictionary = all(chunk.has_dictionary_page for chunk in chunks)
        name = chunks[0].path_in_schema
        if name in names and is_dictionary and size < _DICTIONARY_BYTES * values:
            found.append(name)
    return found
