"""Made filers: their list of filings and documents, as the SEC's servers would answer."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from filings.bodies import SEC, fact, inline
from filings.edgar_server import missing, named, recorded
from raymill import json
from raymill.testing.replay import Recorded, ReplayServer, Route

JSON = {"Content-Type": "application/json"}


@dataclass
class Filer:
    """A company that files what it is told to."""

    cik: int = 12345
    ticker: str = "TNY"
    name: str = "Tiny Bikes Inc."
    filings: list[dict[str, Any]] = field(default_factory=list)
    bodies: dict[str, Recorded] = field(default_factory=dict)

    def file(
        self,
        number: int,
        body: bytes | None = None,
        *,
        form: str = "10-K",
        filed: str = "2025-02-01",
        document: str = "report.htm",
        inline: bool = True,
        xbrl: bool = True,
    ) -> str:
        """File a report; without a body, a page with one number. Gives its accession number."""
        accession = f"{self.cik:010}-25-{number:06}"
        self.filings.append(
            {
                "accessionNumber": accession,
                "filingDate": filed,
                "acceptanceDateTime": f"{filed}T09:00:00.000Z",
                "reportDate": "2024-12-31",
                "form": form,
                "size": 10,
                "isXBRL": int(xbrl),
                "isInlineXBRL": int(inline),
                "primaryDocument": document,
            }
        )
        self.serve(accession, document, page(f"{number * 100}") if body is None else body)
        return accession

    def serve(self, accession: str, name: str, body: bytes | Recorded) -> None:
        """Let a document of a filing be there."""
        answer = body if isinstance(body, Recorded) else Recorded(200, body, packed=True)
        self.bodies[self.path(accession, name)] = answer

    def path(self, accession: str, name: str) -> str:
        """Where a document lies."""
        return f"/Archives/edgar/data/{self.cik}/{accession.replace('-', '')}/{name}"

    def routes(self) -> dict[str, Recorded]:
        """All that is answered of this filer."""
        names = self.filings[0] if self.filings else {}
        columns = {name: [one[name] for one in self.filings] for name in names}
        listed = {
            "cik": f"{self.cik:010}",
            "name": self.name,
            "tickers": [self.ticker],
            "filings": {"recent": columns or {"accessionNumber": []}, "files": []},
        }
        path = f"/submissions/CIK{self.cik:010}.json"
        return {path: Recorded(200, json.dumps(listed), JSON)} | self.bodies


def page(number: str) -> bytes:
    """An inline report with one number."""
    return whole(inline(fact(number)).data)


def whole(data: bytes) -> bytes:
    """A page whose contexts are all used, as the SEC demands."""
    used = b'<ix:nonNumeric contextRef="%s" name="dei:Made">x</ix:nonNumeric>'
    return data.replace(b"<table>", b"<p>" + used % b"end" + used % b"bikes" + b"</p><table>", 1)


def tickers(*filers: Filer) -> Recorded:
    """The SEC's list of tickers."""
    rows = {
        str(place): {"cik_str": one.cik, "ticker": one.ticker, "title": one.name}
        for place, one in enumerate(filers)
    }
    return Recorded(200, json.dumps(rows), JSON)


@contextmanager
def sec(
    *filers: Filer, real: bool = False, first: Route = lambda asked: None
) -> Iterator[ReplayServer]:
    """The SEC's servers with these filers; with `real`, the recorded answers behind them.

    first: is asked before them, and may hold an answer back.
    """
    routes: dict[str, Recorded] = {}
    if filers and not real:
        routes["/files/company_tickers.json"] = tickers(*filers)

    def answer(asked: Any) -> Recorded | None:
        found = [one.routes() for one in filers]  # anew each time: they may have filed meanwhile
        return next((one[asked.path] for one in found if asked.path in one), None)

    behind = [recorded] if real else []
    with ReplayServer(named, first, routes, answer, *behind, missing) as server:
        yield server


def apple(*accessions: str) -> Filer:
    """Apple, with some of its real filings in its list."""
    whole_list = json.loads((SEC / "submissions/CIK0000320193.json").read_bytes())
    recent = whole_list["filings"]["recent"]
    places = [recent["accessionNumber"].index(one) for one in accessions]
    filer = Filer(320193, "AAPL", whole_list["name"])
    filer.filings = [{name: column[at] for name, column in recent.items()} for at in places]
    return filer


def documents(paths: Iterable[str]) -> list[str]:
    """Of what a server was asked for, the documents."""
    return [path for path in paths if path.startswith("/Archives/edgar/data/")]
