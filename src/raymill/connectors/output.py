"""The file behind a sink: written front to back, and under its final name only when it is whole.

A regular file is `NAME.partial` until it is finished. Folders are not made: a missing one is an
error that says so. What exists and is no regular file (a device, a pipe, `/dev/stdout`) and
standard output (`-`) are written in place.
"""

import errno
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from raymill import faults
from raymill.errors import SinkError

Data = bytes | memoryview

_DESCRIPTOR = re.compile(r"/dev/std(?P<name>in|out|err)|/(?:dev|proc/self)/fd/(?P<number>\d+)")
_NUMBERS = {"in": 0, "out": 1, "err": 2}
_CAUSES = {
    errno.ENOSPC: ("no space left", "free some space"),
    errno.EDQUOT: ("the disk quota is used up", "free some space"),
    errno.EFBIG: ("the file would be too large", "see `ulimit -f`"),
    errno.EACCES: ("permission denied", "name a folder that you can write to"),
    errno.EPERM: ("permission denied", "name a folder that you can write to"),
    errno.EROFS: ("the file system is read-only", "name a folder that you can write to"),
    errno.EPIPE: ("its reader is gone", None),
}


class Output(Protocol):
    """A growing run of bytes."""

    @property
    def length(self) -> int:
        """Bytes written in whole calls of `write`; a call that failed does not count."""
        ...

    def write(self, data: Data) -> None:
        """Append all of `data`. Raises SinkError, and BrokenPipeError for standard output."""
        ...

    def sync(self) -> None:
        """Return when everything written is safe on the disk."""
        ...

    def finish(self) -> None:
        """Make it safe, close it and give it its final name."""
        ...

    def abandon(self) -> None:
        """Close it as it is."""
        ...


def in_place(path: str) -> bool:
    """Say whether `path` is written in place: standard output, a device, a pipe."""
    if path == "-" or _DESCRIPTOR.fullmatch(path):
        return True
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def open_output(path: str, length: int | None = None) -> Output:
    """Begin a new output, or go on behind its first `length` bytes. Raises SinkError."""
    return InPlace(path) if in_place(path) else PartialFile(path, length)


def clear(path: str) -> None:
    """Remove an old output of this name, whole or partial. Raises SinkError."""
    real = Path(os.path.realpath(path))
    _check(real)
    with _told(path):
        real.unlink(missing_ok=True)
        real.with_name(f"{real.name}.partial").unlink(missing_ok=True)


def _check(path: Path) -> None:
    if not path.parent.is_dir():
        raise SinkError(
            f"The folder of output `{path}` does not exist", hint=f"mkdir -p {path.parent}"
        )
    if path.is_dir():
        raise SinkError(f"Output `{path}` is a directory", hint="name a file in that directory")


class PartialFile:
    """A regular file, `NAME.partial` until it is finished; an old `NAME` is removed first."""

    def __init__(self, path: str, length: int | None = None) -> None:
        self.path = Path(os.path.realpath(path))
        self.partial = self.path.with_name(f"{self.path.name}.partial")
        self.length = length or 0
        clear(path) if length is None else _check(self.path)
        with _told(path):
            self._descriptor = self._begin() if length is None else self._go_on(length)
            _sync_folder(self.path.parent)

    def _begin(self) -> int:
        return os.open(self.partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)

    def _go_on(self, length: int) -> int:
        # A run that was killed right behind its end has its final name, and its checkpoint still.
        if not self.partial.exists() and self.path.exists():
            os.rename(self.path, self.partial)
        there = self.partial.stat().st_size if self.partial.exists() else 0
        if there < length:
            raise SinkError(
                f"Output `{self.partial}` holds {there} bytes, its checkpoint speaks of {length}",
                hint="run again without --resume",
            )
        descriptor = os.open(self.partial, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        os.ftruncate(descriptor, length)
        return descriptor

    def write(self, data: Data) -> None:
        """Append all of `data`. What a failed call left behind is overwritten by the next one."""
        view = memoryview(data)
        with _told(str(self.path)):
            faults.point("output.write")
            done = 0
            while done < len(view):
                done += os.pwrite(self._descriptor, view[done:], self.length + done)
        self.length += done

    def sync(self) -> None:
        """Return when everything written is safe on the disk."""
        with _told(str(self.path)):
            faults.point("output.sync")
            os.fsync(self._descriptor)

    def finish(self) -> None:
        """Make it safe, close it and give it its final name."""
        with _told(str(self.path)):
            os.ftruncate(self._descriptor, self.length)
            self.sync()
            self.abandon()
            faults.point("output.rename")
            os.replace(self.partial, self.path)
            _sync_folder(self.path.parent)

    def abandon(self) -> None:
        """Close it and leave the partial file as it is."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


class InPlace:
    """Standard output, a device or a pipe: what is written is gone."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.length = 0
        self._standard = path in {"-", "/dev/stdout"}
        with _told(path):
            self._descriptor = _descriptor(path)

    def write(self, data: Data) -> None:
        """Append all of `data`, unbuffered."""
        view = memoryview(data)
        with _told(self.path, quiet=self._standard):
            done = 0
            while done < len(view):
                done += self._write(view[done:])
        self.length += done

    def _write(self, view: memoryview) -> int:
        if self._descriptor is not None:
            return os.write(self._descriptor, view)
        sys.stdout.buffer.write(view)
        sys.stdout.buffer.flush()
        return len(view)

    def sync(self) -> None:
        """Do nothing: nothing is held back."""

    def finish(self) -> None:
        """Close it."""
        self.abandon()

    def abandon(self) -> None:
        """Close it."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with _told(self.path, quiet=self._standard):
                os.close(descriptor)


def _descriptor(path: str) -> int | None:
    match = _DESCRIPTOR.fullmatch(path)
    if path == "-" or (match and match["name"] == "out"):
        with suppress(OSError, ValueError):  # a stand-in for standard output has no descriptor
            sys.stdout.flush()
            return os.dup(sys.stdout.fileno())
        return None
    if match:
        return os.dup(_NUMBERS[match["name"]] if match["name"] else int(match["number"]))
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(path: str, *, quiet: bool = False) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if quiet and isinstance(error, BrokenPipeError):
            raise
        name = "standard output" if path == "-" else f"output `{path}`"
        cause, hint = _CAUSES.get(error.errno or 0, (error.strerror or str(error), None))
        raise SinkError(f"Cannot write {name}: {cause}", hint=hint) from error
