"""Tasks over HTTP: listed, shown, run over posted records in a process that is bounded."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from raymill.services.tasks import Tasks
from services.conftest import Served


@pytest.fixture
def tasks(served: Served) -> TestClient:
    """The service, with little time and memory for a task."""
    return served(Tasks)


def test_installed_tasks_are_listed_and_shown_with_their_schemas(tasks: TestClient) -> None:
    listed = tasks.get("/api/tasks/installed").json()["tasks"]
    assert "kalman_filter" in [one["name"] for one in listed]
    found = tasks.get("/api/tasks/installed/pi_by_viete").json()["task"]
    assert found["schema"]["properties"]["iters"]["maximum"] == 1_000_000
    assert found["refused"] == {}
    shown = tasks.get("/api/tasks/installed/annotate").json()["task"]
    assert shown["refused"] == {"file": "file"}
    status = tasks.get("/api/tasks/status").json()["data"]
    assert (status["available_tasks"], status["status"]) == (len(listed), "healthy")


@pytest.mark.parametrize("task", ["none", "os:system", "%2Fetc%2Fpasswd", "x.py:task"])
def test_only_registered_names_are_found(tasks: TestClient, task: str) -> None:
    assert tasks.get(f"/api/tasks/installed/{task}").status_code == 404
    answer = tasks.post(f"/api/tasks/installed/{task}/run", json={"records": [{"value": 1}]})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"records": []}, "records"),
        ({"records": [{"value": 1}] * 10_001}, "records"),
        ({"records": [{"value": 1}], "parameters": {"qq": 1}}, "parameters.qq"),
        ({"records": [1]}, "records[0]"),
        ({"record": []}, "records"),
    ],
)
def test_a_wrong_request_is_refused_before_the_first_record(
    tasks: TestClient, body: dict[str, Any], path: str
) -> None:
    answer = tasks.post("/api/tasks/installed/kalman_filter/run", json=body)
    assert answer.status_code == 422
    assert path in [one["path"] for one in answer.json()["errors"]]


@pytest.mark.system
def test_a_task_says_what_became_of_each_record(tasks: TestClient) -> None:
    body = {"records": [{"v": 1.0}, {"v": None}, {"v": 3.0}], "field": "v", "output": "mean"}
    body |= {"parameters": {"window": 2}}
    answer = tasks.post("/api/tasks/installed/block_window_average/run", json=body)
    found = answer.json()["result"]
    assert [(one["record"], one["value"]["mean"]) for one in found["emitted"]] == [(2, 2.0)]
    assert [one["record"] for one in found["failed"]] == [1]
    assert (found["records"], found["skipped"], found["held"]) == (3, [], 1)
    wrong = tasks.post(
        "/api/tasks/installed/block_window_average/run", json=body | {"field": "none"}
    )
    assert wrong.status_code == 422


@pytest.mark.system
def test_a_task_that_takes_too_long_is_ended_and_the_next_one_is_answered(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_TASKS_SERVICE_MOST_SECONDS", "4")
    tasks = served(Tasks)
    long = {"records": [{"value": 1.0}] * 10_000, "parameters": {"iters": 1_000_000}}
    refused = tasks.post("/api/tasks/installed/pi_by_viete/run", json=long)
    assert refused.status_code == 422
    assert "took longer than 4 s" in refused.json()["detail"]
    good = tasks.post("/api/tasks/installed/noop/run", json={"records": [{"value": 1}]})
    assert good.json()["result"]["emitted"] == [{"record": 0, "value": {"value": 1}}]


@pytest.mark.system
def test_a_task_that_takes_too_much_memory_is_refused(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_TASKS_SERVICE_MOST_SECONDS", "60")
    tasks = served(Tasks)
    records = [{"value": 1.0, "time": 1, "k": at} for at in range(1000)]
    seconds = {"seconds": 1e6, "every": 1.0}
    large = {"records": records, "parameters": seconds, "key": ["k"]}
    refused = tasks.post("/api/tasks/installed/window/run", json=large)
    assert refused.status_code == 422
    assert refused.json()["detail"] == "Task `window` takes more memory than a request may"
