"""Facts out of a document, whatever its form."""

from dataclasses import dataclass, replace

import pyarrow as pa

from raymill.errors import DataError, InputError
from raymill.filings.collector import Collector, Problem
from raymill.filings.companyfacts import read_companyfacts
from raymill.filings.document import Document, kind_of, read_document
from raymill.filings.filing import Filing, accession_of
from raymill.filings.inline import read_inline
from raymill.filings.instance import read_instance
from raymill.filings.submission import Header, Part, parts, read_header

VERSION = 1  # of the extractors: rows are extracted anew when it grows
_INSTANCE_TYPES = ("EX-101.INS", "XML")

__all__ = ["VERSION", "Extracted", "Problem", "extract", "extract_file"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """The facts of a document, why there are none, and those that could not be read."""

    facts: pa.Table
    reason: str | None = None
    problems: tuple[Problem, ...] = ()


def extract_file(path: str, filing: Filing | None = None) -> Extracted:
    """Read the facts of a file: see `extract`. An accession number in its path is kept."""
    known = filing or Filing()
    if known.accession is None:
        known = replace(known, accession=accession_of(path))
    return extract(read_document(path), known)


def extract(document: Document, filing: Filing | None = None) -> Extracted:
    """Read the facts of an inline document, an instance, a submission or a companyfacts answer.

    What `filing` says holds before what the document says of itself. A submission without XBRL is
    a normal end with no facts and a reason. Raises InputError where the document is something
    else, DataError where it breaks off, is malformed or beyond a bound.
    """
    kind, known = kind_of(document.data), filing or Filing()
    if kind == "companyfacts":
        facts = read_companyfacts(document)
        reason = None if facts.num_rows else "the answer holds no facts"
        return Extracted(facts, reason)
    if kind == "submission":
        return _of_submission(document, known)
    if kind == "inline":
        return _made(read_inline([document]), known)
    if kind == "instance":
        return _made(read_instance(document), known)
    raise _no_facts_can_be_in(document, kind)


def _made(found: Collector, filing: Filing) -> Extracted:
    facts = found.table(filing)
    reason = None
    if not facts.num_rows:
        form = filing.form or found.cover.get("DocumentType") or "this document"
        reason = f"{form} has XBRL, but no numeric fact"
        if found.problems:
            reason += f" that can be read ({found.problems[0].reason})"
    return Extracted(facts, reason, tuple(found.problems))


def _no_facts_can_be_in(document: Document, kind: str) -> InputError:
    if not document.data.strip():
        return InputError(f"`{document.name}` is empty", hint="fetch the file again")
    if kind == "html":
        return InputError(
            f"`{document.name}` is an HTML page without XBRL",
            hint="take the inline document of the filing (its name is like aapl-20250329.htm), its "
            "instance (.xml) or its full-submission.txt; an error page is HTML as well",
        )
    what = "XML, but no XBRL instance" if kind == "xml" else "no document of a filing"
    return InputError(
        f"`{document.name}` is {what}",
        hint="give an inline document (.htm), an instance (.xml), a full-submission.txt or a "
        "companyfacts answer (.json)",
    )


def _of_submission(document: Document, filing: Filing) -> Extracted:
    header = read_header(document.data)
    known = _both(filing, header.filing)
    found = list(parts(document.data))
    if not found or document.data.count(b"<DOCUMENT>") != len(found):
        raise DataError(
            f"`{document.name}` breaks off after {len(found)} documents",
            hint="fetch the file again",
        )
    collected = _collected(found)
    if collected is not None:
        return _made(collected, known)
    return replace(_made(Collector("inline"), known), reason=_why_none(header))


def _collected(found: list[Part]) -> Collector | None:
    """The instance where there is one: it is whole, even of a filing in several inline pages."""
    for part in found:
        if part.type in _INSTANCE_TYPES and kind_of(part.document.data) == "instance":
            return read_instance(part.document)
    inline = [part.document for part in found if kind_of(part.document.data) == "inline"]
    return read_inline(inline) if inline else None


def _why_none(header: Header) -> str:
    form = header.filing.form or "the filing"
    if header.is_asset_backed:
        return f"{form} of an asset-backed issuer, which reports no financial data as XBRL"
    if header.filing.filed is not None and header.filing.filed.year < 2009:
        return f"{form} of {header.filing.filed.year}: there was no XBRL before 2009"
    industry = f" ({header.industry})" if header.industry else ""
    return f"{form}{industry} without XBRL"


def _both(first: Filing, second: Filing) -> Filing:
    names = Filing.__dataclass_fields__
    values = {name: getattr(first, name) for name in names}
    return replace(second, **{name: value for name, value in values.items() if value is not None})
