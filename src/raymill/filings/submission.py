"""Complete submissions: the text file that holds all documents of a filing, with a header."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from raymill.filings.document import Document
from raymill.filings.filing import Filing, accepted_at

_FIELD = re.compile(r"^\s*<?([A-Z][A-Z -]+?)[>:][ \t]*(\S.*?)\s*$", re.MULTILINE)
_HEADER = 1 << 16
_WRAPPERS = (b"XBRL", b"XML", b"PDF", b"JSON")


@dataclass(frozen=True, slots=True)
class Part:
    """One document of a submission."""

    type: str
    document: Document


@dataclass(frozen=True, slots=True)
class Header:
    """What the head of a submission says."""

    filing: Filing
    industry: str | None
    is_asset_backed: bool


def read_header(data: bytes) -> Header:
    """Read the head of a submission; of several filers the first."""
    head = data[: data.find(b"<DOCUMENT>")][:_HEADER].decode("utf-8", "replace")
    found: dict[str, str] = {}
    for name, text in _FIELD.findall(head):
        found.setdefault(name, text)
    cik, form = found.get("CENTRAL INDEX KEY", ""), found.get("CONFORMED SUBMISSION TYPE")
    industry = found.get("STANDARD INDUSTRIAL CLASSIFICATION")
    filing = Filing(
        cik=int(cik) if cik.isdigit() else None,
        entity=found.get("COMPANY CONFORMED NAME"),
        form=form,
        accession=found.get("ACCESSION NUMBER"),
        filed=_day(found.get("FILED AS OF DATE", "")),
        accepted=accepted_at(found.get("ACCEPTANCE-DATETIME", "")),
        is_amendment=bool(form and form.endswith("/A")),
    )
    asset_backed = "ABS ASSET CLASS" in found or "[6189]" in (industry or "")
    return Header(filing, industry, asset_backed)


def _day(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


def parts(data: bytes) -> Iterator[Part]:
    """Give the documents in their order; a last one that breaks off is left out."""
    place = data.find(b"<DOCUMENT>")
    while place >= 0:
        stop = data.find(b"</DOCUMENT>", place)
        text = data.find(b"<TEXT>", place, stop)
        if stop < 0 or text < 0:
            return
        head = data[place:text].decode("utf-8", "replace")
        body = _bare(data[text + len(b"<TEXT>") : data.rfind(b"</TEXT>", text, stop)])
        yield Part(_field(head, "TYPE"), Document(_field(head, "FILENAME"), body))
        place = data.find(b"<DOCUMENT>", stop)


def _field(head: str, name: str) -> str:
    found = re.search(rf"^<{name}>(.*)$", head, re.MULTILINE)
    return found[1].strip() if found else ""


def _bare(body: bytes) -> bytes:
    body = body.strip()
    for name in _WRAPPERS:
        if body.startswith(b"<%s>" % name):
            return body.removeprefix(b"<%s>" % name).removesuffix(b"</%s>" % name).strip()
    return body
