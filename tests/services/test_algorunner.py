"""The runner of strategies as a service: started, looked at, followed, stopped, refused."""

import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from raymill.app.market.imports import import_file
from raymill.app.market.rooms import open_rooms
from raymill.market.executions import ExecutionTable
from raymill.services import algorunner
from raymill.services.algorunner import Algorunner
from raymill.services.runs import settled
from services.conftest import Served
from services.worker import work

RUN, STOP, EXECUTIONS = (f"/api/algorunner/{name}" for name in ("run", "stop", "executions"))
CLOSES = [10, 10, 10, 8, 9, 11, 12, 13, 11, 9, 9, 10]
CROSS = {
    "algorithm_id": "sma_cross",
    "parameters": {"fast": 1, "slow": 2},
    "symbols": ["ABC"],
    "path": "on_bar",
}


@pytest.fixture
def client(
    idle: None, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> TestClient:
    """The service over stored days of ABC, opened at the close before; nothing runs by itself."""
    opens = [10, *CLOSES[:-1]]
    rows = [
        f"2020-01-{day:02},{opened},{max(opened, close)},{min(opened, close)},{close},100"
        for day, (opened, close) in enumerate(zip(opens, CLOSES, strict=True), start=6)
    ]
    (tmp_path / "ABC.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]) + "\n")
    import_file(tmp_path / "ABC.csv", "bar")
    monkeypatch.setenv("ALGORUNNER_MAX_CONCURRENT", "2")
    return served(Algorunner)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("path", [RUN, "/api/algorunner/backtest"])
def test_what_ends_in_time_is_answered_with_its_result(client: TestClient, path: str) -> None:
    answer = client.post(f"{path}?wait=60", json=CROSS)
    assert answer.status_code == 200, answer.text
    ran = answer.json()["result"]
    assert (ran["algorithm_id"], ran["status"], ran["progress"]) == ("sma_cross", "completed", 1.0)
    # Above its mean of 2 from bar 4 on, below it at bar 8: bought at the open of bar 5, which is
    # 9, sold at that of bar 9, which is 11.
    (trade,) = ran["result"]["trades"]
    assert (trade["entry"], trade["exit"]) == (9.0, 11.0)
    shown = client.get(f"{EXECUTIONS}/{ran['execution_id']}?points=2").json()["result"]
    assert len(shown["result"]["equity"]) == 2
    assert shown["metrics"]["closed_trades"] == 1
    listed = client.get(EXECUTIONS).json()["result"]
    assert [one["execution_id"] for one in listed["executions"]] == [ran["execution_id"]]
    assert listed["counts"]["completed"] == 1
    refused = client.post(STOP, json={"execution_id": ran["execution_id"]})
    assert refused.status_code == 409


def over() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def test_a_run_is_pointed_to_followed_and_stopped_again_and_again(client: TestClient) -> None:
    answer = client.post(RUN, json=CROSS)
    assert answer.status_code == 202, answer.text
    place = answer.headers["location"]
    assert client.get(place).json()["result"]["status"] == "queued"
    status = client.get("/api/algorunner/status").json()["data"]
    assert (status["queued_algorithms"], status["total_executions"]) == (1, 1)
    body = {"execution_id": place.rpartition("/")[2]}
    stopping = client.post(f"{STOP}?wait=0", json=body).json()["result"]
    assert stopping["status"] == "stopping"
    work(over())  # what is to stop is not begun
    ExecutionTable(open_rooms().database).settle(body["execution_id"], "stopped", 1.7e9)
    for _ in range(2):
        stopped = client.post(STOP, json=body).json()["result"]
        assert (stopped["status"], stopped["executions"]) == ("stopped", [*body.values()])
    events = client.get(f"{place}/events").text
    assert events.startswith("event: end\n")
    assert '"status":"stopped"' in events


def test_all_runs_of_a_strategy_are_stopped(client: TestClient) -> None:
    stop = {"algorithm_id": "sma_cross"}
    none = client.post(f"{STOP}?wait=0", json=stop).json()["result"]
    assert (none["status"], none["executions"]) == ("stopped", [])
    started = [client.post(RUN, json=CROSS).json()["result"]["execution_id"] for _ in range(2)]
    found = client.post(f"{STOP}?wait=0", json=stop).json()["result"]
    assert (found["status"], found["executions"]) == ("stopping", started)


@pytest.mark.in_process(reason="sees how long the service waits")
def test_all_runs_of_a_strategy_are_waited_for_together(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        assert client.post(RUN, json=CROSS).status_code == 202
    waits = []

    async def waited(look: Any, wait_s: float) -> Any:
        waits.append(wait_s)
        return await settled(look, 0.0)

    monkeypatch.setattr(algorunner, "settled", waited)
    client.post(f"{STOP}?wait=7", json={"algorithm_id": "sma_cross"})
    assert waits == [7.0]


def test_no_more_runs_are_taken_than_may(client: TestClient) -> None:
    for _ in range(2):
        assert client.post(RUN, json=CROSS).status_code == 202
    refused = client.post(RUN, json=CROSS)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("given", "status", "path"),
    [
        ({"algorithm_id": "momentum_strat"}, 404, ""),
        ({"algorithm_id": "os:system"}, 404, ""),
        ({"parameters": {"fast": 0, "slow": 2}}, 422, "parameters.fast"),
        ({"parameters": {"fest": 1}}, 422, "parameters.fest"),
        ({"symbols": []}, 422, "symbols"),
        ({"cash": -1}, 422, "cash"),
        ({"symbol": "ABC"}, 422, "symbol"),
        ({"start": "soon"}, 422, "start"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_path(
    client: TestClient, given: dict[str, Any], status: int, path: str
) -> None:
    answer = client.post(RUN, json={**CROSS, **given})
    assert answer.status_code == status, answer.text
    assert [one["path"] for one in answer.json()["errors"]] == ([path] if path else [])


def test_a_symbol_without_data_names_the_crawl_to_do_first(client: TestClient) -> None:
    asked = {"algorithm_id": "momentum_strategy", "parameters": {"symbol": "AAPL", "period": 14}}
    answer = client.post(RUN, json=asked)
    assert answer.status_code == 409
    assert answer.json()["hint"] == (
        'POST /api/tickscrawler/crawl {"source_id":"alpha_vantage","symbols":["AAPL"],'
        '"data_type":"ohlc","interval":"1d","start_date":"2020-01-01"}'
    )


def test_strategies_are_listed_with_their_parameters(client: TestClient) -> None:
    found = {
        one["id"]: one for one in client.get("/api/algorunner/algorithms").json()["algorithms"]
    }
    assert {"momentum_strategy", "mean_reversion", "arbitrage_scanner"} <= set(found)
    assert found["momentum_strategy"]["name"] == "Momentum strategy"
    parameters = {one["name"]: one for one in found["momentum_strategy"]["parameters"]}
    assert parameters["period"]["default"] == "14"


def test_what_there_is_none_of_is_a_404(client: TestClient) -> None:
    for path in ("", "/events"):
        assert client.get(f"{EXECUTIONS}/nope{path}").status_code == 404
    assert client.post(STOP, json={"execution_id": "nope"}).status_code == 404
    assert client.post(STOP, json={"algorithm_id": "nope"}).status_code == 404
    assert client.post(STOP, json={}).status_code == 422


SWEEP = {"strategy": "sma_cross", "symbols": ["ABC"], "best": 2}


@pytest.mark.usefixtures("worker")
def test_a_sweep_gives_the_best_sets(client: TestClient) -> None:
    grid = {"fast": [1, 2], "slow": "2:4:1"}
    asked = {**SWEEP, "grid": grid, "metric": "final_equity"}
    answer = client.post("/api/algorunner/sweep?wait=60", json=asked)
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]["result"]
    # 1 and 2 with 2, 3, 4; 2 with 2 is no crossing
    assert (result["trials"], result["left_out"], len(result["found"])) == (5, 1, 2)
    first, second = (one["final_equity"] for one in result["found"])
    assert first >= second
    assert result["best"] == result["found"][0]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({}, "grid"),
        ({"grid": {"fest": [1]}}, "grid.fest"),
        ({"grid": {"fast": [0]}}, "parameters.fast"),
        ({"grid": {"fast": "1:1000", "slow": "1:1000"}}, "grid"),
        ({"grid": {"fast": "0:2000"}}, "parameters.fast"),
        ({"grid": {"fast": "1:40", "slow": [*range(1, 40), "x"]}}, "parameters.slow"),
        ({"grid": {"fast": "1:40"}, "random": 100_001}, "random"),
        ({"sets": [{"fast": 1}] * 10_001}, "sets"),
        ({"grid": {"fast": [1]}, "metric": "luck"}, "metric"),
        ({"grid": {"fast": [1]}, "holdout": 0.5, "walk": 2}, "walk"),
        ({"sets": [{"fast": 1}], "random": 3}, "random"),
        ({"grid": {"fast": [1]}, "workers": 3}, "workers"),
    ],
)
def test_what_cannot_be_swept_is_refused_with_its_path(
    client: TestClient, given: dict[str, Any], path: str
) -> None:
    answer = client.post("/api/algorunner/sweep", json={**SWEEP, **given})
    assert answer.status_code == 422, answer.text
    assert [one["path"] for one in answer.json()["errors"]] == [path]
