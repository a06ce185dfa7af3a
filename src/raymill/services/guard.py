"""What every request passes before the API: an id, limits on size, depth and time; headers."""

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeAlias
from urllib.parse import urlencode

from raymill import json
from raymill.config.serve import ServeSettings
from raymill.errors import RaymillError
from raymill.log import get_logger
from raymill.services.access import Access
from raymill.services.counts import Counts
from raymill.services.problems import MEDIA_TYPE, Problem, plain, problem_of, retry_after
from raymill.state.keys import Key
from raymill.state.patience import patience

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

REQUEST_ID: ContextVar[str] = ContextVar("raymill_request_id", default="")
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_JSON = (b"application/json", b"text/json")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
SIMULATED = ((b"x-raymill-simulated", b"true"),)
_TLS_HEADERS = ((b"strict-transport-security", b"max-age=31536000"),)
log = get_logger()


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: App, settings: ServeSettings, counts: Counts, access: Access) -> None:
        self._app, self._settings, self._counts, self._access = app, settings, counts, access
        simulated = SIMULATED if settings.demo else ()
        self._added = (*_HEADERS, *simulated, *(_TLS_HEADERS if settings.tls_cert else ()))

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection of the server."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        with patience(self._settings.store_s):
            await (self._http if scope["type"] == "http" else self._socket)(scope, receive, send)

    async def _http(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        id_ = id_of(scope)
        token = REQUEST_ID.set(id_)
        begun = time.perf_counter()
        answer = _Answer(send, id_, self._added)
        try:
            await self._answer(scope, receive, answer)
        finally:
            REQUEST_ID.reset(token)
            seconds = time.perf_counter() - begun
            path = getattr(scope.get("route"), "path", "")
            self._counts.add(scope["method"], path, answer.status, seconds)
            log.info(
                "http.answered",
                request_id=id_,
                method=scope["method"],
                path=scope["path"],
                status=answer.status,
                ms=round(seconds * 1e3, 3),
                **({"key": answer.key.id} if answer.key else {}),
            )

    async def _answer(
        self, scope: MutableMapping[str, Any], receive: Receive, answer: "_Answer"
    ) -> None:
        try:
            answer.key = await self._access.check(scope)
        except RaymillError as error:
            await answer.refuse(problem_of(error), error)
            return
        refused, body = await self._read(scope, receive)
        if refused is not None:
            await answer.refuse(refused)
            return
        gate = Gate(self._access, answer.key, answer.send, _END)
        await gate.run(self._app, scope, _again(body, receive))

    async def _socket(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        REQUEST_ID.set(id_of(scope))
        try:
            key = await self._access.check(scope)
        except RaymillError as error:
            await _deny(scope, receive, send, error)
            return
        await Gate(self._access, key, send, _CLOSED).run(self._app, scope, receive)

    async def _read(
        self, scope: MutableMapping[str, Any], receive: Receive
    ) -> tuple[Problem | None, bytes]:
        """The body, read whole; or why it is refused."""
        headers = dict(scope["headers"])
        length = headers.get(b"content-length")
        if length in (None, b"0") and b"transfer-encoding" not in headers:
            return None, b""
        most = self._settings.max_body_bytes
        if length is not None and (not length.isdigit() or int(length) > most):
            return _too_large(most), b""
        try:
            async with asyncio.timeout(self._settings.read_s):
                body = await _whole(receive, most)
        except TimeoutError:
            text = f"The body was not here within {self._settings.read_s:g} s"
            return plain(408, text), b""
        if body is None:
            return _too_large(most), b""
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if depth_of(body, self._settings.max_depth) > self._settings.max_depth:
            return plain(422, f"The body is deeper than {self._settings.max_depth} levels"), b""
        if scope["method"] in ("GET", "HEAD", "DELETE") and (kind in _JSON or body[:1] == b"{"):
            return _as_query(scope, body), b""
        return None, body


class _Answer:
    def __init__(self, send: Send, id_: str, added: Sequence[tuple[bytes, bytes]]) -> None:
        self._send, self._id, self._added = send, id_, added
        self.status = 500
        self.key: Key | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = {name for name, _ in message["headers"]}
            added = [pair for pair in self._added if pair[0] not in own]
            added.append((b"x-request-id", self._id.encode()))
            message["headers"] = [*message["headers"], *added]
        await self._send(message)

    async def refuse(self, problem: Problem, error: RaymillError | None = None) -> None:
        body = problem.model_copy(update={"request_id": self._id}).body()
        headers = [*_headers_of(body, problem.status, error), (b"connection", b"close")]
        start = {"type": "http.response.start", "status": problem.status, "headers": headers}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})


