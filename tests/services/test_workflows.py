"""Runs of workflows over HTTP: started by registered names only, looked at, followed, steered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from raymill import json
from raymill.app.workbench import Workbench
from raymill.config.paths import home
from raymill.flow import registry
from raymill.flow.places import workflow_at
from raymill.services.workflows import WorkflowRuns
from services.conftest import Served

RUNS = "/api/workflows/runs"
PLUGIN = Path(__file__).parents[1] / "plugin"


@pytest.fixture
def runs(idle: None, served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The service, with two workflows of another package; runs go on when a test says so."""
    monkeypatch.syspath_prepend(PLUGIN)
    registry._points.cache_clear()
    yield served(WorkflowRuns)
    registry._points.cache_clear()
    workflow_at.cache_clear()


def go_on() -> None:
    """Have all runs go on, until nothing is left to do."""
    bench = Workbench(home(), find=workflow_at)
    try:
        bench.run()
    finally:
        bench.close()


def started(client: TestClient, value: Any, workflow: str = "lengths", **more: Any) -> str:
    answer = client.post(RUNS, json={"workflow": workflow, "input": value, **more})
    assert answer.status_code == 202, answer.text
    id_: str = answer.json()["result"]["id"]
    assert answer.headers["location"] == f"{RUNS}/{id_}"
    return id_


def test_a_run_is_accepted_shown_and_completed(runs: TestClient) -> None:
    id_ = started(runs, "to be or")
    assert runs.get(f"{RUNS}/{id_}").json()["result"]["status"] == "submitted"
    go_on()
    found = runs.get(f"{RUNS}/{id_}").json()["result"]
    assert (found["status"], found["output"], found["input"]) == ("completed", 6, "to be or")
    assert [(one["step"], one["item"]) for one in found["steps"]] == [
        ("words", None),
        ("length", 0),
        ("length", 1),
        ("length", 2),
        ("sum", None),
    ]
    log = runs.get(f"{RUNS}/{id_}/logs").json()["log"]
    assert [(line["event"], line["text"]) for line in log["lines"]] == [("words.cut", "to be or")]
    assert runs.get(f"{RUNS}/{id_}/logs?start={log['next']}").json()["log"]["lines"] == []
    data = runs.get("/api/workflows/status").json()["data"]
    assert (data["status"], data["running_runs"]) == ("healthy", 0)


def test_the_same_key_is_the_same_run(runs: TestClient) -> None:
    assert started(runs, "a", key="k") == started(runs, "a", key="k")
    assert len(runs.get(RUNS).json()["result"]["runs"]) == 1


def test_who_waits_gets_the_result_of_a_run_that_has_ended(runs: TestClient) -> None:
    id_ = started(runs, "to be", key="k")
    go_on()
    body = {"workflow": "lengths", "input": "to be", "key": "k"}
    answer = runs.post(f"{RUNS}?wait=5", json=body)
    assert (answer.status_code, answer.json()["result"]["output"]) == (200, 4)
    assert answer.json()["result"]["id"] == id_
    assert runs.post(f"{RUNS}?wait=-1", json=body).status_code == 422


def test_runs_are_listed_in_pages_the_newest_first(runs: TestClient) -> None:
    ids = [started(runs, text) for text in ("a", "b", "c")]
    go_on()
    first = runs.get(f"{RUNS}?limit=2").json()["result"]
    assert [one["id"] for one in first["runs"]] == [ids[2], ids[1]]
    rest = runs.get(f"{RUNS}?limit=2&before={first['next_before']}").json()["result"]
    assert ([one["id"] for one in rest["runs"]], rest["next_before"]) == ([ids[0]], None)
    assert runs.get(f"{RUNS}?status=failed").json()["result"]["runs"] == []


def told(text: str) -> list[tuple[str, str]]:
    blocks = [dict(line.split(": ", 1) for line in b.splitlines()) for b in text.split("\n\n") if b]
    return [(one["event"], json.loads(one["data"])["status"]) for one in blocks]


