"""Input files: names and globs expanded, checked before the run, opened and decompressed.

Text formats go on to `raymill.connectors.text`, which cuts files into pieces at line ends.
"""

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from raymill.errors import InputError, near

Codec = Literal["gzip", "zstd"]
STDIN = "-"
CHUNK = 1 << 16
_CODECS: dict[str, Codec] = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}
_MAGIC: dict[bytes, Codec] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that was found and can be read, as it was when it was looked at."""

    name: str  # as the user wrote it, for messages
    path: str  # absolute, for workers elsewhere
    size: int = 0
    mtime_ns: int = 0
    codec: Codec | None = None
    is_pipe: bool = False  # a pipe or device: read once, in order

    def identity(self) -> dict[str, Any]:
        """What tells this state of the file from another."""
        return {"name": self.name, "size": self.size, "mtime_ns": self.mtime_ns}


def codec_of(name: str) -> Codec | None:
    """Tell the compression by the ending of a name.

    >>> codec_of("city.csv.gz"), codec_of("city.csv")
    ('gzip', None)
    """
    return _CODECS.get(os.path.splitext(name)[1].lower())


def bare_name(name: str) -> str:
    """Strip the ending of a compression.

    >>> bare_name("city.csv.gz")
    'city.csv'
    """
    return os.path.splitext(name)[0] if codec_of(name) else name


def expand(paths: Iterable[str]) -> tuple[InputFile, ...]:
    """Find what paths and globs mean: in order, and sorted within a glob. Raises InputError."""
    files = tuple(look_at(name) for path in paths for name in _matches(str(path)))
    if not files:
        raise InputError("No input file is given")
    if len(files) > 1 and (pipe := next((file for file in files if file.is_pipe), None)):
        raise InputError(f"`{pipe.name}` is a pipe and cannot be read together with other files")
    return files


def _matches(path: str) -> list[str]:
    path = os.path.expanduser(path)
    if os.path.lexists(path) or not glob.has_magic(path):
        return [path]
    found = sorted(name for name in glob.glob(path, recursive=True) if not os.path.isdir(name))
    if not found:
        raise InputError(f"No file matches `{path}`")
    return found


def look_at(name: str) -> InputFile:
    """Check one file: it exists, is no directory and can be read. Raises InputError."""
    path = os.path.abspath(name)
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise InputError(
                f"`{name}` is a directory, not a file",
                hint=f"write '{name.rstrip('/')}/*' for its files",
            )
        if not stat.S_ISREG(status.st_mode):
            return InputFile(name, path, codec=codec_of(name), is_pipe=True)
        with open(path, "rb") as file:
            magic = file.read(4)
    except FileNotFoundError:
        raise InputError(f"File `{name}` does not exist", hint=_nearby(Path(path))) from None
    except OSError as error:
        raise InputError(f"File `{name}` cannot be read: {error.strerror}") from error
    return InputFile(
        name, path, status.st_size, status.st_mtime_ns, codec_of(name) or _sniff(magic)
    )


def _sniff(magic: bytes) -> Codec | None:
    return next((codec for start, codec in _MAGIC.items() if magic.startswith(start)), None)


def _nearby(path: Path) -> str | None:
    folder = path.parent
    if not folder.is_dir():
        return f"folder `{folder}` does not exist"
    try:
        return near(path.name, sorted(os.listdir(folder)))
    except OSError:
        return None


def chunks(file: InputFile) -> Iterator[tuple[bytes, int]]:
    """Give the (decompressed) bytes of a file in order, and how far each chunk reaches into it.

    Concatenated gzip members and zstd frames are read as one. Raises OSError where a file breaks
    off or is damaged, after everything before that place was given.
    """
    done = 0
    try:
        for chunk, consumed in _steps(file, CHUNK):
            done += len(chunk)
            yield chunk, consumed
    except OSError:
        yield from _salvage(file, done)
        raise


def _steps(file: InputFile, size: int) -> Iterator[tuple[bytes, int]]:
    with pa.OSFile(file.path, "rb") as raw:
        stream = pa.CompressedInputStream(raw, file.codec) if file.codec and file.size else raw
        while chunk := stream.read(size):
            yield chunk, raw.tell()


def _salvage(file: InputFile, done: int) -> Iterator[tuple[bytes, int]]:
    """The bytes that a failed read swallowed: read again, and the last ones one by one."""
    with pa.OSFile(file.path, "rb") as raw:
        stream = pa.CompressedInputStream(raw, file.codec) if file.codec else raw
        while done > 0:
            done -= len(stream.read(min(done, CHUNK)))
        rest = bytearray()
        try:
            while byte := stream.read(1):
                rest += byte
        except OSError:
            pass
        yield bytes(rest), file.size


def plain_files(files: tuple[InputFile, ...], form: str) -> tuple[InputFile, ...]:
    """Refuse what a format cannot jump about in: pipes, and compressed files. Raises InputError."""
    for file in files:
        if file.is_pipe:
            raise InputError(f"`{file.name}` is a pipe; {form} needs a file")
        if file.codec:
            raise InputError(
                f"`{file.name}` is {file.codec} data; {form} is compressed inside",
                hint="decompress it first",
            )
    return files
