"""Documents as bytes: read within bounds, and told apart by what they begin with."""

import os
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from raymill.connectors.files import InputFile, bare_name, chunks, look_at
from raymill.errors import DataError

Kind = Literal["companyfacts", "submission", "inline", "instance", "html", "xml", "unknown"]

MOST_BYTES = 256 << 20  # of one document, unpacked
_SPACE = re.compile(rb"[\s\x00]*(?:\xef\xbb\xbf)?\s*")
_TAG = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_PROLOG = ((b"<?", b"?>"), (b"<!--", b"-->"))
_INLINE = (b"http://www.xbrl.org/2013/inlineXBRL", b"http://www.xbrl.org/2008/inlineXBRL")


@dataclass(frozen=True, slots=True)
class Document:
    """A file of a filing: its name, for messages and provenance, and its bytes."""

    name: str
    data: bytes

    @property
    def file(self) -> str:
        """The name without folders and the ending of a compression."""
        return bare_name(os.path.basename(self.name))


def read_document(path: str, *, most_bytes: int = MOST_BYTES) -> Document:
    """Read a file, unpacked. Raises InputError, and DataError where it breaks off or is too large.

    Compression is told by the ending and the first bytes.
    """
    file = look_at(path)
    try:
        return Document(file.name, _bounded(file, most_bytes))
    except OSError as error:
        packed = f" ({file.codec} data)" if file.codec else ""
        raise DataError(
            f"`{file.name}`{packed} is damaged or breaks off: {str(error).splitlines()[0]}",
            hint="fetch the file again",
        ) from error


def _bounded(file: InputFile, most_bytes: int) -> bytes:
    found = BytesIO()
    for chunk, _ in chunks(file):
        found.write(chunk)
        if found.tell() > most_bytes:
            raise too_large(file.name, most_bytes)
    return found.getvalue()  # shares its memory, a bytearray would be copied


def too_large(name: str, most_bytes: int) -> DataError:
    """The error for a document beyond its bound."""
    return DataError(f"`{name}` holds more than {most_bytes >> 20} MB, which no filing does")


def kind_of(data: bytes) -> Kind:
    """Tell what a document is by its beginning.

    >>> kind_of(b'{"cik": 1, "facts": {}}'), kind_of(b"<html><body>Not found</body></html>")
    ('companyfacts', 'html')
    """
    start = _SPACE.match(data)
    place = start.end() if start else 0
    if data[place : place + 1] in (b"{", b"["):
        return "companyfacts"
    if data[place : place + 1] == b"-" or data[place : place + 5].upper() == b"<SEC-":
        return "submission" if b"<DOCUMENT>" in data else "unknown"
    root = _root(data, place)
    if root == b"xbrl":
        return "instance"
    if root == b"html":
        return "inline" if any(name in data for name in _INLINE) else "html"
    if root == b"DOCUMENT":
        return "submission"
    return "xml" if root else "unknown"


def _root(data: bytes, place: int) -> bytes:
    """The name of the outermost element, without its prefix; empty where there is none."""
    while place >= 0:
        place = _SPACE.match(data, place).end()  # type: ignore[union-attr]
        ending = next((end for begin, end in _PROLOG if data.startswith(begin, place)), None)
        if ending is None and data[place : place + 9].upper() == b"<!DOCTYPE":
            ending = _doctype_end(data, place)
        if ending is None:
            return _name_at(data, place)
        stop = data.find(ending, place)
        place = stop + len(ending) if stop >= 0 else -1
    return b""


def _name_at(data: bytes, place: int) -> bytes:
    found = _TAG.match(data, place)
    name = found[1] if found else b""
    return name if name == b"DOCUMENT" else name.lower()


def _doctype_end(data: bytes, place: int) -> bytes:
    bracket, close = data.find(b"[", place), data.find(b">", place)
    return b"]>" if 0 <= bracket < close and data.find(b"]>", bracket) >= 0 else b">"
