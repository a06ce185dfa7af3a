"""Filings over HTTP: facts as they were known on a day, and the processing of companies."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from filings.filer import Filer, sec
from filings.machine import IDENTITY
from filings.reports import year
from filings.test_dataset import tiny
from raymill import config, json
from raymill.app.filings.rooms import open_dataset
from raymill.app.workbench import Workbench
from raymill.config.paths import home
from raymill.flow.places import workflow_at
from raymill.services.filings import FilingsService
from services.conftest import Served

COMPANIES = "/api/filings/companies"
FACTS = f"{COMPANIES}/TNY/facts"


@pytest.fixture
def filings(idle: None, served: Served, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The service, over a company that reported 100 for 2023, and a year later 90 and 120."""
    monkeypatch.setenv("RAYMILL_FILINGS_IDENTITY", IDENTITY)
    config.reset()
    client = served(FilingsService)
    dataset = open_dataset()
    dataset.store_all(
        [
            tiny("A-1", f"Revenues {year(2023)} 100 10-K 2024-02-01", ticker="TNY"),
            tiny(
                "A-2",
                f"Revenues {year(2024)} 120 10-K 2025-02-01",
                f"Revenues {year(2023)} 90 10-K 2025-02-01",
                ticker="TNY",
            ),
        ]
    )
    dataset.learn({"TNY": 1})
    return client


def found(client: TestClient, query: str = "") -> list[tuple[Any, ...]]:
    answer = client.get(f"{FACTS}?metric=revenue{query}")
    assert answer.status_code == 200, answer.text
    rows = answer.json()["result"]["facts"]
    return [(row["end"], row["value"], row["accession"]) for row in rows]


def test_facts_are_those_that_were_known_on_a_day(filings: TestClient) -> None:
    assert found(filings) == [("2023-12-31", 90, "A-2"), ("2024-12-31", 120, "A-2")]
    assert found(filings, "&as_of=2024-12-31") == [("2023-12-31", 100, "A-1")]
    assert found(filings, "&as_of=2024-01-31") == []


def test_reports_of_a_concept_are_found_by_its_name(filings: TestClient) -> None:
    answer = filings.get(f"{FACTS}?concept=Revenues&as_of=2024-06-30").json()["result"]
    (row,) = answer["facts"]
    assert (row["value_text"], row["concept"], row["filed"]) == ("100", "Revenues", "2024-02-01")
    assert (answer["cik"], answer["entity"], answer["as_of"]) == (1, "Tiny", "2024-06-30")


def test_pages_go_on_in_the_same_state_of_the_data(filings: TestClient) -> None:
    first = filings.get(f"{FACTS}?metric=revenue&limit=1").json()["result"]
    assert (first["total"], first["returned"], first["facts"][0]["value"]) == (2, 1, 90)
    line = f"Revenues {year(2022)} 80 10-K 2025-03-01"
    open_dataset().store_all([tiny("A-3", line, ticker="TNY")])
    query = f"metric=revenue&limit=1&cursor={first['next_cursor']}"
    second = filings.get(f"{FACTS}?{query}").json()["result"]
    assert (second["facts"][0]["value"], second["total"]) == (120, 2)
    assert second["next_cursor"] is None
    assert len(found(filings)) == 3
    other = filings.get(f"{FACTS}?metric=assets&cursor={first['next_cursor']}")
    assert (other.status_code, other.json()["errors"][0]["path"]) == (422, "cursor")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("NONE/facts", 404),
        ("TNY/facts?metric=revenu", 422),
        ("TNY/facts?metric=revenue&concept=Revenues", 422),
        ("TNY/facts?as_of=yesterday", 422),
        ("TNY/facts?cursor=abc", 422),
        ("TNY/facts?limit=1001", 422),
        ("..%2F..%2Fetc/facts", 404),
        ("a$b/facts", 422),
        ("NONE", 404),
        ("NONE/events", 404),
    ],
)
def test_what_is_not_there_or_not_valid_is_refused(
    filings: TestClient, path: str, status: int
) -> None:
    assert filings.get(f"{COMPANIES}/{path}").status_code == status


