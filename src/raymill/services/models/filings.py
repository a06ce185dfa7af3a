"""What is asked about filings over HTTP, and what is answered."""

from datetime import date
from typing import Any, Literal

from pydantic import ConfigDict, Field

from raymill.filings.status import Word
from raymill.services.service import Model

Per = Literal["annual", "quarterly", "ttm", "all"]


class ProcessRequest(Model):
    """Companies whose filings are to be processed: tickers, CIKs or names."""

    companies: list[str] = Field(min_length=1, max_length=500)
    forms: list[str] = Field(default_factory=list, max_length=50)
    since: date | None = None
    companyfacts: bool = False


class CompanyStanding(Model):
    """Where a company stands: its newest run, counts of it, and why it failed."""

    called: str
    run: str
    status: Word
    generation: int
    cik: int | None
    filings: int
    facts: int
    failed: int
    message: str
    created: str
    updated: str


class FilingStanding(Model):
    """Where a filing of the newest run stands."""

    accession: str
    form: str
    filed: str
    status: str
    facts: int
    reason: str | None


class CompanyReport(CompanyStanding):
    """A company with each of its filings of the newest run."""

    filings_list: list[FilingStanding]


class CompanyList(Model):
    """A page of companies by name, and how many there are in each state."""

    companies: list[CompanyStanding]
    counts: dict[str, int]
    next_after: str | None = None


class Processing(Model):
    """Companies that were asked for, as they stand."""

    companies: list[CompanyStanding]


class Fact(Model):
    """A value, the period that it is of, and the filing that it comes from."""

    model_config = ConfigDict(extra="allow", frozen=True)

    start: date | None
    end: date | None
    value: float | int | None
    value_text: str | None
    unit: str | None
    concept: str | None
    filed: date | None
    accession: str | None
    form: str | None


class FactList(Model):
    """A page of facts; `total` counts all, `next_cursor` goes on in the same state of the data."""

    company: str
    cik: int
    entity: str | None
    as_of: date | None
    total: int
    returned: int
    facts: list[Fact]
    next_cursor: str | None = None
    snapshot: str


def about(standing: dict[str, Any]) -> dict[str, Any]:
    """What is told of a company's standing."""
    return {name: standing[name] for name in CompanyStanding.model_fields}
