"""Bodies that were fetched, kept on disk with their hash and where they come from.

A filed document lies at `<cik, ten digits>/<accession>/<name>` and never changes; answers that do
change lie under `answers/`. What is known of a body lies beside it, in `.about/<name>.json`; what
is being written lies in `.arriving/`.
"""

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raymill import faults, json
from raymill.errors import DataError, InputError, StoreError
from raymill.filings.document import Document
from raymill.filings.filing import accession_of
from raymill.state.durable import sync_file, sync_folder

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")
_DEPTH = 2  # folders that a document's own name may have, as in `xslF345X05/form4.xml`
ABOUT = ".about"
SUBMISSION = "full-submission.txt"
ARRIVING = ".arriving"


@dataclass(frozen=True, slots=True)
class Stored:
    """A body in the archive: where it lies, its hash and size, and where it comes from."""

    path: Path
    name: str
    sha256: str
    size: int
    url: str
    etag: str
    last_modified: str
    fetched: datetime

    def is_whole(self) -> bool:
        """Whether the body is still the one that was stored."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except OSError:
            return False

    def read(self) -> bytes:
        """The body. Raises StoreError where it is not the one that was stored."""
        try:
            body = self.path.read_bytes()
        except OSError as error:
            raise StoreError(f"`{self.path}` cannot be read: {error.strerror}") from error
        if hashlib.sha256(body).hexdigest() != self.sha256:
            raise StoreError(
                f"`{self.path}` is damaged: its hash does not match", hint="fetch it again"
            )
        return body

    def document(self) -> Document:
        """The body with its name, for the extractors."""
        return Document(self.name, self.read())


@dataclass(frozen=True, slots=True)
class Place:
    """Where a body belongs in the archive; `filed` and `answer` make one, of checked names."""

    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the body."""
        return self.parts[-1]


def filed(cik: int, accession: str, name: str) -> Place:
    """The place of a filed document. Raises InputError for names that are none.

    >>> filed(320193, "0000320193-25-000057", "aapl-20250329.htm").parts
    ('0000320193', '0000320193-25-000057', 'aapl-20250329.htm')
    """
    if accession_of(accession) != accession:
        raise InputError(f"`{accession}` is no accession number", hint="as in 0000320193-25-000057")
    parts = name.split("/")
    if len(parts) > _DEPTH or not all(map(_NAME.fullmatch, parts)):
        raise InputError(f"`{name}` cannot be the name of a document")
    return Place((f"{cik:010d}", accession, *parts))


def answer(*names: str) -> Place:
    """The place of an answer that may change."""
    if not all(map(_NAME.fullmatch, names)):
        raise InputError(f"`{'/'.join(names)}` cannot be the name of an answer")
    return Place(("answers", *names))


