"""Text cut into pieces of whole lines, so that many workers can read one file.

A format that is made of lines opens its paths with `open_text`, hands on the door's `pieces`, and
turns `door.text(piece)` into rows: bytes of whole lines, never half of one. A plain file is cut by
a fixed unit of bytes without looking at it: a piece is the lines that START in [start, stop). A
compressed file, a pipe and standard input are read in order, and their pieces carry their bytes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill.connectors.files import STDIN, InputFile, chunks, expand
from raymill.errors import ConfigError, DataError
from raymill.flow.source import Piece, Reject

UNIT = 4 << 20
SAMPLE = 1 << 20
LONGEST = 256 << 20
BOM = b"\xef\xbb\xbf"
_SLACK = 1 << 12
_ALIGNED = 64  # the kernel copies to an odd place six times slower
_NEWLINE = 10

Bytes = NDArray[np.uint8]
NOTHING: Bytes = np.frombuffer(b"", np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """Whole lines of one file; only the last line of the file may lack its line end."""

    data: Bytes
    start: int = 0  # where the first line lies in its (decompressed) file
    size_bytes: int = 0  # of input that it stands for


class Cut(Protocol):
    """Where records end. Lines unless a format says otherwise."""

    def first_end(self, data: bytearray, least: int) -> int:
        """The first end of a record at `least` bytes or behind it; -1 if it is not there yet."""
        ...

    def last_end(self, data: bytearray) -> int:
        """The end of the last whole record; 0 if there is none."""
        ...


class LineCut:
    """Records end where lines end."""

    def first_end(self, data: bytearray, least: int) -> int:
        """The first line end at `least` bytes or behind it."""
        return data.find(b"\n", least - 1) + 1 or -1

    def last_end(self, data: bytearray) -> int:
        """The last line end."""
        return data.rfind(b"\n") + 1


class TextDoor(Protocol):
    """Text in pieces: of files, or of a stream."""

    names: tuple[str, ...]
    resumable: bool  # `pieces` may be asked again, from any number on

    def head(self, file: int = 0, size: int = SAMPLE) -> Text:
        """The lines that start in the first `size` bytes of a file; they are read again."""
        ...

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """The pieces in order, from number `first` on. Raises DataError where a file breaks off."""
        ...

    def text(self, piece: Piece) -> Text:
        """Load one piece; any thread or process."""
        ...

    def lines_before(self, file: int, place: int) -> int:
        """Count the lines before a place in a (decompressed) file, for messages."""
        ...

    def in_order(self, cut: Cut) -> "TextDoor":
        """The same text, read in order where it is not yet, with records that end as `cut` says."""
        ...

    def identity(self) -> dict[str, Any]:
        """What must be the same for a resume."""
        ...

    def size_bytes(self) -> int | None:
        """Bytes of input, compressed ones as they lie."""
        ...


def open_text(paths: tuple[str, ...], *, unit: int = UNIT) -> TextDoor:
    """Open files, or standard input where the path is `-`. Raises InputError."""
    from raymill.connectors.stdin import TextStream

    if not 0 < unit <= LONGEST:
        raise ConfigError(f"Unit `{unit}` is not between 1 and {LONGEST} bytes")
    if paths == (STDIN,):
        return TextStream(InputFile(STDIN, STDIN, is_pipe=True), unit)
    files = expand(paths)
    return TextStream(files[0], unit) if files[0].is_pipe else TextFiles(files, unit)


class TextFiles:
    """Files of text, cut into pieces."""

    resumable = True

    def __init__(
        self, files: tuple[InputFile, ...], unit: int = UNIT, cut: Cut | None = None
    ) -> None:
        self.files = files
        self.names = tuple(file.name for file in files)
        self._unit = unit
        self._cut = cut

    def head(self, file: int = 0, size: int = SAMPLE) -> Text:
        """The lines that start in the first `size` bytes of a file."""
        if self.files[file].codec is None:
            return self.text(Piece(0, file, 0, size))
        first = next(read_in_order(self.files[file], size, LineCut()), None)
        return self.text(first) if first else Text(NOTHING)

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """The pieces of all files in order, from number `first` on."""
        number = 0
        for index, file in enumerate(self.files):
            if self._cut is None and file.codec is None:
                count = -(-file.size // self._unit)
                for part in range(max(first - number, 0), count):
                    yield self._planned(number + part, index, part)
                number += count
                continue
            for piece in read_in_order(file, self._unit, self._cut or LineCut()):
                if number >= first:
                    yield replace(piece, number=number, file=index)
                number += 1

    def _planned(self, number: int, index: int, part: int) -> Piece:
        start, stop = part * self._unit, min((part + 1) * self._unit, self.files[index].size)
        return Piece(number, index, start, stop, size_bytes=stop - start)

    def text(self, piece: Piece) -> Text:
        """Load one piece: its bytes, or the lines that start in its range."""
        if isinstance(piece.data, bytes):
            return Text(np.frombuffer(piece.data, np.uint8), piece.start, piece.part)
        return _lines_starting_in(self.files[piece.file], piece.start, piece.stop)

    def lines_before(self, file: int, place: int) -> int:
        """Count the lines before a place: reads the file up to there."""
        lines = 0
        for chunk, _ in chunks(self.files[file]):
            lines += chunk[: max(place, 0)].count(b"\n")
            place -= len(chunk)
            if place <= 0:
                break
        return lines

    def in_order(self, cut: Cut) -> "TextFiles":
        """The same files, read in order."""
        return TextFiles(self.files, self._unit, cut)

    def identity(self) -> dict[str, Any]:
        """Name, size and time of change of each file, and the unit."""
        return {"files": [file.identity() for file in self.files], "unit": self._unit}

    def size_bytes(self) -> int | None:
        """The sizes of the files, as they lie."""
        return sum(file.size for file in self.files)


def read_in_order(file: InputFile, unit: int, cut: Cut) -> Iterator[Piece]:
    """Cut what is read in order: a piece ends with the first record that reaches `unit` bytes.

    Pieces carry their bytes; `start` and `stop` lie in the decompressed text, and `part` says how
    many bytes of the file were taken for it. Raises DataError behind the lines before the damage.
    """
    text = _Cutting(file, unit, cut)
    try:
        for chunk, reached in chunks(file):
            yield from text.add(chunk, reached)
    except OSError as error:
        yield from text.rest(text.whole_lines())
        raise DataError(
            f"`{file.name}` breaks off or is damaged in line {text.lines + 1}: {_plain(error)}",
            file=file.name,
            line=text.lines + 1,
        ) from error
    yield from text.rest()


def _plain(error: OSError) -> str:
    return error.strerror or str(error)


class _Cutting:
    """Bytes of one file that arrive in chunks and leave as pieces."""

    def __init__(self, file: InputFile, unit: int, cut: Cut) -> None:
        self._file, self._unit, self._cut = file, unit, cut
        self._waiting = bytearray()
        self._wanted = max(unit, len(BOM))
        self._start = self._reached = self._given = 0
        self.lines = 0

    def add(self, chunk: bytes, reached: int) -> Iterator[Piece]:
        self._waiting += chunk
        self._reached = reached
        while len(self._waiting) >= self._wanted:
            end = self._next_end()
            if end < 0:
                self._wanted = max(2 * len(self._waiting), self._unit)
                check_length(len(self._waiting), self._file.name, self.lines + 1)
            else:
                yield self._take(end)
                self._wanted = self._unit

    def rest(self, stop: int | None = None) -> Iterator[Piece]:
        """What is left at the end of the file, or up to `stop`."""
        del self._waiting[len(self._waiting) if stop is None else stop :]
        while self._waiting:
            end = self._next_end()
            yield self._take(end if end > 0 else len(self._waiting))

    def whole_lines(self) -> int:
        return self._waiting.rfind(b"\n") + 1

    def _next_end(self) -> int:
        if self._start == 0 and self._waiting.startswith(BOM):
            del self._waiting[: len(BOM)]
            self._start = len(BOM)
        return self._cut.first_end(self._waiting, self._unit)

    def _take(self, end: int) -> Piece:
        data, start, took = bytes(self._waiting[:end]), self._start, self._reached - self._given
        del self._waiting[:end]
        self._start, self._given = start + end, self._reached
        self.lines += count_lines(np.frombuffer(data, np.uint8))
        return Piece(0, 0, start, start + end, took, data, size_bytes=end)


def count_lines(data: Bytes) -> int:
    """Count lines; a last one without line end counts."""
    if not len(data):
        return 0
    return int(np.count_nonzero(data == _NEWLINE)) + int(data[-1] != _NEWLINE)


def check_length(length: int, name: str, line: int | None = None) -> None:
    """Refuse a record that would not fit in memory. Raises DataError."""
    if length > LONGEST:
        where = f"line {line} of `{name}`" if line else f"`{name}`"
        raise DataError(
            f"A record in {where} is longer than {LONGEST >> 20} MiB", file=name, line=line
        )


def _lines_starting_in(file: InputFile, start: int, stop: int) -> Text:
    stop = min(stop, file.size)
    nothing = Text(NOTHING, start)
    if start >= stop:
        return nothing
    since = max(start - 1, 0) // _ALIGNED * _ALIGNED
    try:
        with open(file.path, "rb", buffering=0) as raw:
            data = _load(raw.fileno(), file, since, stop + _SLACK)
            begin = _find_newline(data[: stop - 1 - since], start - 1 - since) + 1 if start else 0
            if start and begin == 0:
                return nothing
            end = _find_newline(data, stop - 1 - since) + 1
            while end == 0 and since + len(data) < file.size:
                seen = len(data)
                check_length(seen - begin, file.name)
                more = _load(raw.fileno(), file, since + seen, since + 2 * seen + _SLACK)
                data = np.concatenate((data, more))
                end = _find_newline(data, seen) + 1
    except OSError as error:
        problem = f"`{file.name}` cannot be read on: {_plain(error)}"
        raise DataError(problem, file=file.name) from error
    return _found(data, since, begin, end or len(data))


def _found(data: Bytes, since: int, begin: int, end: int) -> Text:
    size = end - begin
    if since + begin == 0 and data[: len(BOM)].tobytes() == BOM:
        begin = len(BOM)
    lines = data[begin:end]
    lines.flags.writeable = False  # as in pieces that carry bytes: kernels see one type
    return Text(lines, since + begin, size)


def _load(place: int, file: InputFile, start: int, stop: int) -> Bytes:
    data = new_bytes(min(stop, file.size) - start)
    filled = 0
    while filled < len(data):
        count = os.preadv(place, [data[filled:].data], start + filled)
        if count == 0:
            raise DataError(f"`{file.name}` became shorter while it was read", file=file.name)
        filled += count
    return data


def new_bytes(size: int) -> Bytes:
    """Room for bytes, from Arrow's pool: it keeps large blocks, where malloc gives them back."""
    room: Any = pa.allocate_buffer(size)
    return np.frombuffer(room, np.uint8)


