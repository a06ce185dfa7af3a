"""A server on this machine that answers from a table, counts what it is asked, and can fail.

Test an adapter of a vendor against recorded answers, without the vendor:

>>> from raymill.net import Fetcher, Http, Request
>>> with ReplayServer({"/prices.json": Recorded(body=b"[1, 2]")}) as server, Http() as http:
...     server.next("/prices.json", Recorded(status=503))
...     fetcher = Fetcher(http, sleep=lambda seconds: None)
...     fetcher.fetch(Request(server.url + "/prices.json")).body
...     server.count("/prices.json")
b'[1, 2]'
2
"""

import gzip
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

POLL_S = 0.02  # how soon a server notices that it is closed


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as it arrived; names of headers in small letters."""

    method: str
    path: str  # with its query
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One answer, and how it fails.

    packed: send the body as gzip to those who take it.
    cut: close the connection after so many bytes of what is sent, though more are announced.
    truncated: leave out so many bytes at the end and announce the shorter length: packed data then
    breaks off without the transport noticing.
    stalls: send the half of it, then nothing until the server is closed.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    packed: bool = False
    cut: int | None = None
    truncated: int = 0
    stalls: bool = False


Route: TypeAlias = Callable[[Asked], Recorded | None]
"""Answers a request, or passes it on with None."""

DROPPED = Recorded(cut=0)
"""The connection is closed without an answer."""


class ReplayServer:
    """An HTTP server on a free port of 127.0.0.1, in threads of this process; use it as a context.

    routes: answers by path, or functions that are asked one after the other. What none of them
    answers is a 404.
    asked, statuses, clients: the requests, what was answered to each, and the connections.
    """

    def __init__(self, *routes: Mapping[str, Recorded] | Route) -> None:
        self.asked: list[Asked] = []
        self.statuses: list[int] = []
        self.clients: set[str] = set()
        self._routes = [_as_route(route) for route in routes]
        self._next: dict[str | None, deque[Recorded]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), name="replay", daemon=True
        )

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def next(self, path: str | None, *answers: Recorded) -> None:
        """Give these answers, one each, to the next requests for a path (None: for any)."""
        with self._lock:
            self._next.setdefault(path, deque()).extend(answers)

    def count(self, path: str | None = None) -> int:
        """How many requests arrived, for one path or in all."""
        with self._lock:
            return sum(path is None or one.path == path for one in self.asked)

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        with self._lock:
            return [one.path for one in self.asked]

    def answer(self, asked: Asked) -> Recorded:
        """Note a request, find its answer, and note that."""
        found = self._waiting(asked) or self._routed(asked)
        with self._lock:
            self.asked.append(asked)
            self.statuses.append(found.status)
        return found

    def _waiting(self, asked: Asked) -> Recorded | None:
        with self._lock:
            lines = (self._next.get(path) for path in (asked.path, None))
            return next((line.popleft() for line in lines if line), None)

    def _routed(self, asked: Asked) -> Recorded:
        found = (route(asked) for route in self._routes)
        return next((one for one in found if one is not None), Recorded(status=404))

    def stall(self) -> None:
        """Wait until the server is closed."""
        self._closed.wait()

    def __enter__(self) -> "ReplayServer":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def unchanged(asked: Asked, recorded: Recorded) -> Recorded:
    """304 where a request shows that it knows this answer by its `etag` or `last-modified`."""
    headers = {name.lower(): text for name, text in recorded.headers.items()}
    known = {
        "if-none-match": headers.get("etag"),
        "if-modified-since": headers.get("last-modified"),
    }
    if any(text and asked.headers.get(name) == text for name, text in known.items()):
        return replace(recorded, status=304, body=b"")
    return recorded


def _as_route(route: Mapping[str, Recorded] | Route) -> Route:
    if isinstance(route, Mapping):
        return lambda asked: route.get(asked.path)
    return route


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, replay: ReplayServer) -> None:
        self.replay = replay
        super().__init__(("127.0.0.1", 0), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is nothing to tell of."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def answer(self) -> None:
        """Answer the request that was read."""
        self.server.replay.clients.add("{}:{}".format(*self.client_address))
        size = int(self.headers.get("content-length") or 0)
        headers = {name.lower(): text for name, text in self.headers.items()}
        asked = Asked(self.command, self.path, headers, self.rfile.read(size))
        self._send(asked, self.server.replay.answer(asked))

    do_GET = do_POST = do_HEAD = answer  # noqa: N815

    def _send(self, asked: Asked, recorded: Recorded) -> None:
        headers = {**recorded.headers}
        body = recorded.body
        if recorded.packed and "gzip" in asked.headers.get("accept-encoding", ""):
            body = gzip.compress(body, mtime=0)
            headers["Content-Encoding"] = "gzip"
        body = body[: len(body) - recorded.truncated]
        if recorded.cut != 0:
            self._head(recorded.status, headers, len(body))
        if recorded.stalls:
            self.wfile.write(body[: len(body) // 2])
            self.server.replay.stall()
        elif recorded.cut is not None:
            self.wfile.write(body[: recorded.cut])
        elif asked.method != "HEAD":
            self.wfile.write(body)
        if recorded.stalls or recorded.cut is not None:
            self.close_connection = True

    def _head(self, status: int, headers: Mapping[str, str], size: int) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        if status != 304:
            self.send_header("Content-Length", str(size))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the requests are counted."""
