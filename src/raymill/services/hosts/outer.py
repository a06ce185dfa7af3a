"""What lies around the API on Ray Serve, and around all that Ray itself answers and adds.

Ray calls `middlewares` in each replica of the router and in its own proxy.
"""

from collections.abc import MutableMapping
from typing import Any

from starlette.middleware import Middleware

from raymill.errors import EngineUnavailable, RaymillError, TooBusy
from raymill.services.guard import App, Message, Receive, Send, id_of
from raymill.services.problems import MEDIA_TYPE, Problem, plain, problem_of

MEANING: dict[int, RaymillError] = {
    429: TooBusy("The API has too much to do"),
    503: EngineUnavailable("No replica of the API can be reached now"),
}


def middlewares() -> list[Middleware]:
    """What Ray Serve puts around everything that answers HTTP."""
    return [Middleware(Outer)]


class Outer:
    """Takes strange ids out of requests, and makes problems of what Ray says as plain text."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection of the server."""
        if scope["type"] == "http":
            scope["headers"], id_ = _with_sound_id(scope)
            send = _Said(send, id_).send
        await self._app(scope, receive, send)


def _with_sound_id(scope: MutableMapping[str, Any]) -> tuple[list[tuple[bytes, bytes]], str]:
    """The headers of a request with one id that may be given back, which is Ray's then too."""
    others = [pair for pair in scope["headers"] if pair[0] != b"x-request-id"]
    id_ = id_of(scope)
    return [*others, (b"x-request-id", id_.encode())], id_


class _Said:
    """Sends an answer on, in the form of a problem if it is Ray's own."""

    def __init__(self, send: Send, id_: str) -> None:
        self._send, self._id = send, id_
        self._body: bytes | None = None
        self._is_own = True

    async def send(self, message: Message) -> None:
        """Send the next part."""
        if message["type"] == "http.response.start" and message["status"] >= 400:
            message["headers"] = self._headers(message["status"], message["headers"])
        elif not self._is_own:
            if self._body is None:
                return
            message, self._body = {"type": "http.response.body", "body": self._body}, None
        await self._send(message)

    def _headers(
        self, status: int, headers: list[tuple[bytes, bytes]]
    ) -> list[tuple[bytes, bytes]]:
        kind = next((value for name, value in headers if name == b"content-type"), b"")
        if not kind.startswith(b"text/plain"):
            return headers
        self._body, self._is_own = _problem(status, self._id).body(), False
        made = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(self._body)).encode()),
        ]
        return [pair for pair in headers if pair[0] not in dict(made)] + made


def _problem(status: int, id_: str) -> Problem:
    if status in MEANING:
        return problem_of(MEANING[status], id_).model_copy(update={"status": status})
    return plain(status, "The API cannot answer this", id_)
