"""Several services at once: what one gives another takes, and all answer at the same time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from raymill.app.market.imports import import_file
from raymill.services.algorunner import Algorunner
from raymill.services.screener import Screener
from raymill.services.tickscrawler import Tickscrawler
from services.conftest import Served

CLOSES = [10.0, 10, 10, 8, 9, 11, 12, 13, 11, 9, 9, 10]
ABOVE_5 = [{"field": "price", "operator": "gt", "value": 5}]


@pytest.fixture
def client(idle: None, served: Served, tmp_path: Path) -> TestClient:
    """Three services over the last days of two symbols, the last one yesterday's."""
    client = served(Algorunner, Screener, Tickscrawler)
    today = datetime.now(UTC).date()
    for name, closes in (("AAA", [1.0] * len(CLOSES)), ("BBB", CLOSES)):
        file, days = tmp_path / f"{name}.csv", range(len(closes), 0, -1)
        rows = [
            f"{today - timedelta(days=ago)},{close},{close},{close},{close},100"
            for ago, close in zip(days, closes, strict=True)
        ]
        file.write_text("\n".join(["date,open,high,low,close,volume", *rows]) + "\n")
        import_file(file, "bar")
    return client


@pytest.mark.usefixtures("worker")
def test_the_first_symbol_of_a_screen_is_run_and_its_result_read(client: TestClient) -> None:
    screened = client.post("/api/screener/screen", json={"filters": ABOVE_5}).json()["result"]
    symbol = screened["stocks"][0]["symbol"]
    assert symbol == "BBB"
    asked = {"algorithm_id": "sma_cross", "parameters": {"fast": 1, "slow": 2}}
    answer = client.post("/api/algorunner/run?wait=60", json={**asked, "symbols": [symbol]})
    assert answer.status_code == 200, answer.text
    ran = answer.json()["result"]
    # Above its mean of 2 from bar 4 on, below it at bar 8.
    assert ran["metrics"]["closed_trades"] == 1
    read = client.get(f"/api/algorunner/executions/{ran['execution_id']}").json()["result"]
    assert read == ran


def test_services_are_asked_at_the_same_time(client: TestClient) -> None:
    asked = {
        "/api/algorunner/executions": "executions",
        "/api/screener/filters": "filters",
        "/api/tickscrawler/sources": "sources",
        "/api/tickscrawler/crawls": "crawls",
    }
    paths = [*asked] * 8
    with ThreadPoolExecutor(len(paths)) as pool:
        answers = [*pool.map(client.get, paths)]
    for path, answer in zip(paths, answers, strict=True):
        body = answer.json()
        assert (answer.status_code, body["status"]) == (200, "success")
        assert asked[path] in (body.get("result") or body)


def test_filters_stored_at_the_same_time_are_all_kept(client: TestClient) -> None:
    made = [{"name": f"above_{number}", "criteria": ABOVE_5} for number in range(8)]
    used = [{"filters": [{"type": one["name"]}]} for one in made]
    with ThreadPoolExecutor(len(made)) as pool:
        stored = [*pool.map(lambda one: client.post("/api/screener/custom-filter", json=one), made)]
        found = [*pool.map(lambda one: client.post("/api/screener/screen", json=one), used)]
    assert [one.status_code for one in stored] == [201] * 8
    for answer in found:
        assert [row["symbol"] for row in answer.json()["result"]["stocks"]] == ["BBB"]
