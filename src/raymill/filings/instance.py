"""Classic XBRL: an instance document of its own, filed or extracted by the SEC."""

from raymill.filings.collector import COVER, Collector, Found
from raymill.filings.context import CONTEXT, UNIT, read_unit, taxonomy_of
from raymill.filings.document import Document
from raymill.filings.markup import NIL, Element, elements, is_streamed, text_of
from raymill.filings.numbers import decimals_of, lexical

_NOTES = "{http://www.xbrl.org/2003/linkbase}footnoteLink"


def read_instance(document: Document) -> Collector:
    """Collect the facts of an instance.

    Raises DataError where it breaks off, is malformed or beyond a bound.
    """
    found, name = Collector("instance"), document.file
    streamed = is_streamed(document)
    for element in elements(document):
        context = element.get("contextRef")
        if context is not None:
            _fact(element, context, name, found)
            if streamed:
                element.clear(keep_tail=True)
        elif element.tag == CONTEXT:
            found.learn_context(element, name)
            if streamed:
                element.clear(keep_tail=True)
        elif element.tag == UNIT:
            found.units[element.get("id", "")] = read_unit(element)
        elif streamed and element.tag == _NOTES:
            element.clear(keep_tail=True)
    found.learn(element.nsmap.items())
    return found


def _fact(element: Element, context: str, document: str, found: Collector) -> None:
    space, _, concept = element.tag[1:].rpartition("}")
    unit, is_nil = element.get("unitRef"), element.get(NIL) in ("true", "1")
    if unit is None:
        if concept in COVER and not is_nil:
            found.cover.setdefault(concept, " ".join(text_of(element).split()))
        return
    text, decimals, is_exact = None, None, False
    fact_id = element.get("id")
    try:
        if not is_nil:
            text = lexical(text_of(element))
            given = element.get("decimals"), element.get("precision")
            decimals, is_exact = decimals_of(*given, text)
    except ValueError as error:
        found.refuse(document, concept, fact_id, error)
        return
    taxonomy = taxonomy_of(space, element.prefix or "")
    found.add(Found(document, taxonomy, concept, context, unit, text, decimals, is_exact, fact_id))
