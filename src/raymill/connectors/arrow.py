"""Arrow IPC: files are mapped, not copied; streams are read in order."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from copy import copy
from itertools import accumulate
from typing import Any, Protocol

import pyarrow as pa

from raymill.connectors.columns import check_same, choose
from raymill.connectors.files import STDIN, InputFile, expand
from raymill.errors import DataError, InputError
from raymill.flow.source import Block, Piece

ROWS = 1 << 16
_PIECE_ROWS = 1 << 18
_FILE, _STREAM = b"ARROW1", b"\xff\xff\xff\xff"


class ArrowSource:
    """The rows of Arrow IPC files (`.arrow`, Feather) and streams that agree in their columns."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        files = (InputFile(STDIN, STDIN, is_pipe=True),) if paths == (STDIN,) else expand(paths)
        self._files = files
        self.names = tuple(file.name for file in files)
        self.resumable = not files[0].is_pipe
        self._parts: list[_Part] = []
        self._whole: pa.Schema | None = None
        self._columns: frozenset[str] | None = None

    def schema(self) -> pa.Schema:
        """The columns, which all files must share."""
        return choose(self._known(), self._columns)

    def select(self, columns: frozenset[str] | None) -> "ArrowSource":
        """Hand on only these columns."""
        choose(self._known(), columns)
        narrow = copy(self)
        narrow._columns = columns
        return narrow

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """Ranges of rows in order; those of streams carry their rows."""
        self._known()
        number = 0
        for file, part in enumerate(self._parts):
            for piece in part.pieces(number, file, first, self.schema()):
                number = piece.number + 1
                if piece.number >= first:
                    yield piece

    def read(self, piece: Piece) -> Iterator[Block]:
        """Blocks of at most 65,536 rows."""
        self._known()
        if isinstance(piece.data, pa.RecordBatch):
            yield Block(piece.data, piece.data.num_rows, size_bytes=piece.part)
            return
        yield from self._parts[piece.file].read(piece, self.schema())

    def identity(self) -> Mapping[str, Any]:
        """The files."""
        return {"format": "arrow", "files": [file.identity() for file in self._files]}

    def size_bytes(self) -> int | None:
        """The sizes of the files; None for a pipe."""
        return sum(file.size for file in self._files) if self.resumable else None

    def _known(self) -> pa.Schema:
        if self._whole is None:
            parts: list[_Part] = []
            whole = None
            for file in self._files:
                parts.append(_MappedFile(file) if _is_file(file) else _Stream(file))
                whole = check_same(whole, parts[-1].schema, self.names[0], file.name)
            self._whole, self._parts = whole, parts
        return self._whole or pa.schema([])


def _is_file(file: InputFile) -> bool:
    if file.is_pipe:
        return False
    with open(file.path, "rb") as raw:
        magic = raw.read(8)
    if magic.startswith(_FILE):
        return True
    if magic.startswith(_STREAM):
        return False
    if not magic or _FILE.startswith(magic):
        raise DataError(f"`{file.name}` breaks off before its first row", file=file.name)
    raise InputError(f"`{file.name}` is no Arrow file", hint="name its format with --from")


class _Part(Protocol):
    """One input: a file or a stream."""

    schema: pa.Schema

    def pieces(self, number: int, file: int, first: int, chosen: pa.Schema) -> Iterator[Piece]:
        """Its pieces; those before `first` may lack their rows."""
        ...

    def read(self, piece: Piece, chosen: pa.Schema) -> Iterator[Block]:
        """The blocks of a piece without rows."""
        ...


