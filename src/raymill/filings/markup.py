"""XML read within bounds: no entity is expanded and nothing is fetched."""

import re
from collections.abc import Iterator, Sequence
from html.entities import name2codepoint
from io import BytesIO
from typing import Any, TypeAlias

from lxml import etree

from raymill.errors import DataError
from raymill.filings.document import Document

Element: TypeAlias = Any  # lxml's stubs know neither the filter by tag nor `_Element`'s speed

INSTANCE = "http://www.xbrl.org/2003/instance"
INLINE = ("http://www.xbrl.org/2013/inlineXBRL", "http://www.xbrl.org/2008/inlineXBRL")
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"

LARGE = 16 << 20  # bytes; the tree of a document takes some ten times its size
_SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
_ENTITY = re.compile(rb"&(?!amp;|lt;|gt;|quot;|apos;)([A-Za-z][A-Za-z0-9]{1,31});")
_HEAD = 1 << 16  # where a document type is looked for; a later one is seen when it is parsed


def elements(document: Document, tags: Sequence[str] | None = None) -> Iterator[Element]:
    """Give the elements of these names, then, last of all, the root.

    A usual document is parsed whole and its elements come in the order of their beginnings; of one
    that `is_streamed` they come as they end, so that the reader can clear what it has read.
    Raises DataError where the document breaks off, is malformed or declares entities.
    """
    if b"<!ENTITY" in document.data[:_HEAD]:
        raise _entities(document)
    try:
        if is_streamed(document):
            data = BytesIO(_without_names(document.data))
            found: Any = etree.iterparse(data, events=("end",), tag=tags, **_SAFE)
            for _, element in found:
                yield element
            root = found.root
        else:
            root = _tree(document.data)
    except etree.XMLSyntaxError as error:
        raise DataError(
            f"`{document.name}` breaks off or is no well-formed XML: {error.msg}",
            hint="fetch the file again, and see that it is whole",
        ) from error
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and any(True for _ in declared.iterentities()):
        raise _entities(document)
    if not is_streamed(document):
        yield from root.iter(etree.Element if tags is None else tags)
    yield root


def _tree(data: bytes) -> Element:
    """The root of a document; named characters are looked for only where they can be."""
    if b"<!DOCTYPE" in data[:_HEAD]:
        data = _without_names(data)
    try:
        return etree.fromstring(data, etree.XMLParser(**_SAFE))
    except etree.XMLSyntaxError as error:
        bare = _without_names(data)
        if bare == data or "Entity" not in error.msg:
            raise
    return etree.fromstring(bare, etree.XMLParser(**_SAFE))


def is_streamed(document: Document) -> bool:
    """Whether a document is too large for its tree to be held whole."""
    return len(document.data) > LARGE


def _entities(document: Document) -> DataError:
    return DataError(
        f"`{document.name}` declares entities of its own, which no filing needs",
        hint="this is how documents are made that grow without end; do not trust its origin",
    )


def _without_names(data: bytes) -> bytes:
    """Named characters of HTML, which XML does not know and filers use, as numbers."""
    return _ENTITY.sub(_numbered, data)


def _numbered(found: "re.Match[bytes]") -> bytes:
    code = name2codepoint.get(found[1].decode())
    return b"&#%d;" % code if code else found[0]


def text_of(element: Element, most: int = 4096) -> str:
    """The text of an element and all in it, cut off at `most` characters."""
    if len(element) == 0:
        return (element.text or "")[:most]
    parts, size = [], 0
    for part in element.itertext():
        parts.append(part)
        size += len(part)
        if size > most:
            break
    return "".join(parts)[:most]