def _find_newline(data: Bytes, start: int) -> int:
    step = 1 << 10
    while start < len(data):
        found = data[start : start + step].tobytes().find(b"\n")
        if found >= 0:
            return start + found
        start += step
        step = min(2 * step, 1 << 20)
    return -1


def is_utf8(data: Bytes) -> bool:
    """Tell whether bytes are valid UTF-8."""
    if not len(data) or data.max() < 128:
        return True
    offsets = pa.py_buffer(np.array([0, len(data)], np.int32).data)
    try:
        pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(data.data)]).validate(
            full=True
        )
    except pa.ArrowInvalid:
        return False
    return True


def set_apart_invalid(data: Bytes) -> tuple[Bytes, tuple[Reject, ...]]:
    """Empty the lines that are no valid UTF-8, so that they are blank, and give them as rejects."""
    if is_utf8(data):
        return data, ()
    ends = np.append(np.flatnonzero(data == _NEWLINE), len(data))
    keep = np.ones(len(data), bool)
    rejects = []
    for line in np.unique(np.searchsorted(ends, np.flatnonzero(data >= 128))).tolist():
        start = int(ends[line - 1]) + 1 if line else 0
        raw = data[start : ends[line]].tobytes().removesuffix(b"\r")
        if (reject := invalid_utf8(raw, line)) is not None:
            keep[start : ends[line]] = False
            rejects.append(reject)
    kept = data[keep]
    if data[-1] != _NEWLINE and not keep[-1]:
        kept = np.append(kept, np.uint8(_NEWLINE))  # the last line is still counted
    kept.flags.writeable = False
    return kept, tuple(rejects)


def invalid_utf8(raw: bytes, line: int) -> Reject | None:
    """The reject for a record that is no valid UTF-8; None if it is."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        text = raw.decode(errors="backslashreplace")
        return Reject(line, f"no valid UTF-8 at byte {error.start + 1}", text)
    return None