class Archive:
    """A folder of bodies; processes share it. It is made when it is first written to."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def holds(self, place: Place) -> bool:
        """Whether a body of the right size is there; its hash is looked at when it is read."""
        return self._about(place) is not None

    def find(self, place: Place) -> Stored | None:
        """The body of a place, None where there is none or it is damaged."""
        stored = self._about(place)
        return stored if stored is not None and stored.is_whole() else None

    def accessions(self, cik: int) -> set[str]:
        """The filings of a company of which something is there."""
        folder = self.folder / f"{cik:010d}"
        names = os.listdir(folder) if folder.is_dir() else []
        return {name for name in names if accession_of(name) == name}

    @contextmanager
    def writing(self, place: Place) -> Iterator["Arriving"]:
        """A file to write a body to; it is in the archive once `keep` was called, else gone.

        Raises StoreError where the disk is full or the folder cannot be written to.
        """
        path = self._path(place)
        partial = self.folder / ARRIVING / f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            _make_folder(partial.parent)
            yield Arriving(path, partial)
        except OSError as error:
            raise _unwritten(path, error) from error
        finally:
            with suppress(OSError):
                partial.unlink()

    def put(self, place: Place, body: bytes, **about: Any) -> Stored:
        """Keep a body that is in memory; `about` as in `Arriving.keep`."""
        with self.writing(place) as arriving:
            arriving.partial.write_bytes(body)
            digest = hashlib.sha256(body).hexdigest()
            return arriving.keep(sha256=digest, size=len(body), **about)

    def forget(self, place: Place) -> None:
        """Drop a body, so that it is fetched again."""
        _about_path(self._path(place)).unlink(missing_ok=True)

    def sweep(self, before: datetime) -> int:
        """Remove what killed processes left half-written before a time. Gives how many files."""
        folder = self.folder / ARRIVING
        removed = 0
        for path in folder.iterdir() if folder.is_dir() else ():
            with suppress(FileNotFoundError):  # another process sweeps, or has just finished one
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    removed += 1
        return removed

    def touch(self, stored: Stored, place: Place, fetched: datetime) -> Stored:
        """Note that a body still was the newest at a time."""
        about = _about_of(stored) | {"fetched": fetched.isoformat()}
        path = self._path(place)
        try:
            with _about_written(path, about) as noted:
                noted()
        except OSError as error:
            raise _unwritten(path, error) from error
        return _stored(path, about)

    def _path(self, place: Place) -> Path:
        return self.folder.joinpath(*place.parts)

    def _about(self, place: Place) -> Stored | None:
        path = self._path(place)
        try:
            about = json.loads(_about_path(path).read_bytes())
            stored = _stored(path, about)
            return stored if path.stat().st_size == stored.size else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Arriving:
    """A body on its way into the archive: write it to `partial`, then `keep` it."""

    path: Path
    partial: Path

    def keep(
        self,
        *,
        sha256: str,
        size: int,
        url: str,
        fetched: datetime,
        etag: str = "",
        last_modified: str = "",
    ) -> Stored:
        """Make the body safe and give it its name. Raises DataError if it is not the one told."""
        if self.partial.stat().st_size != size:
            raise DataError(f"`{self.path}` is not whole", hint="fetch it again")
        about: dict[str, Any] = {
            "sha256": sha256,
            "size": size,
            "url": url,
            "etag": etag,
            "last_modified": last_modified,
            "fetched": fetched.isoformat(),
        }
        sync_file(self.partial)
        _make_folder(self.path.parent / ABOUT)
        with _about_written(self.path, about) as noted:
            faults.point("archive.before-rename")
            self.partial.replace(self.path)
            sync_folder(self.path.parent)
            faults.point("archive.renamed")
            noted()
        return _stored(self.path, about)


def _about_path(path: Path) -> Path:
    return path.parent / ABOUT / f"{path.name}.json"


@contextmanager
def _about_written(path: Path, about: dict[str, Any]) -> Iterator[Callable[[], None]]:
    """What is known of a body, on the disk; call what this gives to make it count."""
    target = _about_path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.partial")

    def note() -> None:
        partial.replace(target)
        sync_folder(target.parent)

    try:
        partial.write_bytes(json.dumps(about, indent=True))
        sync_file(partial)
        yield note
    finally:
        with suppress(OSError):
            partial.unlink()


def _stored(path: Path, about: dict[str, Any]) -> Stored:
    fetched = datetime.fromisoformat(about["fetched"])
    return Stored(
        path=path,
        name=path.name,
        sha256=str(about["sha256"]),
        size=int(about["size"]),
        url=str(about["url"]),
        etag=str(about["etag"]),
        last_modified=str(about["last_modified"]),
        fetched=fetched.astimezone(UTC),
    )


def _about_of(stored: Stored) -> dict[str, Any]:
    return {
        "sha256": stored.sha256,
        "size": stored.size,
        "url": stored.url,
        "etag": stored.etag,
        "last_modified": stored.last_modified,
        "fetched": stored.fetched.isoformat(),
    }


def _make_folder(folder: Path) -> None:
    """Make a folder that is still there after a loss of power, and those above it."""
    if folder.is_dir():
        return
    new = [place for place in (folder, *folder.parents) if not place.is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in reversed(new):
        sync_folder(place.parent)


def _unwritten(path: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"No space left for `{path}`", hint="free some, then go on")
    return StoreError(
        f"`{path}` cannot be written: {error.strerror or error}",
        hint="RAYMILL_FILINGS_ARCHIVE names the folder of what is fetched",
    )
