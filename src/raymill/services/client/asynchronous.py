"""The client for event loops: the same calls, each awaited."""

import asyncio
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

import httpx2

from raymill.net.retry import Tries
from raymill.services.client.answer import Answer, answer_of, error_of
from raymill.services.client.asked import Asked, Target, plainly, service_of, target
from raymill.services.client.events import Listener
from raymill.services.client.place import asked_at, options, request
from raymill.services.client.remote import Remote
from raymill.services.client.tries import PATIENCE, Attempts
from raymill.services.route import Event, Made, Reply
from raymill.services.service import Service

P = ParamSpec("P")
T = TypeVar("T")


class AsyncClient:
    """Asks the HTTP API within an event loop. Close it, or use it as a context.

    `await client.screener.screen(limit=5)` calls a route by the names of its service and method,
    and gives what that method gives; `await client.call(Screener.screen, ScreenRequest(limit=5))`
    is the same with types that a checker knows. Errors are those of `raymill.errors`.

    url: where the API is; `serve.url` by default.
    key: what to show; RAYMILL_API_KEY by default.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        timeout_s: float | None = None,
        tries: Tries = PATIENCE,
        verify: ssl.SSLContext | bool = True,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._http = httpx2.AsyncClient(**options(url, key, timeout_s, verify), transport=transport)
        self._tries, self._sleep, self._verify = tries, sleep, verify

    def __getattr__(self, name: str) -> Remote:
        if name.startswith("_"):
            raise AttributeError(name)
        return Remote(self, service_of(name))

    def service(self, kind: type[Service]) -> Remote:
        """The routes of a service by its class, which need not be installed."""
        return Remote(self, kind)

    @overload
    async def call(
        self,
        method: Callable[Concatenate[Any, P], Coroutine[Any, Any, Reply[Made[T]]]],
        *args: P.args,
        **given: P.kwargs,
    ) -> T: ...
    @overload
    async def call(
        self,
        method: Callable[Concatenate[Any, P], Coroutine[Any, Any, Reply[T]]],
        *args: P.args,
        **given: P.kwargs,
    ) -> T: ...
    @overload
    async def call(
        self,
        method: Callable[Concatenate[Any, P], Coroutine[Any, Any, Made[T]]],
        *args: P.args,
        **given: P.kwargs,
    ) -> T: ...
    @overload
    async def call(
        self,
        method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
        *args: P.args,
        **given: P.kwargs,
    ) -> T: ...
    async def call(self, method: Callable[..., Any], *args: Any, **given: Any) -> Any:
        """Call a method of a service class over HTTP; gives what it gives, and raises as it does.

        Raises ApiUnavailable where the API cannot be reached.
        """
        return await self.value(target(method).asked(args, given))

    async def pages(
        self, method: Callable[..., Any], *args: Any, **given: Any
    ) -> AsyncIterator[Any]:
        """The answers of a route page by page, to the last one."""
        async for page in self.paged(target(method), args, given):
            yield page

    async def events(
        self, method: Callable[..., Any], *args: Any, **given: Any
    ) -> AsyncIterator[Event]:
        """What a route of events tells, to its end; a connection that breaks off is made again."""
        async for event in self.listen(target(method).asked(args, given)):
            yield event

    async def follow(
        self, where: Callable[..., Any] | str, /, *args: Any, **given: Any
    ) -> AsyncIterator[Any]:
        """What a websocket sends, to its end: that of a route, or of a `websocket_url`.

        A connection that breaks off is made again; what was sent meanwhile does not come again.
        """
        if isinstance(where, str):
            asked = asked_at(self._http, where)
        else:
            asked = target(where).asked(args, given)
        async for value in self.hear(asked):
            yield value

    async def get(self, path: str, /, **query: Any) -> Any:
        """The JSON that a path answers with."""
        return (await self.request("GET", path, query=query)).whole

    async def post(self, path: str, body: Any = None, /, **query: Any) -> Any:
        """The JSON that a path answers a body with."""
        return (await self.request("POST", path, query=query, body=body)).whole

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Answer:
        """The answer to any request."""
        return await self.ask(plainly(method, path, query, body))

    async def value(self, asked: Asked) -> Any:
        """The value of the answer to a request."""
        return (await self.ask(asked)).value

    async def ask(self, asked: Asked) -> Answer:
        """Send a request, again where that makes sense, and read its answer."""
        attempts = self._attempts(asked)
        while True:
            try:
                got = await self._http.send(request(self._http, asked))
            except httpx2.RequestError as error:
                wait = attempts.failed(error, str(self._http.base_url))
            else:
                again = attempts.answered(got.status_code, got.headers)
                if again is None:
                    return answer_of(asked, got.status_code, got.headers, got.content)
                wait = again
            await self._sleep(wait)

    async def listen(self, asked: Asked) -> AsyncIterator[Event]:
        """The events that a request is answered with."""
        attempts, listener = self._attempts(asked), Listener(asked.resume)
        while True:
            try:
                sent = request(self._http, asked, last=listener.last or "")
                got = await self._http.send(sent, stream=True)
                try:
                    again = attempts.answered(got.status_code, got.headers)
                    if again is None:
                        async for event in _told(asked, got, listener, attempts):
                            yield event
                        return
                    wait = again
                finally:
                    await got.aclose()
            except httpx2.RequestError as error:
                wait = attempts.failed(error, str(self._http.base_url))
                listener = Listener(listener.last)
            await self._sleep(wait)

    async def hear(self, asked: Asked) -> AsyncIterator[Any]:
        """What a websocket sends that a request opens."""
        from websockets.asyncio.client import connect

        from raymill.services.client.following import ENDS, Following

        following = Following(asked, self._http, self._attempts(asked), self._verify)
        while True:
            try:
                async with connect(**following.opening()) as connection:
                    while True:
                        yield following.heard(await connection.recv())
            except ENDS as error:
                if (wait := following.ended(error)) is None:
                    return
            await self._sleep(wait)

    async def paged(
        self, found: Target, args: Sequence[Any], given: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        """The values of a route page by page."""
        asked: Asked | None = found.asked(args, given)
        while asked is not None:
            answer = await self.ask(asked)
            yield answer.value
            asked = found.paged(asked, answer.whole)

    def _attempts(self, asked: Asked) -> Attempts:
        return Attempts(asked, self._tries, time.monotonic, time.time, random.random)

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _told(
    asked: Asked, got: httpx2.Response, listener: Listener, attempts: Attempts
) -> AsyncIterator[Event]:
    if got.status_code >= 400:
        raise error_of(asked, got.status_code, got.headers, await got.aread())
    async for line in got.aiter_lines():
        if (event := listener.hear(line)) is not None:
            attempts.restart()
            yield event
