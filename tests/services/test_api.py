"""What every route has in common: envelope, problems, limits on bodies, the whole's own routes."""

import re
from typing import Any

import pytest

from raymill.errors import Conflict
from services.conftest import Served
from services.echo import Echo


def test_an_answer_stands_in_an_envelope_with_the_status_that_its_route_says(
    served: Served,
) -> None:
    client = served(Echo)
    later = client.post("/api/echo/say", json={"text": "hello"})
    assert later.status_code == 202
    assert later.headers["location"] == "/api/echo/say/1"
    assert later.json() == {"status": "success", "result": {"text": "hello", "inner": None}}
    assert client.post("/api/echo/say?wait=true", json={"text": "x"}).status_code == 200
    found = client.get("/api/echo/things/a?size=3").json()
    assert found == {"status": "success", "thing": {"id": "a", "size": 3}}


@pytest.mark.parametrize(
    ("id", "status", "kind"),
    [
        ("none", 404, "NotFound"),
        ("taken", 409, "Conflict"),
        ("busy", 429, "TooBusy"),
        ("away", 502, "SourceError"),
    ],
)
def test_an_error_is_a_problem_with_the_status_of_its_kind(
    served: Served, id: str, status: int, kind: str
) -> None:
    answer = served(Echo).get(f"/api/echo/things/{id}", headers={"X-Request-ID": "abc-1"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"/docs/errors#{kind}"
    assert (problem["status"], problem["request_id"]) == (status, "abc-1")
    assert answer.headers["x-request-id"] == "abc-1"


def test_a_strange_id_of_a_request_is_not_given_back(served: Served) -> None:
    client = served(Echo)
    for strange in ("<script>", "a" * 65, "a b", "a\tb", "a;b", ""):
        answer = client.get("/api/echo/things/none", headers={"X-Request-ID": strange})
        (id_,) = answer.headers.get_list("x-request-id")
        assert re.fullmatch(r"[0-9a-f-]{16,36}", id_)
        assert answer.json()["request_id"] == id_


def test_a_control_character_in_an_id_is_not_given_back(served: Served) -> None:
    answer = served(Echo).get("/api/echo/things/none", headers={"X-Request-ID": "a\x7f"})
    assert answer.status_code in (400, 404)  # HAProxy refuses the whole request
    assert "\x7f" not in "".join(answer.headers.values())


@pytest.mark.in_process(reason="sets what the service fails with, and counts of one process")
def test_a_route_without_parameters_is_like_any_other(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served(Echo)
    answer = client.get("/api/echo/size", headers={"X-Request-ID": "abc-2"})
    assert answer.json() == {"status": "success", "result": 3}
    assert answer.headers["x-request-id"] == "abc-2"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/api/echo/size?x=1").status_code == 422
    assert client.post("/api/echo/size").status_code == 405
    monkeypatch.setattr(Echo, "fault", Conflict("It is taken"))
    assert client.get("/api/echo/size").status_code == 409
    monkeypatch.setattr(Echo, "fault", RuntimeError("secret"))
    broken = client.get("/api/echo/size")
    assert broken.status_code == 500
    assert broken.headers["content-type"] == "application/problem+json"
    counts = client.get("/metrics").text
    assert 'path="/api/echo/size",status="200"} 1' in counts
    assert 'path="/api/echo/size",status="409"} 1' in counts


def test_a_busy_service_says_when_to_come_again(served: Served) -> None:
    assert served(Echo).get("/api/echo/things/busy").headers["retry-after"] == "7"


def test_what_failed_inside_is_not_told_outside(served: Served) -> None:
    answer = served(Echo).get("/api/echo/things/broken")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "path", "near"),
    [
        ({}, "text", []),
        ({"text": "a", "txet": 1}, "txet", ["text"]),
        ({"text": "a", "inner": {"cuont": 1}}, "inner.cuont", ["count"]),
        ({"text": "a", "inner": {"count": "many"}}, "inner.count", []),
        (["a"], "", []),
    ],
)
def test_a_wrong_field_is_named_by_its_path_with_near_matches(
    served: Served, body: Any, path: str, near: list[str]
) -> None:
    answer = served(Echo).post("/api/echo/say", json=body)
    assert answer.status_code == 422
    assert [(one["path"], one["near"]) for one in answer.json()["errors"]] == [(path, near)]


def test_an_unknown_parameter_of_the_query_is_refused(served: Served) -> None:
    answer = served(Echo).get("/api/echo/things/a?sise=3")
    assert answer.status_code == 422
    assert answer.json()["hint"] == "did you mean `size`?"


def test_a_get_with_a_json_body_is_read_as_a_query(served: Served) -> None:
    answer = served(Echo).request("GET", "/api/echo/things/a", json={"size": 3})
    assert answer.json()["thing"]["size"] == 3


def test_a_body_that_is_no_json_is_refused(served: Served) -> None:
    headers = {"Content-Type": "application/json"}
    answer = served(Echo).post("/api/echo/say", content=b"{nope", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "the body is no JSON"


def test_a_body_is_bounded_in_size_and_depth(served: Served) -> None:
    client = served(Echo, max_body_bytes=2000, max_depth=8)
    assert client.post("/api/echo/say", json={"text": "a" * 3000}).status_code == 413
    parts = (b'{"text": "', *[b"a" * 100] * 30, b'"}')
    assert client.post("/api/echo/say", content=iter(parts)).status_code == 413
    headers = {"Content-Type": "application/json"}
    deep = b'{"text": ' + b"[" * 900 + b"]" * 900 + b"}"
    answer = client.post("/api/echo/say", content=deep, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "The body is deeper than 8 levels"


def test_an_address_without_a_route_is_a_problem_too(served: Served) -> None:
    client = served(Echo)
    assert client.get("/api/nothing").json()["detail"] == "There is no `GET /api/nothing`"
    wrong = client.delete("/api/echo/say")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


def test_events_go_on_behind_the_last_one_that_was_heard(served: Served) -> None:
    client = served(Echo)
    whole = client.get("/api/echo/counted?to=2")
    assert whole.headers["content-type"].startswith("text/event-stream")
    first = 'event: number\ndata: {"number":1}\nid: 1\n\n'
    second = 'event: number\ndata: {"number":2}\nid: 2\n\n'
    assert whole.text == first + second
    rest = client.get("/api/echo/counted?to=2", headers={"Last-Event-ID": "1"})
    assert rest.text == second
    assert client.get("/api/echo/counted?to=-1").status_code == 404


def test_a_websocket_gives_values_until_there_are_no_more(served: Served) -> None:
    client = served(Echo)
    with client.websocket_connect("/api/echo/counted/ws?to=2") as socket:
        assert [socket.receive_json() for _ in range(2)] == [{"number": 1}, {"number": 2}]
        assert socket.receive()["code"] == 1000


@pytest.mark.in_process(reason="sets how the service is")
def test_health_asks_each_service(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    client = served(Echo)
    well = {"status": "healthy", "services": {"echo": "healthy"}, "cluster": "local"}
    assert client.get("/health").json() == well
    monkeypatch.setattr(Echo, "is_well", False)
    ill = client.get("/health")
    assert (ill.status_code, ill.json()["services"]) == (503, {"echo": "unhealthy"})


def test_the_routes_are_described_for_programs_and_for_people(served: Served) -> None:
    client = served(Echo)
    described = client.get("/openapi.json").json()
    say = described["paths"]["/api/echo/say"]["post"]
    assert {"200", "202", "422"} <= set(say["responses"])
    assert "Problem" in described["components"]["schemas"]
    page = client.get("/docs")
    assert "/api/echo/things/{id}" in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert 'id="NotFound"' in client.get("/docs/errors").text
    routes = client.get("/api/echo/").json()["routes"]
    assert {"method": "POST", "path": "/api/echo/say", "kind": "answer"} in routes


@pytest.mark.in_process(reason="counts answers of one process")
def test_answers_are_counted_for_prometheus(served: Served) -> None:
    client = served(Echo)
    client.get("/api/echo/things/a")
    client.get("/api/echo/things/none")
    text = client.get("/metrics").text
    labels = 'method="GET",path="/api/echo/things/{id}"'
    assert f'raymill_http_answers_total{{{labels},status="200"}} 1' in text
    assert f'raymill_http_answers_total{{{labels},status="404"}} 1' in text