def test_companies_are_asked_for_listed_and_counted(filings: TestClient) -> None:
    answer = filings.post(COMPANIES, json={"companies": ["aapl", "brk.b"], "forms": ["10-k"]})
    assert (answer.status_code, answer.headers["location"]) == (202, COMPANIES)
    rows = answer.json()["result"]["companies"]
    assert [(one["called"], one["status"]) for one in rows] == [
        ("AAPL", "discovered"),
        ("BRK-B", "discovered"),
    ]
    again = filings.post(COMPANIES, json={"companies": ["AAPL"], "forms": ["10-K"]})
    assert again.headers["location"] == f"{COMPANIES}/AAPL"
    assert again.json()["result"]["companies"][0]["run"] == rows[0]["run"]
    page = filings.get(f"{COMPANIES}?limit=1").json()["result"]
    assert ([one["called"] for one in page["companies"]], page["next_after"]) == (["AAPL"], "AAPL")
    assert page["counts"]["discovered"] == 2
    rest = filings.get(f"{COMPANIES}?after=AAPL").json()["result"]
    assert [one["called"] for one in rest["companies"]] == ["BRK-B"]
    data = filings.get("/api/filings/status").json()["data"]
    assert (data["companies"], len(data["processing"])) == (2, 9)
    assert filings.post(f"{COMPANIES}/AAPL/retry").status_code == 409


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"companies": []}, "companies"),
        ({"companies": ["AAPL", "../../evil"]}, "companies[1]"),
        ({"companies": ["AAPL"], "output": "/tmp/x"}, "output"),
        ({"companies": ["AAPL"], "file": "/etc/passwd"}, "file"),
        ({"companies": ["AAPL"], "since": "soon"}, "since"),
    ],
)
def test_files_of_the_server_cannot_be_named(
    filings: TestClient, body: dict[str, Any], path: str
) -> None:
    answer = filings.post(COMPANIES, json=body)
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["errors"]] == [path]


def test_without_an_identity_nothing_begins(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAYMILL_FILINGS_IDENTITY", raising=False)
    config.reset()
    answer = served(FilingsService).post(COMPANIES, json={"companies": ["AAPL"]})
    assert answer.status_code == 503
    assert "RAYMILL_FILINGS_IDENTITY" in answer.json()["hint"]


@pytest.mark.system
def test_a_company_is_processed_and_one_that_failed_is_taken_up_again(
    filings: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    filer = Filer()
    filer.file(1)
    with sec(filer) as server:
        monkeypatch.setenv("RAYMILL_FILINGS_WWW_URL", server.url)
        monkeypatch.setenv("RAYMILL_FILINGS_DATA_URL", server.url)
        config.reset()
        filings.post(COMPANIES, json={"companies": ["TNY", "NOPE"]})
        go_on()
        done = filings.get(f"{COMPANIES}/TNY").json()["result"]
        assert (done["status"], done["facts"]) == ("completed", 1)
        assert [one["status"] for one in done["filings_list"]] == ["completed"]
        failed = filings.get(f"{COMPANIES}/NOPE").json()["result"]
        assert (failed["status"], "Unknown company" in failed["message"]) == ("error", True)
        ended = filings.get(f"{COMPANIES}/NOPE/events").text.splitlines()
        assert ended[0] == "event: end"
        assert json.loads(ended[1].removeprefix("data: "))["status"] == "error"
        answer = filings.post(f"{COMPANIES}/NOPE/retry")
        assert (answer.status_code, answer.headers["location"]) == (202, f"{COMPANIES}/NOPE")
        assert answer.json()["result"]["companies"][0]["status"] == "discovered"


def go_on() -> None:
    """Have all runs go on, until nothing is left to do."""
    bench = Workbench(home(), find=workflow_at)
    try:
        bench.run()
    finally:
        bench.close()
