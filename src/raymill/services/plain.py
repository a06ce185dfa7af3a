"""Routes that take no parameter: answered before the framework looks for one."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from raymill.services.access import check_scope
from raymill.services.guard import App, Receive, Send
from raymill.state.keys import Scope

RAISED = "raymill.raised"
Ask: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[tuple[int, Mapping[str, str], bytes]]]
"""Calls the method behind a route with its parameters; gives status, headers and body."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A route without parameters."""

    path: str
    scope: Scope
    ask: Ask


class PlainFirst:
    """An ASGI application that answers plain routes itself, and hands all else to another one.

    What they raise goes to that one too, under `RAISED`, to be told of as all else is.
    """

    def __init__(self, app: App, routes: Mapping[str, Plain]) -> None:
        self._app, self._routes = app, routes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = self._routes.get(scope["path"]) if _is_plain(scope) else None
        if found is None:
            await self._app(scope, receive, send)
            return
        try:
            check_scope(scope, found.scope)
            status, headers, body = await found.ask({})
        except Exception as error:  # of whatever kind
            scope[RAISED] = error
            await self._app(scope, receive, send)
            return
        scope["route"] = found
        told = [(name.encode(), value.encode()) for name, value in headers.items()]
        told += [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": body})


def _is_plain(scope: MutableMapping[str, Any]) -> bool:
    return scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]
