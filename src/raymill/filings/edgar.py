"""The SEC's servers: companies, lists of filings, documents, indexes.

>>> from raymill.app.edgar import open_edgar                                    # doctest: +SKIP
>>> with open_edgar() as edgar:                                                 # doctest: +SKIP
...     company = edgar.resolve("AAPL")
...     newest = edgar.filings(company.cik, forms=["10-Q"], most=1)[0]
...     page = edgar.document(company.cik, newest.accession, newest.primary_document)
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from raymill.errors import DataError, InputError, SourceError, UnknownName
from raymill.filings.archive import SUBMISSION, Archive, Place, Stored, answer, filed
from raymill.filings.companies import Companies, Company, read_tickers
from raymill.filings.daily import Entry, index_path, is_settled, read_index
from raymill.filings.documents import File, instance_of, read_filing_index
from raymill.filings.listing import (
    FORMS,
    Listed,
    Submissions,
    newest_first,
    read_page,
    read_submissions,
)
from raymill.net import Answer, Fetcher, Request

T = TypeVar("T")
MB = 1 << 20
TICKERS_AGE = timedelta(days=1)  # a list of tickers is as good as new for so long
LOOK_AGAIN = timedelta(hours=1)  # a ticker that is not in it is looked for in a newer one
BULK = {
    "companyfacts.zip": "Archives/edgar/daily-index/xbrl/companyfacts.zip",
    "submissions.zip": "Archives/edgar/daily-index/bulkdata/submissions.zip",
}


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the SEC's servers are."""

    www: str = "https://www.sec.gov"
    data: str = "https://data.sec.gov"


def _now() -> datetime:
    return datetime.now(UTC)


