"""Inline XBRL: numbers marked up in the HTML page that people read."""

from collections.abc import Sequence

from raymill.filings.collector import COVER, Collector, Found
from raymill.filings.context import CONTEXT, UNIT, read_unit
from raymill.filings.document import Document
from raymill.filings.markup import INLINE, NIL, Element, elements, is_streamed, text_of
from raymill.filings.numbers import reported

_HTML = "http://www.w3.org/1999/xhtml"
_NUMBERS = {f"{{{space}}}nonFraction" for space in INLINE}
_TEXTS = {f"{{{space}}}nonNumeric" for space in INLINE}
_FRACTIONS = {f"{{{space}}}fraction" for space in INLINE}
_DONE = {f"{{{_HTML}}}{name}" for name in ("table", "tr", "div", "p")}
_TAGS = (*_NUMBERS, *_TEXTS, *_FRACTIONS, CONTEXT, UNIT)


def read_inline(documents: Sequence[Document]) -> Collector:
    """Collect the facts of the inline documents of one filing; they may share contexts.

    Raises DataError where a document breaks off, is malformed or beyond a bound.
    """
    found = Collector("inline")
    for document in documents:
        _read(document, found)
    return found


def _read(document: Document, found: Collector) -> None:
    before, root, name = len(found.found), None, document.file
    streamed = is_streamed(document)
    for element in elements(document, (*_TAGS, *_DONE) if streamed else _TAGS):
        tag, root = element.tag, element
        if tag in _NUMBERS:
            within = _numbers_in(element) if streamed and len(element) else 0
            _number(element, name, found, within)
        elif tag in _TEXTS:
            _text(element, found)
        elif tag == CONTEXT:
            found.learn_context(element, name)
            if streamed:
                element.clear(keep_tail=True)
        elif tag == UNIT:
            found.units[element.get("id", "")] = read_unit(element)
        elif tag in _FRACTIONS:
            reason = "fractions are not read"
            found.refuse(name, element.get("name", ""), element.get("id"), reason)
        elif streamed and tag in _DONE and not _is_awaited(element):
            element.clear(keep_tail=True)
    if root is not None:
        found.learn(root.nsmap.items())
        _rename(found, before)


def _rename(found: Collector, before: int) -> None:
    """Give the facts of a document the usual names of their taxonomies."""
    renamed = {prefix: usual for prefix, usual in found.names.items() if prefix != usual}
    for place, fact in enumerate(found.found[before:] if renamed else (), start=before):
        if fact.taxonomy in renamed:
            found.found[place] = fact._replace(taxonomy=renamed[fact.taxonomy])


def _text(element: Element, found: Collector) -> None:
    """Keep what the cover page says; the longest texts of a filing are none of it."""
    name = _local_name(element)
    if name in COVER and name not in found.cover and element.get(NIL) not in ("true", "1"):
        form = (element.get("format") or "").rpartition(":")[2].replace("-", "")
        fixed = {"fixedtrue": "true", "booleantrue": "true", "fixedfalse": "false"}.get(form)
        text = fixed or " ".join(text_of(element).split())
        if text:
            found.cover[name] = text


def _is_awaited(element: Element) -> bool:
    """Whether a number or a text of the cover page goes on around an element."""
    around = element.iterancestors(*_NUMBERS, *_TEXTS)
    return any(one.tag in _NUMBERS or _local_name(one) in COVER for one in around)


def _local_name(element: Element) -> str:
    name: str = element.get("name", "")
    return name.rpartition(":")[2]


def _numbers_in(element: Element) -> int:
    """How many numbers lie within one: where they end one by one, theirs came before it."""
    return sum(1 for _ in element.iter(_NUMBERS)) - 1


def _number(element: Element, document: str, found: Collector, within: int) -> None:
    get = element.get
    taxonomy, _, concept = get("name", "").rpartition(":")
    fact_id, decimals, is_exact = get("id"), None, False
    text: str | None = element.text or "" if len(element) == 0 else text_of(element)
    try:
        if text or get(NIL) not in ("true", "1"):
            given = (get("format"), get("scale"), get("sign"), get("decimals"), get("precision"))
            text, decimals, is_exact = reported(text or "", given)
        else:
            text = None
    except ValueError as error:
        found.refuse(document, concept, fact_id, error)
        return
    context, unit = get("contextRef", ""), get("unitRef", "")
    fact = Found(document, taxonomy, concept, context, unit, text, decimals, is_exact, fact_id)
    found.add(fact, within)
