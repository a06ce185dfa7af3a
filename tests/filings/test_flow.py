"""From a ticker to facts: the workflow over a server that replays, with a real store and lake."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from filings.bodies import SEC, instance, real
from filings.edgar_server import BLOCKED
from filings.filer import Filer, apple, documents, page, sec
from filings.mill import Mill, mill_at
from raymill import json
from raymill.filings import company_steps, filing_steps
from raymill.filings.room import Values
from raymill.filings.status import ProcessingStatus
from raymill.testing.replay import Recorded

APPLE_10Q = "0000320193-25-000057"


def test_the_facts_of_all_filings_of_a_company_come_into_the_dataset(tmp_path: Path) -> None:
    filer = Filer()
    filer.file(1, filed="2024-02-01")
    filer.file(2)
    filer.file(3, form="8-K")
    with sec(filer) as server, mill_at(server, tmp_path) as mill:
        done = mill.run()
        assert (done["filings"], done["facts"], done["failed"]) == (2, 2, 0)
        assert (done["cik"], done["ticker"], done["entity"]) == (12345, "TNY", "Tiny Bikes Inc.")
        assert mill.values() == ["100", "200"]
        known = mill.room.ledger.find("TNY")
        assert known is not None
        assert (known.status, known.facts) == (ProcessingStatus.COMPLETED, 2)
        assert not [*(tmp_path / "handover").rglob("*.arrow")]


def test_what_is_in_the_dataset_is_not_fetched_again_and_what_is_new_is(tmp_path: Path) -> None:
    filer = Filer()
    filer.file(1)
    with sec(filer) as server, mill_at(server, tmp_path) as mill:
        mill.run()
        again = mill.run()
        assert (again["filings"], again["reason"]) == (0, "no filing that is not in the dataset")
        filer.file(2, filed="2025-05-01", form="10-Q")
        assert mill.run()["filings"] == 1
        assert mill.values() == ["100", "200"]
        assert len(documents(server.paths())) == 2


def test_only_some_forms_and_days_where_that_is_asked(tmp_path: Path) -> None:
    filer = Filer()
    filer.file(1, filed="2024-02-01")
    filer.file(2, filed="2025-02-01", form="10-Q")
    filer.file(3, filed="2025-05-01")
    with sec(filer) as server, mill_at(server, tmp_path) as mill:
        assert mill.run(forms=["10-K"], since="2025-01-01")["filings"] == 1
        assert mill.values() == ["300"]


def test_a_filing_that_fails_stops_no_other_and_is_named(tmp_path: Path) -> None:
    filer = Filer()
    filer.file(1)
    bad = filer.file(2, b"<html><body>We are sorry</body></html>")
    filer.file(3)
    with sec(filer) as server, mill_at(server, tmp_path) as mill:
        done = mill.run()
        assert (done["filings"], done["facts"], done["failed"]) == (3, 2, 1)
        (failure,) = done["failures"]
        assert failure["accession"] == bad
        assert "`report.htm` of filing" in failure["message"]
        assert "is no inline XBRL" in failure["message"]
        assert server.count(filer.path(bad, "report.htm")) == 2
        assert mill.values() == ["100", "300"]
        known = mill.room.ledger.find("TNY")
        assert known is not None
        assert known.status is ProcessingStatus.ERROR
        assert known.message.startswith(f"1 of 3 filings failed: {bad} (10-K): ")
        filer.serve(bad, "report.htm", page("7"))
        assert mill.run()["filings"] == 1  # only the one that failed
        assert mill.values() == ["100", "300", "7"]


def test_an_unknown_ticker_ends_with_the_reason(tmp_path: Path) -> None:
    told = pytest.raises(AssertionError, match="Unknown company `NOPE`")
    with sec(Filer()) as server, mill_at(server, tmp_path) as mill, told:
        mill.run("NOPE")


def test_a_filer_without_xbrl_ends_with_no_facts_and_the_reason(tmp_path: Path) -> None:
    filer = Filer()
    filer.file(1, filed="2003-02-01", inline=False, xbrl=False)
    with sec(filer) as server, mill_at(server, tmp_path) as mill:
        done = mill.run()
        assert (done["filings"], done["facts"], done["failed"]) == (1, 0, 0)
        assert done["reason"] == "10-K of 2003: there was no XBRL before 2009"
        assert documents(server.paths()) == []


def test_a_page_that_shares_its_contexts_with_others_gives_way_to_the_instance(
    tmp_path: Path,
) -> None:
    filer = Filer()
    accession = filer.file(1, page("1").replace(b'contextRef="end"', b'contextRef="of-another"'))
    listed = {"directory": {"item": [{"name": "report_htm.xml", "size": "9", "type": ""}]}}
    filer.serve(accession, "index.json", json.dumps(listed))
    number = '<gaap:Revenues contextRef="year" unitRef="usd" decimals="0">5</gaap:Revenues>'
    filer.serve(accession, "report_htm.xml", instance(number).data)
    with sec(filer) as server, mill_at(server, tmp_path) as mill:
        assert mill.run()["facts"] == 1
        assert mill.values() == ["5"]


def test_an_export_holds_all_facts_of_a_company(tmp_path: Path) -> None:
    filer = Filer()
    filer.file(1)
    with sec(filer) as server, mill_at(server, tmp_path) as mill:
        mill.run()
        filer.file(2)
        done = mill.run(output=str(tmp_path / "output"))
        assert done["output"] == str(tmp_path / "output" / "TNY_facts.parquet")
        rows = pq.read_table(done["output"])
        assert sorted(rows["value_text"].to_pylist()) == ["100", "200"]
        assert [path.name for path in (tmp_path / "output").iterdir()] == ["TNY_facts.parquet"]


def test_a_block_page_and_a_busy_server_only_take_longer(tmp_path: Path) -> None:
    filer = Filer()
    accession = filer.file(1)
    waits: list[float] = []
    with sec(filer) as server, mill_at(server, tmp_path, sleep=waits.append) as mill:
        busy = Recorded(429, b"", {"Retry-After": "7"})
        server.next(filer.path(accession, "report.htm"), BLOCKED, busy, Recorded(503))
        assert mill.run()["facts"] == 1
        assert waits[0] == 600
        assert waits[1] == 7


def test_companyfacts_come_beside_where_that_is_asked_for(tmp_path: Path) -> None:
    filer = Filer()
    accession = filer.file(1)
    rows = [
        {"end": "2024-12-31", "start": "2024-01-01", "val": val, "accn": accn, "form": "10-K"}
        | {"filed": filed, "fy": 2024, "fp": "FY"}
        for val, accn, filed in (
            (100, accession, "2025-02-01"),
            (90, "0000012345-10-000001", "2010-02-01"),
        )
    ]
    answer = {"cik": 12345, "facts": {"us-gaap": {"Revenues": {"units": {"USD": rows}}}}}
    path = "/api/xbrl/companyfacts/CIK0000012345.json"
    filer.bodies[path] = Recorded(200, json.dumps(answer), {"Content-Type": "application/json"})
    with sec(filer) as server, mill_at(server, tmp_path) as mill:
        mill.run()
        assert server.count(path) == 0
        assert mill.run(companyfacts=True)["companyfacts"] == 2
        assert mill.values() == ["100", "90"]  # the document goes before
        assert mill.room.dataset.cik("TNY") == 12345


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (page("7").replace(b'<?xml version="1.0" encoding="utf-8"?>', LAUGHS), "declares entities"),
        (page("7")[:-200], "breaks off"),
        (b"<html><body>Please wait</body></html>", "is no inline XBRL"),
        (b"", "the answer is empty"),
    ],
    ids=["laughs", "cut", "page", "nothing"],
)
def test_a_document_that_cannot_be_used_is_named_and_not_kept(
    tmp_path: Path, body: bytes, reason: str
) -> None:
    filer = Filer()
    bad = filer.file(1, body)
    filer.file(2)
    with sec(filer) as server, mill_at(server, tmp_path) as mill:
        done = mill.run()
        assert [one["accession"] for one in done["failures"]] == [bad]
        assert reason in done["failures"][0]["message"]
        assert mill.values() == ["200"]
        filer.serve(bad, "report.htm", page("7"))
        assert mill.run()["failed"] == 0
        assert mill.values() == ["200", "7"]


def test_what_another_run_stored_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    filer = Filer()
    filer.file(1)
    with sec(filer) as server, mill_at(server, tmp_path) as mill:
        listed = filing_steps.download(mill.room, first(mill))["filing"]
        mill.run()
        asked = server.count()
        late = filing_steps.download(mill.room, listed)
        late = filing_steps.extract_facts(mill.room, late)
        done = filing_steps.store(mill.room, filing_steps.standardise_facts(mill.room, late))
        assert (done["facts"], done["reason"]) == (0, "another run has stored it")
        assert server.count() == asked
        assert mill.values() == ["100"]


def first(mill: Mill) -> Values:
    """The newest filing of the tiny company."""
    company = company_steps.resolve(mill.room, {"company": "TNY"}, "run")
    return company_steps.discover(mill.room, company, {})[0]


def test_an_answer_that_breaks_off_is_fetched_again(tmp_path: Path) -> None:
    filer = Filer()
    path = filer.path(filer.file(1), "report.htm")
    with sec(filer) as server, mill_at(server, tmp_path) as mill:
        cut = Recorded(200, page("100"), packed=True, truncated=30)
        server.next(path, cut, Recorded(200, page("100"), cut=50))
        assert mill.run()["facts"] == 1
        assert server.count(path) == 3


def test_a_clock_that_is_set_back_changes_nothing(tmp_path: Path) -> None:
    filer = Filer()
    filer.file(1)
    with sec(filer) as server:
        with mill_at(server, tmp_path) as mill:
            mill.run()
        filer.file(2)
        with mill_at(server, tmp_path, now=1_000_000_000.0) as mill:  # 2001
            assert mill.run()["filings"] == 1
            assert mill.values() == ["100", "200"]
            known = mill.room.ledger.find("TNY")
            assert known is not None
            assert (known.generation, known.status) == (2, ProcessingStatus.COMPLETED)


@real
def test_all_facts_of_apples_report(tmp_path: Path) -> None:
    with sec(apple(APPLE_10Q), real=True) as server, mill_at(server, tmp_path) as mill:
        done = mill.run("AAPL")
        assert (done["filings"], done["facts"], done["failed_checks"]) == (1, 674, 0)
        rows = mill.room.dataset.reports("AAPL")
        assert rows.num_rows == 674
        assert server.count() == 3


@real
def test_an_asset_backed_filer_is_a_normal_end(tmp_path: Path) -> None:
    filer = Filer(1779026, "ABS", "Made Auto Trust")
    accession = "0001779026-23-000027"
    filer.file(1, form="10-K", filed="2023-03-30", inline=False, xbrl=False)
    filer.filings[0]["accessionNumber"] = accession
    with sec(filer, real=True) as server, mill_at(server, tmp_path) as mill:
        done = mill.run("1779026")
        assert (done["filings"], done["facts"], done["failed"]) == (1, 0, 0)
        assert done["reason"] == (
            "10-K of an asset-backed issuer, which reports no financial data as XBRL"
        )
        assert (SEC / "archives" / accession).is_dir()
