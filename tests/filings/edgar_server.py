"""The SEC's servers, played by one of this machine: recorded answers, and small ones of our own."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from filings.bodies import SEC
from raymill import json
from raymill.filings.answers import judge
from raymill.filings.archive import Archive
from raymill.filings.edgar import Edgar, Servers
from raymill.net import Fetcher, Http, Limit, Timeouts, Tries
from raymill.testing.replay import Asked, Recorded, ReplayServer, unchanged

IDENTITY = "Tiny Tests tests@tiny.example"
TODAY = datetime(2026, 3, 6, 12, tzinfo=UTC)
BLOCKED = Recorded(
    403,
    b"<!DOCTYPE html><html><title>SEC.gov | Request Rate Threshold Exceeded</title></html>",
    {"Content-Type": "text/html"},
)
NO_KEY = Recorded(
    404,
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>',
    {"Content-Type": "application/xml"},
)
DENIED = Recorded(
    403,
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>',
    {"Content-Type": "application/xml"},
)

ACCESSION = "0000012345-25-000007"
PAGE = b"<html><body>The annual report of Tiny Bikes</body></html>"
FOLDER = "/Archives/edgar/data/12345/000001234525000007"
COLUMNS = {
    "accessionNumber": ["0009999999-25-000001", ACCESSION, "0000012345-24-000009"],
    "filingDate": ["2025-03-01", "2025-02-01", "2024-02-01"],
    "acceptanceDateTime": ["2025-03-01T09:00:00.000Z"] * 3,
    "reportDate": ["", "2024-12-31", "2023-12-31"],
    "form": ["8-K", "10-K", "10-K"],
    "size": [10, 20, 30],
    "isXBRL": [0, 1, 1],
    "isInlineXBRL": [0, 1, 0],
    "primaryDocument": ["news.htm", "tiny-20241231.htm", "tiny10k.htm"],
}
OLDER = {name: values[-1:] for name, values in COLUMNS.items()} | {
    "accessionNumber": ["0000012345-19-000001"],
    "filingDate": ["2019-02-01"],
}
TINY = {
    "cik": "0000012345",
    "name": "Tiny Bikes Inc.",
    "tickers": ["TNY-A", "TNY-B"],
    "exchanges": ["NYSE", "NYSE"],
    "sic": "3751",
    "fiscalYearEnd": "1231",
    "filings": {
        "recent": COLUMNS,
        "files": [
            {
                "name": "CIK0000012345-submissions-001.json",
                "filingCount": 1,
                "filingFrom": "2019-02-01",
                "filingTo": "2019-02-01",
            }
        ],
    },
}
TICKERS = {
    "0": {"cik_str": 12345, "ticker": "TNY-A", "title": "Tiny Bikes Inc."},
    "1": {"cik_str": 12345, "ticker": "TNY-B", "title": "Tiny Bikes Inc."},
    "2": {"cik_str": 777, "ticker": "BIG", "title": "Big Wheels Corp"},
    "3": {"cik_str": 778, "ticker": "BIGG", "title": "Twice Ltd"},
    "4": {"cik_str": 779, "ticker": "BIGH", "title": "Twice Ltd"},
}
INDEX = {
    "directory": {
        "item": [
            {"name": f"{ACCESSION}-index.html", "size": "", "type": "text.gif"},
            {"name": "tiny-20241231.htm", "size": "4000", "type": "text.gif"},
            {"name": "tiny-20241231_htm.xml", "size": "9000", "type": "text.gif"},
            {"name": "tiny-20241231_lab.xml", "size": "100", "type": "text.gif"},
        ]
    }
}
DAY = b"""Description:           Daily Index of EDGAR Dissemination Feed by Form Type

