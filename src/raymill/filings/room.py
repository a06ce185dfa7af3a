"""What the steps of filings need of the world, as protocols; put together elsewhere."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import pyarrow as pa

from raymill.filings.archive import Place, Stored
from raymill.filings.companies import Company
from raymill.filings.dataset import FilingRow
from raymill.filings.handover import Handover
from raymill.filings.ledger import Ledger
from raymill.filings.listing import Listed


class Source(Protocol):
    """Where companies, lists of filings and documents come from."""

    def resolve(self, text: str) -> Company:
        """The company of a ticker, CIK or exact name. Raises UnknownName."""

    def filings(self, cik: int, forms: Collection[str], since: date | None = None) -> list[Listed]:
        """The filings of a company in some forms, the newest first."""

    def document(self, cik: int, accession: str, name: str) -> Stored:
        """A document of a filing."""

    def instance(self, cik: int, accession: str, primary: str = "") -> Stored | None:
        """The XBRL instance of a filing, None where there is none."""

    def full_submission(self, cik: int, accession: str) -> Stored:
        """All documents of a filing in one text."""

    def companyfacts(self, cik: int) -> Stored | None:
        """Every fact without dimensions of a company."""


class Dataset(Protocol):
    """Where facts are kept, each filing replaced as a whole."""

    def processed(self, cik: int, *, extractor: int = 0) -> set[str]:
        """The filings whose documents were read, by this extractor or a newer."""

    def store(self, cik: int, accession: str, facts: pa.Table, filing: FilingRow) -> bool:
        """Let the dataset hold exactly these facts of a filing."""

    def reports(self, company: int | str) -> pa.Table:
        """Every report of every number of a company."""


class Bodies(Protocol):
    """Where fetched bodies are kept."""

    def find(self, place: Place) -> Stored | None:
        """The body of a place, None where there is none or it is damaged."""

    def drop(self, place: Place) -> None:
        """Let go of a body that turned out not to be what it was taken for."""


@dataclass(frozen=True)
class Room:
    """All that the steps use."""

    source: Source
    archive: Bodies
    dataset: Dataset
    handover: Handover
    ledger: Ledger
    now: Callable[[], float] = time.time
