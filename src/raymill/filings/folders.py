"""The folders of a watch, and how a file gets from one to another: whole, and over no other one."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from raymill import faults
from raymill.errors import StoreError
from raymill.filings.dropped import read
from raymill.state.durable import sync_file, sync_folder

REASON = ".reason.txt"


@dataclass(frozen=True, slots=True)
class Folders:
    """Where files are dropped, where they go, and where they go that are refused."""

    root: Path

    @property
    def entry(self) -> Path:
        """Where files are dropped."""
        return self.root / "entry"

    @property
    def processing(self) -> Path:
        """Where files go that were taken."""
        return self.root / "processing"

    @property
    def rejected(self) -> Path:
        """Where files go that were refused, each with its reason."""
        return self.root / "rejected"

    def make(self) -> None:
        """Make the folders that are not there. Raises StoreError where they cannot be written."""
        for folder in (self.entry, self.processing, self.rejected):
            with told(folder):
                folder.mkdir(parents=True, exist_ok=True)
                if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, "permission denied", str(folder))

    def sweep(self) -> None:
        """Finish what a process that was killed began: moves, and reasons of what was refused."""
        for folder in (self.processing, self.rejected):
            there = {path.stat().st_ino for path in files(folder)}
            for path in files(self.entry):
                status = path.stat()
                if status.st_nlink > 1 and status.st_ino in there:
                    path.unlink()
        for path in files(self.rejected):
            if not reason_of(path).exists():
                write(reason_of(path), _reason(path))

    def reject(self, path: Path, reason: str) -> Path:
        """Take a file out of the way, with the reason beside it. Gives where it is."""
        with told(path):
            target = move(path, free(self.rejected, path.name))
            faults.point("watch.rejected")
            write(reason_of(target), f"{reason}\n".encode())
            return target


def files(folder: Path) -> list[Path]:
    """The JSON files of a folder, the oldest first; hidden ones and those below are none of it."""
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if _is_wanted(entry)]
    return [Path(entry.path) for entry in sorted(found, key=_age)]


def _is_wanted(entry: "os.DirEntry[str]") -> bool:
    name = entry.name
    return name.endswith(".json") and not name.startswith(".") and entry.is_file()


def _age(entry: "os.DirEntry[str]") -> tuple[int, str]:
    try:
        return entry.stat().st_mtime_ns, entry.name
    except OSError:  # it was taken away in between
        return 0, entry.name


def free(folder: Path, name: str) -> Path:
    """A path of a name that is free there, with a number behind it if need be."""
    stem, ending = os.path.splitext(name)
    names = (f"{stem}-{number}{ending}" if number else name for number in count())
    return next(
        path
        for path in (folder / name for name in names)
        if not os.path.lexists(path) and not reason_of(path).exists()
    )


def move(path: Path, target: Path) -> Path:
    """Move a file, and force that to the disk; over no other one. Gives where it is."""
    while True:
        try:
            os.link(path, target, follow_symlinks=False)
            faults.point("watch.linked")
            path.unlink()
            break
        except FileExistsError:  # somebody else was quicker
            target = free(target.parent, target.name)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
                raise
            path.rename(target)  # a file system without links
            break
    sync_folder(target.parent)
    sync_folder(path.parent)
    return target


def write(path: Path, data: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.partial")
    try:
        partial.write_bytes(data)
        sync_file(partial)
        partial.replace(path)
        sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the system says into a StoreError that names the file."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(f"No space left for `{path}`", hint="free some, then go on") from error
        raise StoreError(f"`{path}` cannot be used: {error.strerror or error}") from error


def reason_of(path: Path) -> Path:
    """The file that says why one was refused."""
    return path.with_name(f"{path.name}{REASON}")


def _reason(path: Path) -> bytes:
    found = read(path)
    return f"{found.reason or 'its process was killed before it said why'}\n".encode()