Form Type   Company Name                                                  CIK         Date Filed  \
File Name
------------------------------------------------------------------------------------------------
10-K/A      Tiny Bikes Inc.                                               12345       20250203    \
edgar/data/12345/0000012345-25-000007.txt
SC 13D      A Name That Is So Long That It Is Cut Where The Column Ends 2 777         20250203    \
edgar/data/777/0000000777-25-000001.txt
"""
STAMPED = {"ETag": '"abc-gzip"', "Last-Modified": "Tue, 04 Feb 2025 03:00:00 GMT"}


def _json(value: object) -> Recorded:
    return Recorded(200, json.dumps(value), {"Content-Type": "application/json"}, packed=True)


OWN = {
    "/files/company_tickers.json": replace(_json(TICKERS), headers=STAMPED),
    "/submissions/CIK0000012345.json": _json(TINY),
    "/submissions/CIK0000012345-submissions-001.json": _json(OLDER),
    f"{FOLDER}/index.json": _json(INDEX),
    f"{FOLDER}/tiny-20241231.htm": Recorded(200, PAGE, STAMPED, packed=True),
    f"{FOLDER}/tiny-20241231_htm.xml": Recorded(200, b"<xbrl/>", packed=True),
    f"{FOLDER}/{ACCESSION}.txt": Recorded(200, b"<SEC-DOCUMENT>", packed=True),
    "/api/xbrl/companyfacts/CIK0000012345.json": _json({"cik": 12345, "facts": {}}),
    "/Archives/edgar/daily-index/2025/QTR1/form.20250203.idx": Recorded(200, DAY, STAMPED),
}


def own(asked: Asked) -> Recorded | None:
    """Answers of our own, which know what is unchanged."""
    found = OWN.get(asked.path)
    return unchanged(asked, found) if found else None


def recorded(asked: Asked, folder: Path = SEC) -> Recorded | None:
    """The real answers, of the files beside the repository."""
    path = _file_of(asked.path, folder)
    if path is None or not path.is_file():
        return None
    data = path.read_bytes()
    body = gzip.decompress(data) if path.suffix == ".gz" else data
    kind = "application/json" if ".json" in path.name else "text/plain"
    return Recorded(200, body, {"Content-Type": kind}, packed=True)


def _file_of(asked: str, folder: Path) -> Path | None:
    *_, name = asked.split("/")
    if asked.startswith("/submissions/"):
        return folder / "submissions" / name
    if asked.startswith("/api/xbrl/companyfacts/"):
        return folder / "companyfacts" / name
    if asked.startswith("/Archives/edgar/daily-index/"):
        return folder / "index" / name
    if asked.startswith("/Archives/edgar/data/"):
        digits = asked.split("/")[5]
        accession = f"{digits[:10]}-{digits[10:12]}-{digits[12:]}"
        file = "full-submission.txt" if name == f"{accession}.txt" else name
        return folder / "archives" / accession / f"{file}.gz"
    return folder / "company_tickers.json" if asked == "/files/company_tickers.json" else None


def missing(asked: Asked) -> Recorded:
    """What the SEC says of a thing that is not there, in each of its two ways."""
    return DENIED if asked.path.startswith("/Archives/") else NO_KEY


def named(asked: Asked) -> Recorded | None:
    """A block page for everybody who does not say who asks."""
    return None if asked.headers.get("user-agent") == IDENTITY else BLOCKED


@contextmanager
def edgar_server(*, real: bool = False) -> Iterator[ReplayServer]:
    """A server with our own answers, or with the real ones."""
    with ReplayServer(named, recorded if real else own, missing) as server:
        yield server


@contextmanager
def edgar_at(
    server: ReplayServer,
    folder: Path,
    *,
    limit: Limit | None = None,
    tries: Tries | None = None,
    sleep: Callable[[float], object] = lambda seconds: None,
    now: Callable[[], datetime] = lambda: TODAY,
    timeouts: Timeouts | None = None,
) -> Iterator[Edgar]:
    """The client of such a server, whose clock stands still and who waits for nothing."""
    with Http(timeouts=timeouts) as http:
        fetcher = Fetcher(
            http,
            judge=judge(600),
            limit=limit,
            tries=tries,
            clock=lambda: now().timestamp(),
            chance=lambda: 0.5,
            sleep=sleep,
        )
        servers = Servers(server.url, server.url)
        yield Edgar(fetcher, Archive(folder), identity=IDENTITY, servers=servers, now=now)
