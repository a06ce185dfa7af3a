"""The client: calls by declaration, errors by their class, tries, pages and events."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import httpx2
import pytest

from raymill import json
from raymill.config import settings
from raymill.config.service import ServiceSettings
from raymill.errors import (
    AccessDenied,
    ApiUnavailable,
    ConfigError,
    Conflict,
    NotFound,
    RaymillError,
    SourceError,
    TooBusy,
    UnknownName,
)
from raymill.services import Model, Service, route
from raymill.services.client import AsyncClient, Client
from raymill.services.hosts.local import local_api
from services.conftest import Served
from services.echo import Echo, EchoSettings, Inner, Said

URL = "http://127.0.0.1:8000"


class Page(Model):
    """Some numbers."""

    numbers: list[int]
    next_cursor: str | None = None


class Wanted(Model):
    """How many numbers, from where."""

    size: int
    cursor: str | None = None


class Pages(Service):
    """Gives numbers in pages."""

    name: ClassVar[str] = "pages"
    Settings: ClassVar[type[ServiceSettings]] = EchoSettings

    @route("GET", "/numbers", key="found")
    async def numbers(self, size: int, cursor: str | None = None) -> Page:
        """Give the numbers below 5."""
        begin = int(cursor or 0)
        end = min(5, begin + size)
        return Page(numbers=list(range(begin, end)), next_cursor=str(end) if end < 5 else None)

    @route("POST", "/search", scope="read")
    async def search(self, body: Wanted) -> Page:
        """Give the same, asked by a body."""
        return await self.numbers(body.size, body.cursor)

    @route("GET", "/{id}/named", key=None)
    async def named(self, id: str, flags: bool = False) -> dict[str, Any]:
        """Give back what is asked."""
        return {"id": id, "flags": flags}


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(URL, transport=served(Echo, Pages)._transport) as made:
        yield made


def test_a_call_by_names_gives_what_the_method_gives(client: Client) -> None:
    echo = client.service(Echo)
    assert echo.say(text="hello", inner={"count": 2}) == Said(text="hello", inner=Inner(count=2))
    assert echo.say(Said(text="whole")) == Said(text="whole")
    assert echo.thing("a", size=3) == {"id": "a", "size": 3}
    assert echo.status().service == "echo"


def test_a_call_of_a_method_is_typed_by_it(client: Client) -> None:
    said: Said = client.call(Echo.say, Said(text="hello"), wait=True)
    assert said.text == "hello"
    page: Page = client.call(Pages.numbers, 2, cursor="3")
    assert page.numbers == [3, 4]
    with pytest.raises(ConfigError, match="no route of one service"):
        client.call(Service.status, None)


def test_an_answer_has_its_status_and_its_location(client: Client) -> None:
    later = client.service(Echo).say.answer(text="hello")
    assert (later.status, later.location) == (202, "/api/echo/say/1")
    assert later.whole["status"] == "success"
    assert client.get("/api/echo/things/a", size=4)["thing"] == {"id": "a", "size": 4}
    assert client.post("/api/echo/say", {"text": "x"}, wait=True)["result"]["text"] == "x"


@pytest.mark.parametrize("id", ["a?size=9", "a&b=c", "ä ö", "a#b", "\u2603", ";"])
def test_what_stands_in_a_path_stays_one_part_of_it(client: Client, id: str) -> None:
    assert client.service(Pages).named(id, flags=True) == {"id": id, "flags": True}


@pytest.mark.parametrize("id", ["a/b", "../status", "..", ".", ""])
def test_what_cannot_be_part_of_a_path_is_refused(client: Client, id: str) -> None:
    with pytest.raises(ConfigError, match="cannot stand in an address"):
        client.service(Pages).named(id)


@pytest.mark.parametrize(
    ("id", "kind"),
    [("none", NotFound), ("taken", Conflict), ("away", SourceError)],
)
def test_an_error_comes_back_as_its_class(
    client: Client, id: str, kind: type[RaymillError]
) -> None:
    with pytest.raises(RaymillError) as failed:
        client.service(Echo).thing(id)
    assert type(failed.value) is kind
    assert failed.value.details["request_id"]


def test_an_error_keeps_hint_path_and_near_names(client: Client) -> None:
    with pytest.raises(NotFound) as failed:
        client.service(Echo).thing("none")
    assert failed.value.hint == "GET /api/echo/things"
    with pytest.raises(ConfigError) as wrong:
        client.service(Echo).say(text="a", inner={"cuont": 1})
    assert wrong.value.details["path"] == "inner.cuont"
    assert wrong.value.details["errors"][0]["near"] == ["count"]
    assert wrong.value.hint == "did you mean `count`?"


def test_unknown_names_are_refused_before_anything_is_sent(client: Client) -> None:
    with pytest.raises(UnknownName, match="route of `echo`: `tihng`"):
        client.service(Echo).tihng("a")
    with pytest.raises(UnknownName, match="parameter of `thing`: `sise`"):
        client.service(Echo).thing("a", sise=1)
    with pytest.raises(ConfigError, match="missing a required argument"):
        client.service(Echo).thing()
    with pytest.raises(UnknownName, match="service"):
        client.scerener.status()


def test_pages_are_read_to_the_last_one(client: Client) -> None:
    pages = client.service(Pages)
    assert [page.numbers for page in pages.numbers.pages(2)] == [[0, 1], [2, 3], [4]]
    assert [page.numbers for page in pages.search.pages(size=3)] == [[0, 1, 2], [3, 4]]
    assert [page.numbers for page in client.pages(Pages.numbers, 4)] == [[0, 1, 2, 3], [4]]


def test_events_are_told_to_the_end(client: Client) -> None:
    told = client.events(Echo.counted, to=3)
    assert [(one.id, one.event, one.data) for one in told] == [
        (str(number), "number", {"number": number}) for number in (1, 2, 3)
    ]
    rest = client.service(Echo).counted.events(3, last_event_id="2")
    assert [one.id for one in rest] == ["3"]
    with pytest.raises(NotFound):
        list(client.events(Echo.counted, to=-1))


def test_a_key_is_shown(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from raymill.app.keys import stored_keys

    transport = served(Echo, auth="on")._transport
    with Client(URL, transport=transport) as nobody, pytest.raises(AccessDenied) as refused:
        nobody.service(Echo).thing("a")
    assert refused.value.details["status"] == 401
    secret = stored_keys().create("me").secret
    with Client(URL, key=secret, transport=transport) as me:
        assert me.service(Echo).thing("a")["id"] == "a"
    with pytest.raises(ConfigError, match="holds what no key has"):
        Client(URL, key="a\nb")


Handler = Callable[[httpx2.Request], httpx2.Response]


def scripted(*answers: httpx2.Response | Exception) -> tuple[Client, list[float], list[Any]]:
    """A client that gets these answers, how long it waits between them, and what it sends."""
    waits: list[float] = []
    sent: list[httpx2.Request] = []
    coming = iter(answers)

    def handle(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        answer = next(coming)
        if isinstance(answer, Exception):
            raise answer
        return answer

    made = Client(URL, transport=httpx2.MockTransport(handle), sleep=waits.append)
    return made, waits, sent


def problem(status: int, **headers: str) -> httpx2.Response:
    body = json.dumps({"type": "about:blank", "status": status, "detail": "no"})
    return httpx2.Response(status, headers=headers, content=body)


WELL = {"status": "success", "thing": {"id": "a"}}


def test_a_busy_server_is_asked_again_when_it_says() -> None:
    client, waits, _ = scripted(
        problem(429, **{"Retry-After": "3"}),
        problem(503, **{"Retry-After": "5"}),
        httpx2.Response(200, json=WELL),
    )
    assert client.service(Echo).thing("a") == {"id": "a"}
    assert waits == [3.0, 5.0]


def test_what_may_have_been_begun_is_not_sent_twice() -> None:
    client, waits, _ = scripted(problem(503, **{"Retry-After": "1"}))
    with pytest.raises(RaymillError):
        client.service(Echo).say(text="a")
    client, waits, _ = scripted(httpx2.ReadError("broken"))
    with pytest.raises(ApiUnavailable, match="broke off before it answered"):
        client.service(Echo).say(text="a")
    assert waits == []


def test_what_was_refused_before_any_work_is_sent_again() -> None:
    well = httpx2.Response(202, json={"status": "success", "result": {"text": "a"}})
    client, waits, sent = scripted(
        httpx2.ConnectError("refused"), problem(429, **{"Retry-After": "2"}), well
    )
    assert client.service(Echo).say(text="a") == Said(text="a")
    assert (len(sent), waits[1]) == (3, 2.0)


def test_a_request_that_only_reads_is_sent_again_though_it_is_a_post() -> None:
    found = {"status": "success", "result": {"numbers": [1]}}
    client, waits, _ = scripted(httpx2.ReadError("broken"), httpx2.Response(200, json=found))
    assert client.service(Pages).search(size=1).numbers == [1]
    assert len(waits) == 1


def test_tries_end() -> None:
    client, waits, sent = scripted(*[problem(429, **{"Retry-After": "1"}) for _ in range(9)])
    with pytest.raises(TooBusy) as busy:
        client.service(Echo).thing("a")
    assert (len(sent), busy.value.details["retry_after_s"]) == (6, 1.0)
    client, waits, _ = scripted(problem(429, **{"Retry-After": "3600"}))
    with pytest.raises(TooBusy):
        client.service(Echo).thing("a")
    assert waits == []
    client, _, sent = scripted(*[httpx2.ConnectError("refused")] * 9)
    with pytest.raises(ApiUnavailable) as away:
        client.service(Echo).thing("a")
    assert (len(sent), away.value.exit_code) == (6, 3)


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(502, content=b"<html>bad gateway</html>"),
        httpx2.Response(200, content=b"hello"),
        httpx2.Response(200, json={"status": "success", "result": {"texts": 1}}),
    ],
)
def test_an_answer_that_is_none_of_the_api_is_said_to_be_so(answer: httpx2.Response) -> None:
    client, _, _ = scripted(answer)
    with pytest.raises(ApiUnavailable, match="that is none of the API"):
        client.service(Echo).say(text="a")


def test_fields_of_a_later_version_are_no_fault() -> None:
    later = {"status": "success", "found": {"numbers": [1], "more": 2}, "newer": True}
    client, _, _ = scripted(httpx2.Response(200, json=later))
    assert client.service(Pages).numbers(1).numbers == [1]


class Breaking(httpx2.SyncByteStream):
    """A body that breaks off."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        raise httpx2.RemoteProtocolError("peer closed connection")


