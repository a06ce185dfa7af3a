"""Inline XBRL: numbers marked up in the HTML page that people read."""

from collections.abc import Sequence

from raymill.filings.collector import COVER, Collector, Found
from raymill.filings.context import CONTEXT, UNIT, read_context, read_unit
from raymill.filings.document import Document
from raymill.filings.markup import INLINE, NIL, Element, elements, text_of
from raymill.filings.numbers import decimals_of, exact

_HTML = "http://www.w3.org/1999/xhtml"
_NUMBERS = {f"{{{space}}}nonFraction" for space in INLINE}
_TEXTS = {f"{{{space}}}nonNumeric" for space in INLINE}
_FRACTIONS = {f"{{{space}}}fraction" for space in INLINE}
_DONE = {f"{{{_HTML}}}{name}" for name in ("table", "div", "p")}
_TAGS = (*_NUMBERS, *_TEXTS, *_FRACTIONS, *_DONE, CONTEXT, UNIT)


def read_inline(documents: Sequence[Document]) -> Collector:
    """Collect the facts of the inline documents of one filing; they may share contexts.

    Raises DataError where a document breaks off, is malformed or beyond a bound.
    """
    found = Collector("inline")
    for document in documents:
        _read(document, found)
    return found


def _read(document: Document, found: Collector) -> None:
    before, root = len(found.found), None
    for element in elements(document, _TAGS):
        tag, root = element.tag, element
        if tag in _NUMBERS:
            _number(element, document.file, found)
        elif tag in _DONE:
            element.clear(keep_tail=True)
        elif tag in _TEXTS:
            _text(element, found)
        elif tag == CONTEXT:
            _context(element, document.file, found)
        elif tag == UNIT:
            found.units[element.get("id", "")] = read_unit(element)
        elif tag in _FRACTIONS:
            reason = "fractions are not read"
            found.refuse(document.file, element.get("name", ""), element.get("id"), reason)
    if root is not None:
        found.learn(root.nsmap.items())
    for place, fact in enumerate(found.found[before:], start=before):
        usual = found.names.get(fact.taxonomy, fact.taxonomy)
        if usual != fact.taxonomy:
            found.found[place] = fact._replace(taxonomy=usual)


def _context(element: Element, document: str, found: Collector) -> None:
    name = element.get("id", "")
    try:
        found.contexts[name] = read_context(element)
    except ValueError as error:
        found.refuse(document, f"context {name}", name, error)
    element.clear(keep_tail=True)


def _text(element: Element, found: Collector) -> None:
    """Keep what the cover page says; the longest texts of a filing are none of it."""
    name = element.get("name", "").rpartition(":")[2]
    if name in COVER and name not in found.cover and element.get(NIL) not in ("true", "1"):
        form = (element.get("format") or "").rpartition(":")[2].replace("-", "")
        fixed = {"fixedtrue": "true", "booleantrue": "true", "fixedfalse": "false"}.get(form)
        text = fixed or " ".join(text_of(element).split())
        if text:
            found.cover[name] = text


def _number(element: Element, document: str, found: Collector) -> None:
    get = element.get
    taxonomy, _, concept = get("name", "").rpartition(":")
    fact_id = get("id")
    try:
        text, decimals, is_exact = None, None, False
        if get(NIL) not in ("true", "1"):
            text = exact(text_of(element), get("format"), get("scale"), get("sign"))
            decimals, is_exact = decimals_of(get("decimals"), get("precision"), text)
    except ValueError as error:
        found.refuse(document, concept, fact_id, error)
        return
    context, unit = get("contextRef", ""), get("unitRef", "")
    found.add(Found(document, taxonomy, concept, context, unit, text, decimals, is_exact, fact_id))