class Edgar:
    """Asks the SEC, and keeps what it answers in an archive; threads share it.

    A filed document never changes, so it is fetched once. Of what changes, the server is asked
    whether the stored body is still the newest, where it can say so.

    Every method that asks raises SourceError where the SEC cannot be reached or has blocked us.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        archive: Archive,
        *,
        identity: str,
        servers: Servers | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self.archive = archive
        self._fetcher, self._now = fetcher, now
        self._servers = servers or Servers()
        self._headers = {"User-Agent": identity}
        self._lock = threading.Lock()
        self._companies: tuple[Stored, Companies] | None = None

    def tickers(self, *, max_age: timedelta = TICKERS_AGE) -> Companies:
        """The companies that have tickers, out of a list that is at most so old."""
        with self._lock:
            limit = self._now() - max_age
            known = self._companies
            if known is not None and known[0].fetched >= limit:
                return known[1]
            url = f"{self._servers.www}/files/company_tickers.json"
            place = answer("company_tickers.json")
            stored = self._kept(place, url, lambda stored: stored.fetched >= limit)
            if stored is None:
                raise InputError(f"There is no list of tickers at `{url}`")
            if known is None or known[0].sha256 != stored.sha256:
                known = (stored, self._read(place, stored, read_tickers))
            self._companies = (stored, known[1])
            return known[1]

    def resolve(self, text: str) -> Company:
        """The company of a ticker, CIK or exact name. Raises UnknownName.

        What is no ticker of the list at hand is looked for in a newer one.
        """
        try:
            return self.tickers().resolve(text)
        except UnknownName:
            return self.tickers(max_age=LOOK_AGAIN).resolve(text)

    def submissions(self, cik: int) -> Submissions:
        """A company and the newest of its filings. Raises UnknownName for a CIK of nobody."""
        url = f"{self._servers.data}/submissions/CIK{cik:010d}.json"
        found = self._ask(url)
        if found.kind == "missing":
            raise UnknownName(f"Nobody files with the SEC under CIK {cik}")
        return read_submissions(found.body, url)

    def filings(
        self,
        cik: int,
        forms: Collection[str] = FORMS,
        since: date | None = None,
        *,
        most: int | None = None,
    ) -> list[Listed]:
        """The filings of a company in some forms, the newest first: by day, then by acceptance.

        Further pages of the list are fetched as far as `since` and `most` ask for them.
        """
        answered = self.submissions(cik)
        found = newest_first(answered.filings, forms, since)
        for page in sorted(answered.pages, key=lambda page: page.last, reverse=True):
            enough = most is not None and len(found) >= most and found[most - 1].filed > page.last
            if enough or (since is not None and page.last < since):
                break
            url = f"{self._servers.data}/submissions/{page.name}"
            older = self._needed(self._ask(url), url)
            found = newest_first((*found, *read_page(older.body, cik, url)), forms, since)
        return found[:most]

    def companyfacts(self, cik: int) -> Stored | None:
        """Every fact without dimensions of a company; None where the SEC has none of it."""
        name = f"CIK{cik:010d}.json"
        url = f"{self._servers.data}/api/xbrl/companyfacts/{name}"
        return self._kept(answer("companyfacts", name), url, lambda stored: False)

    def document(self, cik: int, accession: str, name: str) -> Stored:
        """A document of a filing. Raises InputError where the filing has none of that name."""
        return self._filed(cik, accession, name, name)

    def full_submission(self, cik: int, accession: str) -> Stored:
        """All documents of a filing in one text, with its header."""
        return self._filed(cik, accession, SUBMISSION, f"{accession}.txt")

    def files(self, cik: int, accession: str) -> list[File]:
        """What a filing consists of."""
        url = self._filing_url(cik, filed(cik, accession, "index.json"))
        return read_filing_index(self._needed(self._ask(url), url).body, url)

    def instance(self, cik: int, accession: str, primary: str = "") -> Stored | None:
        """The XBRL instance of a filing; None where there is none among its files."""
        name = instance_of(self.files(cik, accession), primary)
        return self.document(cik, accession, name) if name else None

    def daily_index(self, day: date) -> list[Entry] | None:
        """What was filed on a day; None on days without an index: weekends, holidays, too early.

        An index that was fetched before it was whole is asked for again.
        """
        url = f"{self._servers.www}/{index_path(day)}"
        place = answer("daily-index", f"form.{day:%Y%m%d}.idx")
        stored = self._kept(place, url, lambda stored: is_settled(day, stored.fetched))
        return None if stored is None else self._read(place, stored, read_index)

    def bulk(self, name: str) -> Stored:
        """The zip of all companies: `companyfacts.zip` or `submissions.zip`, over a gigabyte."""
        if name not in BULK:
            raise InputError(f"`{name}` is no bulk file", hint=f"there are: {', '.join(BULK)}")
        url = f"{self._servers.www}/{BULK[name]}"
        stored = self._kept(
            answer(name), url, lambda stored: False, most_bytes=16_384 * MB, most_s=7200
        )
        if stored is None:
            raise InputError(f"There is nothing at `{url}`")
        return stored

    def _filed(self, cik: int, accession: str, name: str, asked: str) -> Stored:
        place = filed(cik, accession, name)
        url = self._filing_url(cik, filed(cik, accession, asked))
        stored = self._kept(place, url, lambda stored: True)
        if stored is None:
            raise InputError(f"Filing {accession} of CIK {cik} has no document `{asked}`")
        return stored

    def _filing_url(self, cik: int, place: Place) -> str:
        _, accession, *names = place.parts
        folder = f"Archives/edgar/data/{cik}/{accession.replace('-', '')}"
        return f"{self._servers.www}/{folder}/{'/'.join(names)}"

    def _kept(
        self,
        place: Place,
        url: str,
        is_fresh: Callable[[Stored], bool],
        *,
        most_bytes: int = 256 * MB,
        most_s: float = 300.0,
    ) -> Stored | None:
        """The body of a place, fetched where it is absent, damaged or old; None if missing."""
        old = self.archive.find(place)
        if old is not None and is_fresh(old):
            return old
        headers = self._headers | (validators(old) if old else {})
        request = Request(url, headers, most_bytes=most_bytes, most_s=most_s)
        with self.archive.writing(place) as arriving:
            got = self._fetcher.fetch(request, into=arriving.partial)
            if got.kind == "missing":
                return None
            if got.kind == "unchanged":
                return self.archive.touch(_was_asked(old, url), place, self._now())
            return arriving.keep(
                sha256=got.sha256,
                size=got.size,
                url=url,
                fetched=self._now(),
                etag=got.etag,
                last_modified=got.last_modified,
            )

    def _read(self, place: Place, stored: Stored, read: Callable[[bytes, str], T]) -> T:
        """Read a stored answer; one that is not what it should be is not kept."""
        try:
            return read(stored.read(), stored.url)
        except DataError:
            self.archive.forget(place)
            raise

    def _ask(self, url: str) -> Answer:
        return self._fetcher.fetch(Request(url, self._headers))

    @staticmethod
    def _needed(got: Answer, url: str) -> Answer:
        if got.kind == "missing":
            raise InputError(f"There is nothing at `{url}`")
        return got


def validators(stored: Stored) -> dict[str, str]:
    """The headers that ask whether a body is still the newest.

    The name that the SEC gives to a body it packs (`...-gzip`) matches no body when it comes back,
    so there the day of change is asked for.
    """
    if stored.etag and not (stored.last_modified and stored.etag.endswith('-gzip"')):
        return {"If-None-Match": stored.etag}
    return {"If-Modified-Since": stored.last_modified} if stored.last_modified else {}


def _was_asked(old: Stored | None, url: str) -> Stored:
    if old is None:
        raise SourceError(f"`{url}` answered `unchanged`, though nothing was known of it")
    return old