def test_events_end_with_how_the_run_ended_and_go_on_where_they_were_left(
    runs: TestClient,
) -> None:
    id_ = started(runs, "bad")
    go_on()
    whole = runs.get(f"{RUNS}/{id_}/events").text
    assert told(whole) == [("end", "failed")]
    number = next(line for line in whole.splitlines() if line.startswith("id: "))[4:]
    again = runs.get(f"{RUNS}/{id_}/events", headers={"Last-Event-ID": number})
    assert again.text == ""


def test_a_failed_run_is_taken_up_again_and_a_finished_one_is_not(runs: TestClient) -> None:
    id_ = started(runs, "bad")
    assert runs.post(f"{RUNS}/{id_}/retry").status_code == 409
    go_on()
    found = runs.get(f"{RUNS}/{id_}").json()["result"]
    assert (found["status"], found["error"]["message"]) == ("failed", "a bad word")
    assert runs.post(f"{RUNS}/{id_}/retry").status_code == 202
    good = started(runs, "a")
    go_on()
    assert runs.post(f"{RUNS}/{good}/cancel").status_code == 409


def test_a_run_is_cancelled_before_it_begins(runs: TestClient) -> None:
    id_ = started(runs, "a")
    assert runs.post(f"{RUNS}/{id_}/cancel").status_code == 202
    go_on()
    assert runs.get(f"{RUNS}/{id_}").json()["result"]["status"] == "cancelled"


def test_what_a_step_asks_is_answered(runs: TestClient) -> None:
    id_ = started(runs, None, "asks")
    go_on()
    (step,) = runs.get(f"{RUNS}/{id_}").json()["result"]["steps"]
    assert (step["status"], step["question"]) == ("asked", "go on?")
    wrong = runs.post(f"{RUNS}/{id_}/answer", json={"step": "confirm", "value": "perhaps"})
    assert wrong.status_code == 422
    other = runs.post(f"{RUNS}/{id_}/answer", json={"step": "none", "value": "yes"})
    assert other.status_code == 409
    right = runs.post(f"{RUNS}/{id_}/answer", json={"step": "confirm", "value": "yes"})
    assert right.status_code == 202
    go_on()
    assert runs.get(f"{RUNS}/{id_}").json()["result"]["output"] == "yes"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"workflow": "os:system", "input": "true"}, 422),
        ({"workflow": "services.flows:LENGTHS"}, 422),
        ({"workflow": "flows.py:LENGTHS"}, 422),
        ({"workflow": "lengths#words"}, 422),
        ({"workflow": "lengths", "engine": "os:system"}, 422),
        ({"workflow": "filings", "input": {"company": "A", "file": "/etc/passwd"}}, 403),
        ({"workflow": "filings-watch", "input": {}}, 403),
        ({"workflow": "filings-update", "input": {"output": "/tmp/x"}}, 422),
        ({"workflow": "filings-update", "input": "/tmp/x"}, 422),
    ],
)
def test_neither_code_nor_files_of_the_server_can_be_named(
    runs: TestClient, body: dict[str, Any], status: int
) -> None:
    assert runs.post(RUNS, json=body).status_code == status
    assert runs.get(RUNS).json()["result"]["runs"] == []


@pytest.mark.parametrize(
    "text", ['{"workflow": "lengths", "input": NaN}', '{"workflow": "\\ud800"}']
)
def test_a_body_with_what_is_no_json_is_refused(runs: TestClient, text: str) -> None:
    answer = runs.post(RUNS, content=text, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (422, "the body is no JSON")


@pytest.mark.parametrize("what", ["", "/events", "/logs"])
def test_a_run_that_does_not_exist_is_not_found(runs: TestClient, what: str) -> None:
    assert runs.get(f"{RUNS}/none{what}").status_code == 404
    assert runs.post(f"{RUNS}/none/cancel").status_code == 404


def test_installed_workflows_say_whether_they_can_be_started(runs: TestClient) -> None:
    found = runs.get("/api/workflows/installed").json()["workflows"]
    open_ = {one["name"]: one["startable"] for one in found}
    assert (open_["lengths"], open_["filings-update"], open_["filings"]) == (True, True, False)
    assert next(one for one in found if one["name"] == "lengths")["steps"] == [
        *("words", "length", "sum"),
    ]