def test_events_go_on_behind_the_last_one_when_the_connection_breaks() -> None:
    kind = {"Content-Type": "text/event-stream"}
    first = Breaking(b"event: number\nda", b'ta: {"number":1}\nid: 1\n\n: ping\n\ndata: {"num')
    rest = b'data: {"number":2}\nid: 2\n\n'
    client, waits, sent = scripted(
        httpx2.Response(200, headers=kind, stream=first),
        httpx2.ConnectError("refused"),
        httpx2.Response(200, headers=kind, content=rest),
    )
    told = list(client.events(Echo.counted, to=2))
    assert [(one.id, one.data) for one in told] == [("1", {"number": 1}), ("2", {"number": 2})]
    assert [request.headers.get("last-event-id") for request in sent] == [None, "1", "1"]
    assert len(waits) == 2


def test_an_error_among_events_is_raised() -> None:
    body = json.dumps({"type": "/docs/errors#SourceError", "status": 502, "detail": "away"})
    text = b"event: error\ndata: " + body + b"\n\n"
    client, _, _ = scripted(httpx2.Response(200, content=text))
    with pytest.raises(SourceError, match="away"):
        list(client.events(Echo.counted, to=2))


def test_the_asynchronous_client_does_the_same(served: Served) -> None:
    served(Echo)  # its home
    app, _ = local_api(settings().serve, {"echo": Echo, "pages": Pages})

    async def ask() -> None:
        async with AsyncClient(URL, transport=httpx2.ASGITransport(app)) as client:
            echo, pages = client.service(Echo), client.service(Pages)
            assert await echo.say(text="hello") == Said(text="hello")
            said: Said = await client.call(Echo.say, Said(text="typed"))
            assert said.text == "typed"
            assert (await client.get("/api/echo/things/a"))["thing"]["id"] == "a"
            assert [one.numbers async for one in pages.numbers.pages(3)] == [[0, 1, 2], [3, 4]]
            assert [one.id async for one in client.events(Echo.counted, to=2)] == ["1", "2"]
            with pytest.raises(NotFound):
                await echo.thing("none")

    asyncio.run(ask())


@pytest.mark.system
def test_a_client_needs_no_server_framework() -> None:
    code = (
        "import raymill, sys\n"
        "raymill.Client('http://127.0.0.1:1')\n"
        "print([name for name in ('fastapi', 'starlette', 'uvicorn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
