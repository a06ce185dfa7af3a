"""The facts of a company by pages: standard metrics or reports of concepts, as known on a day."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from raymill.app.filings.companies import number_of
from raymill.app.filings.rooms import open_dataset
from raymill.errors import NotFound
from raymill.filings import versions
from raymill.filings.dataset import Facts
from raymill.filings.dataset_parts import TABLE
from raymill.filings.series import Known, Per, known
from raymill.filings.tickers import called

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class FactsAsked:
    """What is asked of a company.

    metrics: those that have a value where none is named; concepts: names of XBRL as they are
    reported, instead of metrics; as_of: only what had been filed by the end of that day.
    """

    company: str
    metrics: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()
    per: Per = "annual"
    as_of: date | None = None
    unit: str | None = None

    @property
    def digest(self) -> str:
        """Tells what is asked apart from anything else."""
        return hashlib.blake2b(repr(self).encode(), digest_size=8).hexdigest()


class FactsPage(NamedTuple):
    """Some rows of those that were found, and of which state of the dataset they are."""

    company: str
    cik: int
    entity: str | None
    total: int
    rows: Rows
    snapshot: int


def facts_page(
    asked: FactsAsked, position: int = 0, most: int = 1000, snapshot: int | None = None
) -> FactsPage:
    """A page of rows, in a total order. Raises NotFound, UnknownName, ConfigError."""
    dataset, company = open_dataset(), called(asked.company)
    cik = number_of(company, dataset)
    at = dataset.lake.changed(TABLE) if snapshot is None else snapshot
    if cik is None or not (entity := _entity(dataset, cik, at)):
        raise NotFound(f"No facts of `{company}` are stored", hint=_HINT)
    rows = (_of_concepts if asked.concepts else _of_metrics)(dataset, cik, asked, at)
    return FactsPage(company, cik, entity[0], len(rows), rows[position : position + most], at)


_HINT = "POST /api/filings/companies has them processed"


def _entity(dataset: Facts, cik: int, at: int) -> tuple[str | None] | None:
    """What a company is called in its filings; None where no fact is stored."""
    found = _known(str(dataset.lake.folder), cik, None, at)
    return (found.entity,) if found is not None else None


def _of_metrics(dataset: Facts, cik: int, asked: FactsAsked, at: int) -> Rows:
    found = _known(str(dataset.lake.folder), cik, asked.as_of, at)
    if found is None:
        return []
    table = found.table(asked.metrics or None, per=asked.per, unit=asked.unit)
    return [_plain(row) for row in table.to_pylist()]


@lru_cache(maxsize=16)
def _known(folder: str, cik: int, as_of: date | None, at: int) -> Known | None:
    """The metrics of a company, as a state of the dataset has them; pages of it follow."""
    reports = open_dataset().reports(cik, snapshot=at)
    return known(reports, as_of) if reports.num_rows else None


def _of_concepts(dataset: Facts, cik: int, asked: FactsAsked, at: int) -> Rows:
    reports = dataset.reports(cik, concept=list(asked.concepts), snapshot=at)
    rows: Sequence[dict[str, Any]] = versions.as_of(reports, asked.as_of).to_pylist()
    return [
        _plain(row | {"dims": dict(row["dims"] or ())})
        for row in rows
        if asked.unit in (None, row["unit"])
    ]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose value is whole where it was reported so."""
    text = row["value_text"] or ""
    is_whole = text.lstrip("-").isdecimal()
    return row | {"value": int(text) if is_whole and len(text) < 18 else row["value"]}