class Gate:
    """Lets an answer through as long as the key that asked for it is in force."""

    def __init__(self, access: Access, key: Key | None, send: Send, last: Message) -> None:
        self._access, self._key, self._send, self._last = access, key, send, last
        self._is_shut = False

    async def run(self, app: App, scope: MutableMapping[str, Any], receive: Receive) -> None:
        """Serve it. What an application says of a gate that is shut is of no interest."""
        try:
            await app(scope, receive, self.send if self._key else self._send)
        except Exception:
            if not self._is_shut:
                raise

    async def send(self, message: Message) -> None:
        """Send it, or the last one in place of it."""
        if self._is_shut:
            raise Shut
        is_stream = message["type"] == "websocket.send" or message.get("more_body")
        if is_stream and self._key and not await self._access.still(self._key):
            self._is_shut = True
            await self._send(dict(self._last))
            raise Shut
        await self._send(message)


class Shut(Exception):
    """The key was revoked while an answer was sent."""


_END: Message = {"type": "http.response.body", "body": b""}
_CLOSED: Message = {"type": "websocket.close", "code": 1008, "reason": "The key was revoked"}


async def _deny(
    scope: MutableMapping[str, Any], receive: Receive, send: Send, error: RaymillError
) -> None:
    """Refuse a websocket before it is one."""
    await receive()
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1008, "reason": error.message[:120]})
        return
    problem = problem_of(error, REQUEST_ID.get())
    body = problem.body()
    start = {"status": problem.status, "headers": _headers_of(body, problem.status, error)}
    await send({"type": "websocket.http.response.start", **start})
    await send({"type": "websocket.http.response.body", "body": body})


def _headers_of(
    body: bytes, status: int, error: RaymillError | None = None
) -> list[tuple[bytes, bytes]]:
    made = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 401:
        made.append((b"www-authenticate", b'Bearer realm="raymill"'))
    if error is not None and (seconds := retry_after(error, status)) is not None:
        made.append((b"retry-after", str(max(1, round(seconds))).encode()))
    return made


def id_of(scope: MutableMapping[str, Any]) -> str:
    """The id of a request: the one that it bears, or a new one in place of a strange one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value):
            return str(value.decode())
    return secrets.token_hex(8)


async def _whole(receive: Receive, most: int) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read to the application, and later what the server says."""
    given = False

    async def next_() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return next_


def _too_large(most: int) -> Problem:
    return plain(413, f"The body is larger than {most} bytes")


def _as_query(scope: MutableMapping[str, Any], body: bytes) -> Problem | None:
    """Take the fields of a body that came with a GET as parameters of the query."""
    try:
        values = json.loads(body)
    except json.JSONError:
        return plain(422, "The body is no JSON", hint="put parameters into the query")
    if not isinstance(values, dict):
        return plain(422, "The body is no JSON object", hint="put parameters into the query")
    pairs = [(name, _text(value)) for name, value in values.items() if value is not None]
    given = scope["query_string"]
    scope["query_string"] = b"&".join(part for part in (given, urlencode(pairs).encode()) if part)
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value).decode()


def depth_of(body: bytes, most: int = 1_000_000) -> int:
    """How deep lists and objects in a JSON text lie in one another; behind `most` nobody counts.

    >>> depth_of(b'{"a": [1, {"b": "[[["}]}'), depth_of(b"[[[[[[[[", most=5)
    (3, 6)
    """
    if body.count(b"[") + body.count(b"{") < 4:
        return body.count(b"[") + body.count(b"{")
    deepest = depth = 0
    for mark in _MARKS.finditer(body):
        sign = mark[0]
        if sign in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > most:
                break
        elif sign in b"]}":
            depth -= 1
    return deepest


_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
