"""XML read in one pass: no entity is expanded, nothing is fetched, what was read is forgotten."""

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

_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")
_OWN = {b"amp", b"lt", b"gt", b"quot", b"apos"}


def elements(document: Document, tags: Sequence[str] | None = None) -> Iterator[Element]:
    """Give each element of these names when it ends, then, last of all, the root.

    Raises DataError where the document breaks off, is malformed or declares entities.
    """
    if b"<!ENTITY" in document.data:
        raise _entities(document)
    found: Any = etree.iterparse(
        BytesIO(_without_names(document.data)),
        events=("end",),
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for _, element in found:
            yield element
    except etree.XMLSyntaxError as error:
        raise DataError(
            f"`{document.name}` breaks off or is no well-formed XML: {error.msg}",
            hint="fetch the file again, and see that it is whole",
        ) from error
    declared = found.root.getroottree().docinfo.internalDTD
    if declared is not None and any(True for _ in declared.iterentities()):
        raise _entities(document)
    yield found.root


def _entities(document: Document) -> DataError:
    return DataError(
        f"`{document.name}` declares entities of its own, which no filing needs",
        hint="this is how documents are made that grow without end; do not trust its origin",
    )


def _without_names(data: bytes) -> bytes:
    """Named characters of HTML, which XML does not know and filers use, as numbers."""
    return _ENTITY.sub(_numbered, data)


def _numbered(found: "re.Match[bytes]") -> bytes:
    code = None if found[1] in _OWN else name2codepoint.get(found[1].decode())
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