class _MappedFile:
    """A file in the IPC file format."""

    def __init__(self, file: InputFile) -> None:
        self._file = file
        with self._opened() as reader:
            self.schema: pa.Schema = reader.schema.remove_metadata()
        self._is_mapped = self._lies_open()
        self._ends = list(accumulate(self._rows()))

    def pieces(self, number: int, file: int, first: int, chosen: pa.Schema) -> Iterator[Piece]:
        """Ranges of rows; a compressed batch is never cut, for it is decompressed as a whole."""
        cuts = self._ends
        if self._is_mapped:
            rows = self._ends[-1] if self._ends else 0
            cuts = [*range(_PIECE_ROWS, rows, _PIECE_ROWS), rows]
        start = 0
        for stop in cuts:
            if stop > start:
                size = self._share(start, stop)
                yield Piece(number, file, start, stop, size_bytes=size)
                number += 1
            start = stop

    def read(self, piece: Piece, chosen: pa.Schema) -> Iterator[Block]:
        """Slices of the batches that hold the rows of the piece."""
        at = piece.start
        # To choose columns while reading would copy what is mapped.
        with self._opened(None if self._is_mapped else chosen.names) as reader:
            while at < piece.stop:
                number = bisect_right(self._ends, at)
                begin = self._ends[number - 1] if number else 0
                batch = _only(self._batch(reader, number), chosen)
                until = min(piece.stop, self._ends[number])
                for start in range(at, until, ROWS):
                    stop = min(start + ROWS, until)
                    rows = batch.slice(start - begin, stop - start)
                    yield Block(rows, rows.num_rows, size_bytes=self._share(start, stop))
                at = until

    def _share(self, start: int, stop: int) -> int:
        rows, size = self._ends[-1], self._file.size
        return size * stop // rows - size * start // rows

    def _batch(self, reader: Any, number: int) -> pa.RecordBatch:
        try:
            batch: pa.RecordBatch = reader.get_batch(number)
            batch.validate()
        except (pa.ArrowException, OSError) as error:
            problem = f"`{self._file.name}` is damaged: {error}"
            raise DataError(problem, file=self._file.name) from error
        return batch

    def _lies_open(self) -> bool:
        """Whether columns lie in the file as they are; compressed ones do not."""
        mapped = pa.memory_map(self._file.path)
        whole = mapped.read_buffer()
        with self._opened(mapped=mapped) as reader:
            return not reader.num_record_batches or _lies_in(self._batch(reader, 0), whole)

    def _rows(self) -> list[int]:
        """The rows of each batch, by its cheapest column."""
        widths = [_width(field.type) for field in self.schema]
        cheapest = self.schema.names[widths.index(min(widths))] if widths else None
        chosen = None if self._is_mapped or not cheapest else [cheapest]
        with self._opened(chosen) as reader:
            count = reader.num_record_batches
            return [self._batch(reader, number).num_rows for number in range(count)]

    def _opened(self, names: list[str] | None = None, mapped: Any = None) -> Any:
        fields = [self.schema.names.index(name) for name in names or ()]
        try:
            mapped = mapped or pa.memory_map(self._file.path)
            options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
            return pa.ipc.open_file(mapped, options=options)
        except (pa.ArrowException, OSError) as error:
            problem = f"`{self._file.name}` breaks off or is damaged: {error}"
            raise DataError(problem, file=self._file.name) from error


def _only(batch: pa.RecordBatch, chosen: pa.Schema) -> pa.RecordBatch:
    columns = [batch.column(name) for name in chosen.names]
    return pa.RecordBatch.from_arrays(columns, schema=chosen)


def _lies_in(batch: pa.RecordBatch, whole: pa.Buffer) -> bool:
    buffers = [buffer for column in batch.columns for buffer in column.buffers() if buffer]
    places = [buffer.address - whole.address for buffer in buffers if buffer.size]
    return all(0 <= place < whole.size for place in places)


def _width(kind: pa.DataType) -> int:
    try:
        return kind.bit_width
    except ValueError:
        return 1 << 20


class _Stream:
    """A file or pipe in the IPC stream format."""

    def __init__(self, file: InputFile) -> None:
        self._file = file
        self._waiting: tuple[Any, Any] | None = self._open()
        self.schema: pa.Schema = self._waiting[1].schema.remove_metadata()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_waiting": None}

    def pieces(self, number: int, file: int, first: int, chosen: pa.Schema) -> Iterator[Piece]:
        """Slices of the batches as they arrive."""
        raw, reader = self._take()
        given = row = 0
        with raw:
            while (batch := self._next(reader)) is not None:
                reached = 0 if self._file.is_pipe else raw.tell()
                wanted = _only(batch, chosen)
                for start in range(0, batch.num_rows, ROWS):
                    rows = wanted.slice(start, ROWS)
                    stop = row + rows.num_rows
                    yield Piece(number, file, row, stop, reached - given, rows, rows.nbytes)
                    number, row, given = number + 1, stop, reached

    def read(self, piece: Piece, chosen: pa.Schema) -> Iterator[Block]:
        """Nothing: pieces of a stream carry their rows."""
        return iter(())

    def _take(self) -> tuple[Any, Any]:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            return waiting
        if self._file.is_pipe:
            raise InputError(f"`{self._file.name}` can be read only once")
        return self._open()

    def _open(self) -> tuple[Any, Any]:
        path, is_standard = self._file.path, self._file.path == STDIN
        try:
            raw: Any = pa.OSFile(path, "rb") if not self._file.is_pipe else None
            raw = raw or open(0 if is_standard else path, "rb", closefd=not is_standard)  # noqa: SIM115
            return raw, pa.ipc.open_stream(raw)
        except (pa.ArrowException, OSError) as error:
            problem = f"`{self._file.name}` is no Arrow stream: {error}"
            raise InputError(problem, file=self._file.name) from error

    def _next(self, reader: Any) -> pa.RecordBatch | None:
        try:
            batch: pa.RecordBatch = reader.read_next_batch()
            batch.validate()
        except StopIteration:
            return None
        except (pa.ArrowException, OSError) as error:
            problem = f"`{self._file.name}` breaks off or is damaged: {error}"
            raise DataError(problem, file=self._file.name) from error
        return batch
