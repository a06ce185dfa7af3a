"""Websockets of the API as either client follows them: values, ends, keys, breaks."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from raymill import json
from raymill.app.keys import stored_keys
from raymill.errors import AccessDenied, ApiUnavailable, ConfigError, NotFound
from raymill.net.retry import Tries
from raymill.services.client import AsyncClient, Client
from services.echo import Echo
from services.wire import on_a_socket

LIVE = "/api/echo/counted/ws"
Follow = Callable[..., Any]


def followed(port: int, where: Any, *args: Any, key: str | None = None, **given: Any) -> list[Any]:
    """What the client gives that waits."""
    tries = given.pop("tries", Tries(most=1))
    with Client(f"http://127.0.0.1:{port}", key=key, tries=tries, sleep=lambda s: None) as client:
        return list(client.follow(where, *args, **given))


def followed_in_a_loop(
    port: int, where: Any, *args: Any, key: str | None = None, **given: Any
) -> list[Any]:
    """What the client for event loops gives."""
    tries = given.pop("tries", Tries(most=1))

    async def ask() -> list[Any]:
        url = f"http://127.0.0.1:{port}"
        async with AsyncClient(url, key=key, tries=tries, sleep=_at_once) as client:
            return [one async for one in client.follow(where, *args, **given)]

    return asyncio.run(ask())


async def _at_once(seconds: float) -> None:
    return


@pytest.fixture(params=[followed, followed_in_a_loop])
def follow(request: pytest.FixtureRequest) -> Follow:
    """Follows with the one client, and with the other."""
    made: Follow = request.param
    return made


COUNTED = [{"number": 1}, {"number": 2}]


def test_a_websocket_is_followed_to_its_end(follow: Follow) -> None:
    with on_a_socket(Echo) as port:
        assert follow(port, Echo.counted_live, to=2) == COUNTED
        assert follow(port, f"{LIVE}?to=2") == COUNTED
        assert follow(port, f"ws://127.0.0.1:{port}{LIVE}?to=2") == COUNTED


def test_a_route_of_a_service_is_followed_by_its_name() -> None:
    with on_a_socket(Echo) as port, Client(f"http://127.0.0.1:{port}") as client:
        live = client.service(Echo).endless_live.follow()
        assert [next(live) for _ in range(2)] == COUNTED
        live.close()


def test_what_cannot_be_followed_is_the_error_of_its_problem(follow: Follow) -> None:
    with on_a_socket(Echo) as port:
        with pytest.raises(NotFound, match="There is no such number"):
            follow(port, Echo.counted_live, to=-1)
        with pytest.raises(ConfigError, match="is not at `http"):
            follow(port, f"ws://elsewhere:{port}{LIVE}?to=2")
    with pytest.raises(ApiUnavailable, match="cannot be reached"):
        follow(port, Echo.counted_live, to=2)


def test_a_key_is_shown(follow: Follow) -> None:
    with on_a_socket(Echo, auth="on") as port:
        with pytest.raises(AccessDenied, match="needs a key"):
            follow(port, Echo.counted_live, to=2)
        secret = stored_keys().create("me").secret
        assert follow(port, Echo.counted_live, to=2, key=secret) == COUNTED


@contextmanager
def scripted(*ends: Callable[[ServerConnection], None]) -> Iterator[int]:
    """A server whose connections end so, one after the other."""
    left = iter(ends)

    def handle(connection: ServerConnection) -> None:
        try:
            next(left)(connection)
        except ConnectionClosed:
            return

    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join(60)


def sent(number: int, code: int | None = None, reason: str = "") -> Any:
    """Sends a number, and closes, or breaks off without a word."""

    def handle(connection: ServerConnection) -> None:
        connection.send(json.dumps({"number": number}).decode())
        if code is None:
            connection.socket.shutdown(socket.SHUT_RDWR)
        else:
            connection.close(code, reason)

    return handle


def test_a_websocket_that_breaks_off_is_opened_again(follow: Follow) -> None:
    patient = Tries(most=3)
    with scripted(sent(1, 1013), sent(2), sent(3, 1001), sent(4, 1000)) as port:
        found = follow(port, LIVE, tries=patient)
    assert [one["number"] for one in found] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (1008, AccessDenied, "The key was revoked"),
        (1011, ApiUnavailable, "The API failed while it sent: The lake is gone"),
    ],
)
def test_an_end_that_is_meant_is_an_error(
    follow: Follow, code: int, kind: type[Exception], text: str
) -> None:
    with scripted(sent(1, code, text.rpartition(": ")[2])) as port, pytest.raises(kind, match=text):
        follow(port, LIVE, tries=Tries(most=3))
