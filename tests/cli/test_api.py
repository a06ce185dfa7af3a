"""`raymill api`: routes by service and name, paths as they are, answers for people and programs."""

from collections.abc import Callable
from typing import Any

import pytest

from cli.running import Shell
from raymill import json
from raymill.services import client as clients
from raymill.services.client import Client
from services.conftest import served  # noqa: F401
from services.echo import Echo
from services.test_client import Pages
from services.wire import on_a_socket

URL = "http://127.0.0.1:8000"


@pytest.fixture
def api(
    sh: Shell,
    served: Callable[..., Any],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Any]:
    """`api(...)` runs `raymill api ...` against services in this process."""
    transport = served(Echo, Pages)._transport
    monkeypatch.setattr(clients, "Client", lambda url: Client(URL, transport=transport))
    return lambda *words: sh("api", *words)


def test_a_route_is_asked_by_its_service_and_path(api: Callable[..., Any]) -> None:
    done = api("echo", "say", "text=5", 'inner={"count": 2}', "wait=true")
    assert (done.code, done.err) == (0, "")
    assert done.out == 'text   5\ninner  {"count":2}\n'
    whole = json.loads(api("echo", "things/{id}", "id=a", "size=3", "--json").out)
    assert whole == {"status": "success", "thing": {"id": "a", "size": 3}}
    assert api("echo", "thing", "id=a").out == "id    a\nsize  1\n"


def test_a_path_is_asked_as_it_is(api: Callable[..., Any]) -> None:
    assert json.loads(api("GET", "/", "--json").out)["status"] == "healthy"
    found = api("get", "/api/pages/numbers", "size=2", "--json").out
    assert json.loads(found)["found"]["numbers"] == [0, 1]
    posted = api("POST", "/api/echo/say", "text=hello", "--json").out
    assert json.loads(posted)["result"]["text"] == "hello"
    whole = api("POST", "/api/echo/say", "--body", '{"text": "a"}', "--json").out
    assert json.loads(whole)["result"]["text"] == "a"


def test_events_are_written_as_they_come(api: Callable[..., Any]) -> None:
    assert api("echo", "counted", "to=2").out == (
        '1  number  {"number":1}\n2  number  {"number":2}\n'
    )
    lines = api("echo", "counted", "to=1", "--json").out.splitlines()
    assert [json.loads(line)["data"] for line in lines] == [{"number": 1}]


def test_services_and_routes_are_listed(api: Callable[..., Any]) -> None:
    listed = json.loads(api("pages", "--json").out)
    assert {"numbers", "search", "status", "{id}/named"} == {one["route"] for one in listed}
    row = next(one for one in listed if one["route"] == "numbers")
    assert (row["method"], row["takes"]) == ("GET", ["size", "[cursor]"])
    assert {line.split()[0] for line in api().out.splitlines()} == {"service", "echo", "pages"}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("ecko", "say"), "Unknown service `ecko`"),
        (("echo", "sya"), "Unknown route of `echo`: `sya`"),
        (("echo", "say", "txet=1"), "Unknown name for `say`: `txet`"),
        (("echo", "say"), "`say` needs text"),
        (("echo", "say", "text"), "`text` gives no value"),
        (("GET",), "`GET` needs a path"),
        (("POST", "/api/echo/say", "--body", "{"), "`--body` is no JSON"),
        (("echo", "say", "--body", "{}"), "`--body` goes with a method and a path"),
    ],
)
def test_what_is_typed_wrongly_is_explained(
    api: Callable[..., Any], words: tuple[str, ...], error: str
) -> None:
    done = api(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {error}")


def test_a_problem_ends_with_the_code_of_its_error(api: Callable[..., Any]) -> None:
    busy = api("echo", "thing", "id=none")
    assert (busy.code, busy.err.splitlines()) == (
        2,
        ["error: There is no thing `none`", "hint: GET /api/echo/things"],
    )


def test_an_api_that_is_not_there_is_unreachable(
    sh: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "Client", lambda url: Client(url, sleep=lambda seconds: None))
    done = sh("api", "GET", "/health", "--url", "http://127.0.0.1:1")
    assert done.code == 3
    assert done.err.startswith("error: `http://127.0.0.1:1")


def test_what_a_websocket_sends_is_written_as_it_comes(sh: Shell) -> None:
    with on_a_socket(Echo) as port:
        url = ("--url", f"http://127.0.0.1:{port}")
        told = sh("api", "WS", "/api/echo/counted/ws?to=2", *url)
        assert told.out == '{"number":1}\n{"number":2}\n'
        assert sh("api", "ws", *url).err.startswith("error: `WS` needs one path")
