"""Filings as a service: facts as they were known, and the processing of companies."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any, ClassVar

from pydantic import Field

from raymill import json
from raymill.app.filings.companies import Filings
from raymill.app.filings.facts import FactsAsked, facts_page
from raymill.config import settings
from raymill.config.service import ServiceSettings
from raymill.config.services import FilingsServiceSettings
from raymill.errors import ConfigError, Conflict, StoreError, StoreUnavailable
from raymill.filings.ledger import Standing
from raymill.filings.status import ProcessingStatus, Word
from raymill.filings.tickers import called
from raymill.market.screen.cursor import Cursor, read_cursor
from raymill.market.screen.refusals import refusal
from raymill.services.glance import Glance
from raymill.services.models.filings import (
    CompanyList,
    CompanyReport,
    CompanyStanding,
    FactList,
    FilingStanding,
    Per,
    Processing,
    ProcessRequest,
    about,
)
from raymill.services.route import Event, Made, Reply, route
from raymill.services.runs import Seen, accepted, changes, settled, wait_of
from raymill.services.service import Service
from raymill.state.per_process import PerProcess

Most = Annotated[int, Field(ge=1, le=1000)]
Text = Annotated[str, Field(max_length=2000)]
COMPANIES = "/api/filings/companies"


class FilingsService(Service):
    """Answers facts of companies, and has their filings processed."""

    name: ClassVar[str] = "filings"
    text: ClassVar[str] = "Facts of companies as they were known, and the processing of filings"
    Settings: ClassVar[type[ServiceSettings]] = FilingsServiceSettings

    def __init__(self, settings_: FilingsServiceSettings) -> None:
        super().__init__(settings_)
        self._opened = PerProcess(Filings)
        self._glance = Glance(self._counts, settings().serve.glance_s)

    @property
    def _filings(self) -> Filings:
        return self._opened.get()

    async def close(self) -> None:
        """Let go of the store; runs go on."""
        if (opened := self._opened.pop()) is not None:
            opened.workflows.close()

    async def about(self) -> dict[str, Any]:
        """What else stands in the status: how many companies are in each of the nine states."""
        counts = await self._glance.now()
        return {"companies": sum(counts.values()), "processing": dict(counts)}

    def _counts(self) -> dict[str, int]:
        return {one.value: count for one, count in self._filings.ledger.counts().items()}

    @route("GET", "/companies")
    async def companies(
        self, status: Word | None = None, after: Text = "", limit: Most = 50
    ) -> CompanyList:
        """List companies by name, with where they stand; `after` is the last of the page before."""

        def look() -> CompanyList:
            self._filings.refresh()
            found = self._filings.page(status=status, after=after, most=limit)
            last = found[-1].called if len(found) == limit else None
            return CompanyList(
                companies=_shown(found).companies, counts=self._counts(), next_after=last
            )

        return await asyncio.to_thread(look)

    @route("POST", "/companies", status=202, others=(200,))
    async def process(self, body: ProcessRequest, wait: float | None = None) -> Reply[Processing]:
        """Have the filings of companies processed that are not in the dataset.

        What is under way already goes on. `wait` says how many seconds to wait for the end.
        """
        wait_s = wait_of(wait, 0.0)
        forms = tuple(sorted({one.strip().upper() for one in body.forms}))
        since = body.since.isoformat() if body.since is not None else None

        def ask() -> list[Standing]:
            with _ready():
                names = [_called(one, f"companies[{at}]") for at, one in enumerate(body.companies)]
                return self._filings.ask(
                    *names, forms=forms, since=since, companyfacts=body.companyfacts
                )

        found = await asyncio.to_thread(ask)
        path = f"{COMPANIES}/{found[0].called}" if len(found) == 1 else COMPANIES
        return await self._settled(found, wait_s, path)

    async def _settled(self, known: list[Standing], wait_s: float, path: str) -> Reply[Processing]:
        def look() -> Seen[list[Standing]]:
            now = [self._filings.standing(one) for one in known]
            return Seen(0, now, all(one.status.is_over for one in now))

        seen = await settled(look, wait_s)
        made = _shown(seen.value)
        return Reply(made, 200) if seen.is_over and wait_s else accepted(made, path)

    @route("GET", "/companies/{company}")
    async def company(self, company: str) -> CompanyReport:
        """Show where a company and each of its filings stand."""

        def look() -> CompanyReport:
            found = self._filings.report(_called(company))
            filings = [FilingStanding.model_validate(one) for one in found.filings]
            return CompanyReport(**about(found.company.to_dict()), filings_list=filings)

        return await asyncio.to_thread(look)

    @route("GET", "/companies/{company}/events", kind="events")
    async def events(self, company: str, last_event_id: str | None = None) -> AsyncIterator[Event]:
        """Follow the newest run of a company until it has ended."""

        def look() -> Seen[Any]:
            now = self._filings.find(_called(company))
            return Seen(int(now.updated * 1000), about(now.to_dict()), now.status.is_over)

        async for event in changes(look, last_event_id):
            yield event

    @route("POST", "/companies/{company}/retry", status=202, others=(200,))
    async def retry(self, company: str, wait: float | None = None) -> Reply[Processing]:
        """Take up a company that failed: where its run failed, else its filings that did."""
        wait_s = wait_of(wait, 0.0)

        def again() -> Standing:
            with _ready():
                now = self._filings.find(_called(company))
                if now.status is not ProcessingStatus.ERROR:
                    text = f"`{now.called}` is {now.status.value}; what failed is taken up again"
                    raise Conflict(text, hint=f"POST {COMPANIES} looks for new filings")
                return self._filings.retry(now)

        now = await asyncio.to_thread(again)
        return await self._settled([now], wait_s, f"{COMPANIES}/{now.called}")

    @route("GET", "/companies/{company}/facts")
    async def facts(
        self,
        company: str,
        metric: Text | None = None,
        concept: Text | None = None,
        per: Per = "annual",
        as_of: date | None = None,
        unit: Annotated[str, Field(max_length=50)] | None = None,
        cursor: Annotated[str, Field(max_length=200)] | None = None,
        limit: Most = 100,
    ) -> Made[FactList]:
        """Answer facts of a company, each with the filing that it comes from.

        `metric` names standard metrics, with commas, all that have a value without it; `concept`
        names of XBRL instead. `as_of` takes what had been filed by the end of that day. `cursor`
        is the `next_cursor` of the page before.
        """
        if metric and concept:
            raise refusal("concept", "and `metric` exclude each other", "give one")
        asked = FactsAsked(_called(company), _listed(metric), _listed(concept), per, as_of, unit)
        return await asyncio.to_thread(_page, asked, cursor, limit)


def _page(asked: FactsAsked, cursor: str | None, most: int) -> Made[FactList]:
    snapshot, begin = _place(cursor, asked)
    try:
        page = facts_page(asked, begin, most, snapshot)
    except StoreError as error:
        if snapshot is None or isinstance(error, StoreUnavailable):
            raise
        text = "is of a state of the data that is gone"
        raise refusal("cursor", text, "ask without a cursor again") from error
    end = begin + len(page.rows)
    after = Cursor(str(page.snapshot), asked.digest, end).text() if end < page.total else None
    answer = {
        "company": page.company,
        "cik": page.cik,
        "entity": page.entity,
        "as_of": asked.as_of,
        "total": page.total,
        "returned": len(page.rows),
        "facts": page.rows,
        "next_cursor": after,
        "snapshot": str(page.snapshot),
    }
    return Made(json.dumps(answer))


def _place(cursor: str | None, asked: FactsAsked) -> tuple[int | None, int]:
    """The state of the dataset that a page is of, and where it begins."""
    if cursor is None:
        return None, 0
    found = read_cursor(cursor)
    if found.digest != asked.digest or not found.snapshot.isdigit() or found.position < 0:
        raise refusal("cursor", "is of another request", "send the request that gave it")
    return int(found.snapshot), found.position


def _called(name: str, path: str = "company") -> str:
    try:
        return called(name)
    except ConfigError as error:
        error.details["path"] = path
        raise


def _listed(names: str | None) -> tuple[str, ...]:
    return tuple(one for one in (part.strip() for part in (names or "").split(",")) if one)


@contextmanager
def _ready() -> Iterator[None]:
    """Have it count as not available where nobody has said who asks the SEC."""
    try:
        settings().filings.who()
    except ConfigError as error:
        error.details["status"] = 503
        raise
    yield


def _shown(found: list[Standing]) -> Processing:
    rows = [CompanyStanding.model_validate(about(one.to_dict())) for one in found]
    return Processing(companies=rows)
