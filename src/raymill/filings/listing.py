"""The list of a company's filings: one answer with the newest, and further pages."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from raymill import json
from raymill.errors import DataError
from raymill.filings.companies import Company
from raymill.filings.filing import accession_of, ticker_of

PERIODIC = ("10-K", "10-Q", "20-F", "40-F", "6-K")
FORMS = (*PERIODIC, *(f"{form}/A" for form in PERIODIC))
"""The forms that are looked for unless told otherwise: periodic reports and their amendments."""

_PAGE = re.compile(r"CIK\d{10}-submissions-\d{3,}\.json")


@dataclass(frozen=True, slots=True)
class Listed:
    """One filing of a list.

    accepted: as the SEC tells it. It ends in `Z`, but for some filers it is Eastern time; where the
    minute matters, take that of the submission's header.
    """

    cik: int
    accession: str
    form: str
    filed: date
    accepted: str
    report_date: date | None
    primary_document: str
    is_xbrl: bool
    is_inline: bool
    size: int


@dataclass(frozen=True, slots=True)
class Page:
    """A further page of a list, and the days that its filings lie between."""

    name: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Submissions:
    """A company, the newest of its filings, and which further pages there are."""

    company: Company
    filings: tuple[Listed, ...]
    pages: tuple[Page, ...] = ()


def read_submissions(data: bytes, name: str) -> Submissions:
    """Read the first answer. Raises DataError where it is none."""
    answer = _object(data, name)
    try:
        cik = int(answer["cik"])
        company = Company(
            cik,
            str(answer.get("name") or ""),
            tuple(filter(None, map(ticker_of, map(str, answer.get("tickers") or ())))),
            tuple(str(text) for text in answer.get("exchanges") or () if text),
            str(answer.get("sic") or ""),
            str(answer.get("fiscalYearEnd") or ""),
        )
        listed = answer["filings"]
        pages = tuple(_page(row) for row in listed.get("files") or ())
        return Submissions(company, _table(listed["recent"], cik), pages)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _no_list(name, error) from error


def read_page(data: bytes, cik: int, name: str) -> tuple[Listed, ...]:
    """Read a further page: the bare table of columns."""
    answer = _object(data, name)
    try:
        return _table(answer, cik)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _no_list(name, error) from error


def newest_first(
    filings: Iterable[Listed], forms: Collection[str] = FORMS, since: date | None = None
) -> list[Listed]:
    """The filings of some forms, by day and then time of acceptance, the newest first.

    Accession numbers are no order: they begin with the number of whoever sent the filing in.
    """
    found = {
        one.accession: one
        for one in filings
        if one.form in forms and (since is None or one.filed >= since)
    }
    order = sorted(found.values(), key=lambda one: (one.filed, one.accepted, one.accession))
    return order[::-1]


def _object(data: bytes, name: str) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except json.JSONError as error:
        raise DataError(f"`{name}` breaks off or is no JSON: {error}") from error
    if not isinstance(answer, dict):
        raise DataError(f"`{name}` is JSON, but no list of filings")
    return answer


def _table(columns: Mapping[str, Any], cik: int) -> tuple[Listed, ...]:
    accessions = columns["accessionNumber"]
    names = ("form", "filingDate", "acceptanceDateTime", "reportDate", "primaryDocument")
    numbers = ("isXBRL", "isInlineXBRL", "size")
    count = len(accessions)
    texts = [columns.get(name) or [""] * count for name in names]
    figures = [columns.get(name) or [0] * count for name in numbers]
    rows = zip(accessions, *texts, *figures, strict=True)
    return tuple(_listed(cik, *row) for row in rows)


def _listed(
    cik: int,
    accession: str,
    form: str,
    filed: str,
    accepted: str | None,
    reported: str | None,
    primary: str | None,
    is_xbrl: int | None,
    is_inline: int | None,
    size: int | None,
) -> Listed:
    checked = accession_of(accession)
    if checked != accession:
        raise ValueError(f"`{accession}` is no accession number")
    return Listed(
        cik=cik,
        accession=accession,
        form=form,
        filed=date.fromisoformat(filed),
        accepted=accepted or "",
        report_date=date.fromisoformat(reported) if reported else None,
        primary_document=primary or "",
        is_xbrl=bool(is_xbrl),
        is_inline=bool(is_inline),
        size=int(size or 0),
    )


def _page(row: Mapping[str, Any]) -> Page:
    name = str(row["name"])
    if not _PAGE.fullmatch(name):
        raise ValueError(f"`{name}` is no name of a page")
    first, last = (date.fromisoformat(row[key]) for key in ("filingFrom", "filingTo"))
    return Page(name, first, last)


def _no_list(name: str, error: Exception) -> DataError:
    return DataError(f"`{name}` is no list of filings: {error!r}", hint="fetch it again")
