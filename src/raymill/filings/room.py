"""What the steps of filings need of the world, as protocols; put together elsewhere."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from raymill.filings.archive import Place, Stored

if TYPE_CHECKING:  # a process that extracts facts loads neither the lake nor the network
    import pyarrow as pa

    from raymill.filings.companies import Company
    from raymill.filings.daily import Entry
    from raymill.filings.dataset import FilingRow
    from raymill.filings.handover import Handover
    from raymill.filings.ledger import Ledger
    from raymill.filings.listing import Listed

Values: TypeAlias = dict[str, Any]
"""What steps give on to one another, as JSON values."""


class Source(Protocol):
    """Where companies, lists of filings and documents come from."""

    def resolve(self, text: str) -> "Company":
        """The company of a ticker, CIK or exact name. Raises UnknownName."""

    def filings(
        self, cik: int, forms: Collection[str], since: date | None = None
    ) -> "list[Listed]":
        """The filings of a company in some forms, the newest first."""

    def document(self, cik: int, accession: str, name: str) -> Stored:
        """A document of a filing."""

    def instance(self, cik: int, accession: str, primary: str = "") -> Stored | None:
        """The XBRL instance of a filing, None where there is none."""

    def full_submission(self, cik: int, accession: str) -> Stored:
        """All documents of a filing in one text."""

    def companyfacts(self, cik: int) -> Stored | None:
        """Every fact without dimensions of a company, None where there is none."""

    def daily_index(self, day: date) -> "list[Entry] | None":
        """What was filed on a day, None on days without an index."""


class Dataset(Protocol):
    """Where facts are kept, each filing replaced as a whole."""

    def processed(self, cik: int, *, extractor: int = 0) -> set[str]:
        """The filings whose documents were read, by this extractor or a newer."""

    def store(self, cik: int, accession: str, facts: "pa.Table", filing: "FilingRow") -> bool:
        """Let the dataset hold exactly these facts of a filing."""

    def store_companyfacts(self, *answers: "pa.Table") -> bool:
        """Store answers of companyfacts where documents gave no facts."""

    def learn(self, tickers: Mapping[str, int]) -> None:
        """Note the CIKs of tickers."""

    def reports(self, company: int | str) -> "pa.Table":
        """Every report of every number of a company."""

    def companies(self) -> list[int]:
        """The companies of which a filing is known."""


class Bodies(Protocol):
    """Where fetched bodies are kept."""

    def find(self, place: Place) -> Stored | None:
        """The body of a place, None where there is none or it is damaged."""

    def forget(self, place: Place) -> None:
        """Drop a body, so that it is fetched again."""


class Room(Protocol):
    """All that the steps use; each step opens what it needs of it."""

    @property
    def source(self) -> Source:
        """Where companies, lists of filings and documents come from."""

    @property
    def archive(self) -> Bodies:
        """Where fetched bodies are kept."""

    @property
    def dataset(self) -> Dataset:
        """Where facts are kept."""

    @property
    def handover(self) -> "Handover":
        """Where tables lie on their way to the next step."""

    @property
    def ledger(self) -> "Ledger":
        """Where companies stand."""

    def now(self) -> float:
        """Seconds since 1970."""


@dataclass(frozen=True)
class Furnished:
    """A room whose parts are there."""

    source: Source
    archive: Bodies
    dataset: Dataset
    handover: "Handover"
    ledger: "Ledger"
    clock: Callable[[], float] = time.time

    def now(self) -> float:
        """Seconds since 1970."""
        return self.clock()
