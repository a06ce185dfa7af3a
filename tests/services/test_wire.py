"""Bytes on a real socket: clients that are slow, and requests that two readers could read apart."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from websockets.sync.client import connect

from raymill import json
from raymill.config.serve import ServeSettings
from raymill.errors import ConfigError
from raymill.services.client import Client
from raymill.services.hosts.local import server_of
from services.echo import Echo, Said
from services.wire import connected, exchange, on_a_socket, rest, status_of

BODY = b'{"text":"a"}'
SAY = b"POST /api/echo/say HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /api/echo/things/a HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"c\r\n" + BODY + b"\r\n0\r\n\r\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAYMILL_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def port(home: None) -> Iterator[int]:
    """An API with long deadlines."""
    with on_a_socket(Echo) as found:
        yield found


@pytest.fixture(scope="module")
def hasty(home: None) -> Iterator[int]:
    """An API whose deadline for headers nobody keeps."""
    with on_a_socket(Echo, read_s=0.05) as found:
        yield found


@pytest.fixture(scope="module")
def strict(home: None) -> Iterator[int]:
    """An API with deadlines that whole requests keep with ease."""
    with on_a_socket(Echo, read_s=3.0, write_s=0.2) as found:
        yield found


def test_a_websocket_outlives_the_deadline_of_headers(strict: int) -> None:
    address = f"ws://localhost:{strict}/api/echo/counted/ws?to=6&every_s=0.7"
    with connect(address) as socket_:
        assert [json.loads(message)["number"] for message in socket_] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: local",
        b"\r\n",
    ],
)
def test_a_connection_whose_headers_do_not_come_is_closed(hasty: int, head: bytes) -> None:
    with connected(hasty) as client:
        with suppress(OSError):  # it may be closed already
            client.sendall(head)
        assert rest(client) == b""


def test_a_body_that_does_not_come_is_answered_and_closed(strict: int) -> None:
    with connected(strict) as client:
        client.sendall(SAY + b"Content-Length: 12\r\n\r\n" + BODY[:5])
        answered = rest(client)
    assert status_of(answered) == 408
    assert b"connection: close" in answered.lower()


def test_a_client_that_does_not_take_its_answer_is_left(strict: int) -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(60.0)
        client.connect(("127.0.0.1", strict))
        client.sendall(b"GET /api/echo/flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert Echo.flooded.wait(60.0)


def test_a_client_that_is_quick_is_served_on_one_connection(port: int) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(5):
            assert client.get("/api/echo/things/a").status_code == 200


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(
            SAY + b"Content-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED,
            id="both lengths",
        ),
        pytest.param(
            SAY + b"Transfer-Encoding: chunked\r\nContent-Length: 12\r\n\r\n" + CHUNKED,
            id="both, the other way round",
        ),
        pytest.param(SAY + b"Content-Length: 12\r\nContent-Length: 12\r\n\r\n" + BODY, id="twice"),
        pytest.param(SAY + b"Content-Length: 12\r\nContent-Length: 3\r\n\r\n" + BODY, id="two"),
        pytest.param(SAY + b"Content-Length: 12, 12\r\n\r\n" + BODY, id="a list"),
        pytest.param(SAY + b"Content-Length: +12\r\n\r\n" + BODY, id="a sign"),
        pytest.param(SAY + b"Content-Length: 0xc\r\n\r\n" + BODY, id="hexadecimal"),
        pytest.param(SAY + b"Content-Length : 12\r\n\r\n" + BODY, id="a blank before the colon"),
        pytest.param(SAY + b"X-A: a\r\n b\r\nContent-Length: 12\r\n\r\n" + BODY, id="a fold"),
        pytest.param(SAY + b"Content-Length:\r\n 12\r\n\r\n" + BODY, id="a folded length"),
        pytest.param(SAY + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED, id="unknown coding"),
        pytest.param(
            SAY + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKED, id="chunked not last"
        ),
        pytest.param(
            SAY + b"Transfer-Encoding: chunked\r\n\r\n0xc\r\n" + BODY + b"\r\n0\r\n\r\n",
            id="a chunk with 0x",
        ),
        pytest.param(b"GET / HTTP/1.1\nHost: localhost\n\n", id="bare line feeds"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n", id="a bare return"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", id="a NUL"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", id="two hosts"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", id="TLS"),
    ],
)
def test_what_two_readers_could_read_apart_is_refused(port: int, raw: bytes) -> None:
    answered = exchange(port, raw)
    assert status_of(answered) == 400
    assert answered.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answered.lower()


def test_what_lies_behind_a_body_is_no_header(port: int) -> None:
    raw = SAY + b"Transfer-Encoding: chunked\r\nTrailer: Host\r\n\r\n" + CHUNKED[:-2]
    answered = exchange(port, raw + b"Host: evil\r\nX-API-Key: none\r\nOrigin: evil\r\n\r\n")
    assert status_of(answered) == 202


def test_headers_have_a_bound(port: int) -> None:
    for more in (b"X: " + b"a" * 70_000 + b"\r\n", b"X: y\r\n" * 200):
        assert status_of(exchange(port, GET + more + b"\r\n")) == 431
    long = b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert status_of(exchange(port, long)) == 431


def test_the_client_asks_over_a_real_connection(port: int) -> None:
    with Client(f"http://127.0.0.1:{port}") as client:
        assert client.call(Echo.say, Said(text="hello")).text == "hello"
        assert [one.id for one in client.events(Echo.counted, to=3)] == ["1", "2", "3"]


def test_with_a_certificate_it_speaks_https_alone(home: None, tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made_with = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    where = ["-nodes", "-keyout", str(key), "-out", str(cert), "-days", "1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made_with, *where, *names], check=True, capture_output=True)
    with on_a_socket(Echo, tls_cert=str(cert), tls_key=str(key)) as port:
        trusted = ssl.create_default_context(cafile=str(cert))
        with Client(f"https://127.0.0.1:{port}", verify=trusted) as client:
            answer = client.request("GET", "/")
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert exchange(port, GET + b"\r\n") == b""


def test_files_of_tls_that_are_missing_are_named() -> None:
    async def app(*_: object) -> None: ...

    with pytest.raises(ConfigError, match=r"no file `nowhere\.pem` for TLS"):
        server_of(app, ServeSettings(tls_cert="nowhere.pem"))
