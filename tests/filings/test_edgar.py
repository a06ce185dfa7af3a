"""The client of the SEC against a server that replays its answers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from filings.bodies import real
from filings.edgar_server import (
    ACCESSION,
    BLOCKED,
    DENIED,
    FOLDER,
    IDENTITY,
    OWN,
    PAGE,
    TODAY,
    edgar_at,
    edgar_server,
)
from raymill.errors import DataError, InputError, SourceError, UnknownName
from raymill.filings.edgar import Edgar, Servers, validators
from raymill.net import Timeouts, Tries
from raymill.testing.replay import DROPPED, Recorded, ReplayServer

TINY_PAGE = f"{FOLDER}/tiny-20241231.htm"


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    with edgar_server() as running:
        yield running


@pytest.fixture
def edgar(server: ReplayServer, tmp_path: Path) -> Iterator[Edgar]:
    with edgar_at(server, tmp_path) as client:
        yield client


@pytest.fixture
def real_edgar(shared_data: Path, tmp_path: Path) -> Iterator[Edgar]:
    with edgar_server(real=True) as running, edgar_at(running, tmp_path) as client:
        yield client


@pytest.mark.parametrize("text", ["TNY-A", "tny.b", "12345", "CIK0000012345", " tiny  bikes inc. "])
def test_a_company_is_found_by_ticker_cik_and_name(edgar: Edgar, text: str) -> None:
    company = edgar.resolve(text)
    assert (company.cik10, company.tickers) == ("0000012345", ("TNY-A", "TNY-B"))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("BIGGG", "did you mean `BIGG`"),
        ("../../evil", "give a ticker"),
        ("twice ltd", "CIKs: 778, 779"),
        ("", "give a ticker"),
    ],
)
def test_an_unknown_company_is_told_with_a_hint(edgar: Edgar, text: str, hint: str) -> None:
    with pytest.raises(UnknownName) as caught:
        edgar.resolve(text)
    assert hint in (caught.value.hint or "")


def test_the_list_of_tickers_is_fetched_once_a_day_and_then_only_if_it_changed(
    server: ReplayServer, tmp_path: Path
) -> None:
    now = [TODAY]
    with edgar_at(server, tmp_path, now=lambda: now[0]) as edgar:
        for _ in range(3):
            assert len(edgar.tickers()) == 4
        now[0] += timedelta(days=2)
        assert len(edgar.tickers()) == 4
    with edgar_at(server, tmp_path, now=lambda: now[0]) as edgar:
        assert len(edgar.tickers()) == 4  # of the disk
    assert server.statuses == [200, 304]
    # The name of a body that was packed matches nothing, so the day of change is asked for.
    assert server.asked[-1].headers["if-modified-since"] == "Tue, 04 Feb 2025 03:00:00 GMT"
    assert "if-none-match" not in server.asked[-1].headers


def test_a_ticker_that_is_new_is_looked_for_in_a_newer_list(
    server: ReplayServer, tmp_path: Path
) -> None:
    now = [TODAY]
    with edgar_at(server, tmp_path, now=lambda: now[0]) as edgar:
        edgar.tickers()
        now[0] += timedelta(hours=2)
        body = b'{"0": {"cik_str": 1, "ticker": "NEW", "title": "New Co"}}'
        server.next("/files/company_tickers.json", Recorded(body=body))
        assert edgar.resolve("NEW").cik == 1


def test_a_company_s_list_says_who_it_is(edgar: Edgar) -> None:
    company = edgar.submissions(12345).company
    assert (company.name, company.sic, company.fiscal_year_end) == (
        "Tiny Bikes Inc.",
        "3751",
        "1231",
    )
    assert company.exchanges == ("NYSE", "NYSE")


def test_filings_come_newest_first_with_the_further_pages(edgar: Edgar) -> None:
    found = edgar.filings(12345)
    assert [one.accession for one in found] == [
        ACCESSION,
        "0000012345-24-000009",
        "0000012345-19-000001",
    ]
    newest = found[0]
    assert (newest.form, newest.filed, newest.report_date) == (
        "10-K",
        date(2025, 2, 1),
        date(2024, 12, 31),
    )
    assert newest.accepted == "2025-03-01T09:00:00.000Z"
    assert (newest.is_xbrl, newest.is_inline, newest.size) == (True, True, 20)
    assert newest.primary_document == "tiny-20241231.htm"


def test_further_pages_are_fetched_only_where_they_are_needed(
    edgar: Edgar, server: ReplayServer
) -> None:
    assert len(edgar.filings(12345, since=date(2024, 6, 1))) == 1
    assert len(edgar.filings(12345, ["10-K"], most=2)) == 2
    assert server.count("/submissions/CIK0000012345-submissions-001.json") == 0
    assert len(edgar.filings(12345, ["10-K"], most=3)) == 3
    assert server.count("/submissions/CIK0000012345-submissions-001.json") == 1


def test_a_cik_of_nobody_is_told(edgar: Edgar) -> None:
    with pytest.raises(UnknownName, match="under CIK 1"):
        edgar.submissions(1)


def test_a_document_is_fetched_once_and_kept_with_its_origin(
    edgar: Edgar, server: ReplayServer, tmp_path: Path
) -> None:
    stored = edgar.document(12345, ACCESSION, "tiny-20241231.htm")
    again = edgar.document(12345, ACCESSION, "tiny-20241231.htm")
    assert stored == again
    assert stored.read() == PAGE
    assert stored.path == tmp_path / "0000012345" / ACCESSION / "tiny-20241231.htm"
    # sha256sum of the page, worked out apart
    assert stored.sha256 == "fb1fb072241129c74c02a63e95d3113f432a0ad1b015ae01bf5a7e5632a94545"
    assert (stored.size, stored.etag, stored.url) == (57, '"abc-gzip"', server.url + TINY_PAGE)
    assert stored.fetched == TODAY
    assert server.count() == 1
    assert server.asked[0].headers["user-agent"] == IDENTITY


def test_a_damaged_body_is_fetched_again(edgar: Edgar, server: ReplayServer) -> None:
    stored = edgar.document(12345, ACCESSION, "tiny-20241231.htm")
    stored.path.write_bytes(PAGE.replace(b"annual", b"ANNUAL"))
    assert edgar.document(12345, ACCESSION, "tiny-20241231.htm").read() == PAGE
    assert server.count() == 2


def test_the_whole_submission_and_the_instance_are_found(edgar: Edgar) -> None:
    assert edgar.full_submission(12345, ACCESSION).name == "full-submission.txt"
    instance = edgar.instance(12345, ACCESSION, "tiny-20241231.htm")
    assert instance is not None
    assert instance.name == "tiny-20241231_htm.xml"
    assert edgar.archive.accessions(12345) == {ACCESSION}


def test_a_document_that_is_not_there_is_told_and_not_asked_for_again(
    edgar: Edgar, server: ReplayServer
) -> None:
    with pytest.raises(InputError, match=r"has no document `other.htm`"):
        edgar.document(12345, ACCESSION, "other.htm")
    assert server.count() == 1
    assert edgar.archive.accessions(12345) == set()


@pytest.mark.parametrize(
    "name", ["../../evil", "..", "/etc/passwd", "a/b/c.htm", "a\\b", "a b", "", ".about", "x" * 201]
)
def test_a_name_never_leaves_the_folder(edgar: Edgar, server: ReplayServer, name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name"):
        edgar.document(12345, ACCESSION, name)
    assert server.count() == 0


@pytest.mark.parametrize("accession", ["../../evil", "000001234525000007", "", "0-0-0"])
def test_what_is_no_accession_number_is_refused(edgar: Edgar, accession: str) -> None:
    with pytest.raises(InputError, match="no accession number"):
        edgar.document(12345, accession, "a.htm")


def test_companyfacts_of_nobody_are_none(edgar: Edgar) -> None:
    facts = edgar.companyfacts(12345)
    assert facts is not None
    assert facts.document().file == "CIK0000012345.json"
    assert edgar.companyfacts(999) is None


def test_a_daily_index_is_read_though_a_name_is_cut(edgar: Edgar) -> None:
    found = edgar.daily_index(date(2025, 2, 3))
    assert found is not None
    assert [(one.form, one.cik, one.accession) for one in found] == [
        ("10-K/A", 12345, "0000012345-25-000007"),
        ("SC 13D", 777, "0000000777-25-000001"),
    ]
    assert found[1].company == "A Name That Is So Long That It Is Cut Where The Column Ends 2"


def test_a_day_without_an_index_is_asked_for_again(server: ReplayServer, tmp_path: Path) -> None:
    path = "/Archives/edgar/daily-index/2025/QTR1/form.20250203.idx"
    now = [datetime(2025, 2, 3, 20, tzinfo=UTC)]
    server.next(path, DENIED)
    with edgar_at(server, tmp_path, now=lambda: now[0]) as edgar:
        assert edgar.daily_index(date(2025, 2, 3)) is None
        assert len(edgar.daily_index(date(2025, 2, 3)) or ()) == 2
        assert server.count(path) == 2
        now[0] += timedelta(days=2)  # it was fetched before it was whole
        assert len(edgar.daily_index(date(2025, 2, 3)) or ()) == 2
        assert server.count(path) == 3
        assert server.asked[-1].headers["if-modified-since"] == "Tue, 04 Feb 2025 03:00:00 GMT"
        assert len(edgar.daily_index(date(2025, 2, 3)) or ()) == 2
        assert server.statuses == [403, 200, 304]  # now it is whole


def test_an_index_that_is_none_is_not_kept(edgar: Edgar, server: ReplayServer) -> None:
    path = "/Archives/edgar/daily-index/2025/QTR1/form.20250203.idx"
    server.next(path, Recorded(200, b"Service will be back soon"))
    with pytest.raises(DataError, match="no daily index"):
        edgar.daily_index(date(2025, 2, 3))
    assert len(edgar.daily_index(date(2025, 2, 3)) or ()) == 2


def test_a_list_of_tickers_that_is_none_is_not_kept(edgar: Edgar, server: ReplayServer) -> None:
    server.next("/files/company_tickers.json", Recorded(200, b'{"0": 1}'))
    with pytest.raises(DataError, match="no list of tickers"):
        edgar.tickers()
    assert len(edgar.tickers()) == 4


def test_a_page_instead_of_data_is_asked_for_again(edgar: Edgar, server: ReplayServer) -> None:
    server.next("/submissions/CIK0000012345.json", Recorded(200, b"<!DOCTYPE html>"))
    assert edgar.submissions(12345).company.name == "Tiny Bikes Inc."
    assert server.count() == 2


def test_a_block_page_stops_everybody_for_ten_minutes(server: ReplayServer, tmp_path: Path) -> None:
    limit = Stops()
    server.next(TINY_PAGE, BLOCKED)
    with edgar_at(server, tmp_path, limit=limit) as edgar:
        assert edgar.document(12345, ACCESSION, "tiny-20241231.htm").read() == PAGE
    assert limit.stops == [(600.0, "the server has blocked us (403)")]


def test_too_many_requests_stop_everybody_as_long_as_the_server_says(
    server: ReplayServer, tmp_path: Path
) -> None:
    limit = Stops()
    server.next(TINY_PAGE, Recorded(429, headers={"Retry-After": "17"}), Recorded(429))
    with edgar_at(server, tmp_path, limit=limit) as edgar:
        assert edgar.document(12345, ACCESSION, "tiny-20241231.htm").read() == PAGE
    assert [seconds for seconds, _ in limit.stops] == [17.0, 10.0]


class Stops:
    """A limit that notes who was stopped and lets everything pass."""

    def __init__(self) -> None:
        self.stops: list[tuple[float, str]] = []

    def take(self) -> float:
        return 0.0

    def stop(self, seconds: float, reason: str) -> None:
        self.stops.append((seconds, reason))


FAILURES = {
    "503": Recorded(503, b"<!DOCTYPE html>", {"Content-Type": "text/html"}),
    "dropped": DROPPED,
    "cut in mid-body": Recorded(200, PAGE, cut=10),
    "packed data breaks off": Recorded(200, PAGE, packed=True, truncated=9),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_fails_on_its_way_is_asked_for_again(
    server: ReplayServer, tmp_path: Path, failure: str
) -> None:
    server.next(TINY_PAGE, FAILURES[failure], FAILURES[failure])
    with edgar_at(server, tmp_path) as edgar:
        assert edgar.document(12345, ACCESSION, "tiny-20241231.htm").read() == PAGE
    assert server.count(TINY_PAGE) == 3


def test_a_body_that_stalls_is_asked_for_again(server: ReplayServer, tmp_path: Path) -> None:
    server.next(TINY_PAGE, Recorded(200, PAGE, stalls=True))
    tries = Tries(most=1000)  # a slow machine may time out on good answers, too
    with edgar_at(server, tmp_path, timeouts=Timeouts(read_s=0.2), tries=tries) as edgar:
        assert edgar.document(12345, ACCESSION, "tiny-20241231.htm").read() == PAGE


def test_a_server_that_stays_away_ends_the_tries_and_leaves_nothing(
    server: ReplayServer, tmp_path: Path
) -> None:
    server.next(TINY_PAGE, *[FAILURES["packed data breaks off"]] * 3)
    with (
        edgar_at(server, tmp_path, tries=Tries(most=3)) as edgar,
        pytest.raises(SourceError, match=r"asked 3 times: gzip data breaks off"),
    ):
        edgar.document(12345, ACCESSION, "tiny-20241231.htm")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_whoever_does_not_say_who_asks_is_blocked(server: ReplayServer, tmp_path: Path) -> None:
    with edgar_at(server, tmp_path, tries=Tries(most=1)) as edgar:
        edgar._headers["User-Agent"] = "somebody"
        with pytest.raises(SourceError, match="blocked us"):
            edgar.tickers()


def test_each_server_has_an_address_of_its_own(tmp_path: Path) -> None:
    with edgar_server() as www, edgar_server() as data, edgar_at(www, tmp_path) as edgar:
        edgar._servers = Servers(www.url, data.url)
        edgar.filings(12345)
        edgar.companyfacts(12345)
        edgar.document(12345, ACCESSION, "tiny-20241231.htm")
        edgar.daily_index(date(2025, 2, 3))
        assert data.paths() == [
            "/submissions/CIK0000012345.json",
            "/submissions/CIK0000012345-submissions-001.json",
            "/api/xbrl/companyfacts/CIK0000012345.json",
        ]
        assert www.count() == 2


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"cik": "x", "filings": {"recent": {}}}',
        b'{"cik": "1", "filings": {"recent": {"accessionNumber": ["0000012345-25-000007"]}}}',
        b'{"cik": 1, "filings": {"recent": {"accessionNumber": []}, "files": [{"name": "../x"}]}}',
    ],
)
def test_a_list_of_another_shape_is_told(edgar: Edgar, server: ReplayServer, body: bytes) -> None:
    server.next("/submissions/CIK0000012345.json", Recorded(200, body))
    with pytest.raises(DataError):
        edgar.filings(12345)


def test_columns_of_unlike_length_are_told(edgar: Edgar, server: ReplayServer) -> None:
    whole = OWN["/submissions/CIK0000012345.json"]
    cut = whole.body.replace(b'"form":["8-K","10-K","10-K"]', b'"form":["8-K","10-K"]')
    server.next("/submissions/CIK0000012345.json", replace(whole, body=cut))
    with pytest.raises(DataError, match="no list of filings"):
        edgar.filings(12345)


def test_validators_are_those_that_the_server_gave(edgar: Edgar) -> None:
    stored = edgar.document(12345, ACCESSION, "tiny-20241231.htm")
    assert validators(replace(stored, etag='"abc"')) == {"If-None-Match": '"abc"'}
    assert validators(replace(stored, etag="", last_modified="")) == {}


@real
def test_the_newest_report_of_apple_is_not_the_greatest_accession_number(
    real_edgar: Edgar, tmp_path: Path
) -> None:
    found = real_edgar.filings(real_edgar.resolve("AAPL").cik, most=2)
    assert [(one.accession, one.form, one.filed) for one in found] == [
        ("0000320193-26-000006", "10-Q", date(2026, 1, 30)),
        ("0000320193-25-000079", "10-K", date(2025, 10, 31)),
    ]


@real
def test_both_pages_of_tesla_s_list_are_read(real_edgar: Edgar) -> None:
    found = real_edgar.filings(1318605, ["10-K"])
    assert len(found) == 16
    assert (found[0].accession, found[-1].filed) == ("0001628280-26-003952", date(2011, 3, 3))


@real
def test_a_filer_without_filings_and_with_an_odd_name_has_an_empty_list(real_edgar: Edgar) -> None:
    assert real_edgar.filings(350001) == []
    assert real_edgar.submissions(350001).company.name == (
        "Company Name Three `!#$(),:;=.-;\\|@/{}&'\\WA\\"
    )


@real
def test_the_two_classes_of_berkshire_are_one_company(real_edgar: Edgar) -> None:
    one, other = real_edgar.resolve("BRK.B"), real_edgar.resolve("brk-a")
    assert one == other
    assert (one.cik, one.tickers[:2]) == (1067983, ("BRK-B", "BRK-A"))


@real
def test_a_real_daily_index_is_read(real_edgar: Edgar) -> None:
    found = real_edgar.daily_index(date(2020, 3, 18))
    assert found is not None
    assert len(found) == 20
    assert found[8].company == "J.P. Morgan Chase Commercial Mortgage Securities Trust 2014-"
    assert (found[-1].form, found[-1].cik) == ("24F-2NT", 202741)


@real
def test_a_real_document_arrives_whole(real_edgar: Edgar) -> None:
    stored = real_edgar.document(320193, "0000320193-25-000057", "aapl-20250329.htm")
    assert stored.read()[:5] == b"<?xml"
    header = real_edgar.full_submission(1779026, "0001779026-23-000027")
    assert b"<SEC-HEADER>" in header.read()[:1000]
