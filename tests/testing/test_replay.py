"""The server that replays: it counts, fails as it is told, and closes whatever it is doing."""

import gzip
import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from raymill.testing import Asked, Recorded, ReplayServer
from raymill.testing.replay import DROPPED, unchanged


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    with ReplayServer({"/a": Recorded(200, b"abc", {"ETag": '"1"'}, packed=True)}) as running:
        yield running


@pytest.fixture
def connection(server: ReplayServer) -> Iterator[http.client.HTTPConnection]:
    line = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    yield line
    line.close()


def test_answers_come_from_the_table_and_else_are_404(
    server: ReplayServer, connection: http.client.HTTPConnection
) -> None:
    connection.request("GET", "/a", headers={"X-Who": "me"})
    answer = connection.getresponse()
    assert (answer.status, answer.read(), answer.headers["ETag"]) == (200, b"abc", '"1"')
    connection.request("GET", "/b?x=1")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (404, b"")
    assert (server.paths(), server.count("/a"), server.count()) == (["/a", "/b?x=1"], 1, 2)
    assert server.asked[0].headers["x-who"] == "me"


def test_a_body_is_packed_for_those_who_take_it(
    connection: http.client.HTTPConnection,
) -> None:
    connection.request("GET", "/a", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.read()) == b"abc"


def test_answers_for_one_path_go_before_those_for_any(
    server: ReplayServer, connection: http.client.HTTPConnection
) -> None:
    server.next(None, Recorded(500), Recorded(501))
    server.next("/a", Recorded(503))
    found = []
    for _ in range(4):
        connection.request("GET", "/a")
        answer = connection.getresponse()
        answer.read()
        found.append(answer.status)
    assert found == [503, 500, 501, 200]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (DROPPED, http.client.RemoteDisconnected),
        (Recorded(200, b"0123456789", cut=3), http.client.IncompleteRead),
    ],
)
def test_a_connection_is_dropped_where_it_is_told(
    server: ReplayServer,
    connection: http.client.HTTPConnection,
    answer: Recorded,
    error: type[Exception],
) -> None:
    server.next("/a", answer)
    connection.request("GET", "/a")
    with pytest.raises(error):
        connection.getresponse().read()


def test_a_server_that_stalls_can_be_closed() -> None:
    with ReplayServer({"/a": Recorded(body=b"0123456789", stalls=True)}) as server:
        line = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
        line.request("GET", "/a")
        assert line.getresponse().read(5) == b"01234"
    line.close()


def test_a_function_may_answer(connection: http.client.HTTPConnection) -> None:
    def echo(asked: Asked) -> Recorded | None:
        return Recorded(body=asked.body) if asked.method == "POST" else None

    with ReplayServer(echo, {"/a": Recorded(body=b"table")}) as server:
        line = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
        line.request("POST", "/a", body=b"question")
        assert line.getresponse().read() == b"question"
        line.request("GET", "/a")
        assert line.getresponse().read() == b"table"
        line.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"if-none-match": '"1"'}, 304),
        ({"if-none-match": '"2"'}, 200),
        ({"if-modified-since": "yesterday"}, 304),
    ],
)
def test_who_knows_the_answer_gets_304(headers: dict[str, str], status: int) -> None:
    known = Recorded(200, b"abc", {"ETag": '"1"', "last-modified": "yesterday"})
    assert unchanged(Asked("GET", "/a", headers), known).status == status
