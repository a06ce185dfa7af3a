"""What lies around the API on Ray Serve: sound ids inwards, problems outwards."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from raymill.services.hosts.outer import middlewares


async def _say(request: Request) -> Response:
    status = int(request.path_params["status"])
    headers = {"Retry-After": "1"} if status == 429 else {}
    return PlainTextResponse("Request dropped due to backpressure", status, headers)


async def _ids(request: Request) -> Response:
    return JSONResponse(request.headers.getlist("x-request-id"), 422)


@pytest.fixture
def client() -> TestClient:
    """Around an application that speaks as Ray does."""
    routes = [Route("/say/{status}", _say), Route("/ids", _ids)]
    return TestClient(Starlette(routes=routes, middleware=middlewares()))


@pytest.mark.parametrize(
    ("status", "kind", "title"),
    [
        (429, "/docs/errors#TooBusy", "Too much at a time"),
        (503, "/docs/errors#EngineUnavailable", "Not available now"),
        (500, "about:blank", "Internal error"),
    ],
)
def test_what_ray_says_is_a_problem_as_well(
    client: TestClient, status: int, kind: str, title: str
) -> None:
    answer = client.get(f"/say/{status}", headers={"X-Request-ID": "abc-1"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("retry-after") == ("1" if status == 429 else None)
    problem: dict[str, Any] = answer.json()
    assert (problem["type"], problem["title"], problem["status"]) == (kind, title, status)
    assert problem["request_id"] == "abc-1"
    assert "dropped" not in answer.text


def test_what_is_no_plain_error_stays_as_it_is(client: TestClient) -> None:
    assert client.get("/say/200").text == "Request dropped due to backpressure"
    assert client.get("/ids", headers={"X-Request-ID": "abc-1"}).json() == ["abc-1"]


def test_a_request_has_one_id_that_may_be_given_back(client: TestClient) -> None:
    (id_,) = client.get("/ids", headers={"X-Request-ID": "<script>"}).json()
    assert len(id_) == 16
    both = [("X-Request-ID", "abc-1"), ("X-Request-ID", "<script>")]
    assert client.get("/ids", headers=both).json() == ["abc-1"]
