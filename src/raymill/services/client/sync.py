"""The client that waits for each answer."""

import random
import ssl
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
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


class Client:
    """Asks the HTTP API; threads may share it. Close it, or use it as a context.

    `client.screener.screen(limit=5)` calls a route by the names of its service and method, and
    gives what that method gives; `client.call(Screener.screen, ScreenRequest(limit=5))` is the same
    with types that a checker knows. Errors are those of `raymill.errors`.

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
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx2.Client(**options(url, key, timeout_s, verify), transport=transport)
        self._tries, self._sleep, self._verify = tries, sleep, verify

    def __getattr__(self, name: str) -> Remote:
        if name.startswith("_"):
            raise AttributeError(name)
        return Remote(self, service_of(name))

    def service(self, kind: type[Service]) -> Remote:
        """The routes of a service by its class, which need not be installed."""
        return Remote(self, kind)

    @overload
    def call(
        self,
        method: Callable[Concatenate[Any, P], Coroutine[Any, Any, Reply[Made[T]]]],
        *args: P.args,
        **given: P.kwargs,
    ) -> T: ...
    @overload
    def call(
        self,
        method: Callable[Concatenate[Any, P], Coroutine[Any, Any, Reply[T]]],
        *args: P.args,
        **given: P.kwargs,
    ) -> T: ...
    @overload
    def call(
        self,
        method: Callable[Concatenate[Any, P], Coroutine[Any, Any, Made[T]]],
        *args: P.args,
        **given: P.kwargs,
    ) -> T: ...
    @overload
    def call(
        self,
        method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
        *args: P.args,
        **given: P.kwargs,
    ) -> T: ...
    def call(self, method: Callable[..., Any], *args: Any, **given: Any) -> Any:
        """Call a method of a service class over HTTP; gives what it gives, and raises as it does.

        Raises ApiUnavailable where the API cannot be reached.
        """
        return self.value(target(method).asked(args, given))

    def pages(self, method: Callable[..., Any], *args: Any, **given: Any) -> Iterator[Any]:
        """The answers of a route page by page, to the last one."""
        yield from self.paged(target(method), args, given)

    def events(self, method: Callable[..., Any], *args: Any, **given: Any) -> Iterator[Event]:
        """What a route of events tells, to its end; a connection that breaks off is made again."""
        yield from self.listen(target(method).asked(args, given))

    def follow(self, where: Callable[..., Any] | str, /, *args: Any, **given: Any) -> Iterator[Any]:
        """What a websocket sends, to its end: that of a route, or of a `websocket_url`.

        A connection that breaks off is made again; what was sent meanwhile does not come again.
        """
        if isinstance(where, str):
            asked = asked_at(self._http, where)
        else:
            asked = target(where).asked(args, given)
        yield from self.hear(asked)

    def get(self, path: str, /, **query: Any) -> Any:
        """The JSON that a path answers with."""
        return self.request("GET", path, query=query).whole

    def post(self, path: str, body: Any = None, /, **query: Any) -> Any:
        """The JSON that a path answers a body with."""
        return self.request("POST", path, query=query, body=body).whole

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Answer:
        """The answer to any request."""
        return self.ask(plainly(method, path, query, body))

    def value(self, asked: Asked) -> Any:
        """The value of the answer to a request."""
        return self.ask(asked).value

    def ask(self, asked: Asked) -> Answer:
        """Send a request, again where that makes sense, and read its answer."""
        attempts = self._attempts(asked)
        while True:
            try:
                got = self._http.send(request(self._http, asked))
            except httpx2.RequestError as error:
                wait = attempts.failed(error, str(self._http.base_url))
            else:
                again = attempts.answered(got.status_code, got.headers)
                if again is None:
                    return answer_of(asked, got.status_code, got.headers, got.content)
                wait = again
            self._sleep(wait)

    def listen(self, asked: Asked) -> Iterator[Event]:
        """The events that a request is answered with."""
        attempts, listener = self._attempts(asked), Listener(asked.resume)
        while True:
            try:
                sent = request(self._http, asked, last=listener.last or "")
                got = self._http.send(sent, stream=True)
                try:
                    again = attempts.answered(got.status_code, got.headers)
                    if again is None:
                        yield from _told(asked, got, listener, attempts)
                        return
                    wait = again
                finally:
                    got.close()
            except httpx2.RequestError as error:
                wait = attempts.failed(error, str(self._http.base_url))
                listener = Listener(listener.last)
            self._sleep(wait)

    def hear(self, asked: Asked) -> Iterator[Any]:
        """What a websocket sends that a request opens."""
        from websockets.sync.client import connect

        from raymill.services.client.following import ENDS, Following

        following = Following(asked, self._http, self._attempts(asked), self._verify)
        while True:
            try:
                with connect(**following.opening()) as connection:
                    while True:
                        yield following.heard(connection.recv())
            except ENDS as error:
                if (wait := following.ended(error)) is None:
                    return
            self._sleep(wait)

    def paged(self, found: Target, args: Sequence[Any], given: Mapping[str, Any]) -> Iterator[Any]:
        """The values of a route page by page."""
        asked: Asked | None = found.asked(args, given)
        while asked is not None:
            answer = self.ask(asked)
            yield answer.value
            asked = found.paged(asked, answer.whole)

    def _attempts(self, asked: Asked) -> Attempts:
        return Attempts(asked, self._tries, time.monotonic, time.time, random.random)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _told(
    asked: Asked, got: httpx2.Response, listener: Listener, attempts: Attempts
) -> Iterator[Event]:
    if got.status_code >= 400:
        raise error_of(asked, got.status_code, got.headers, got.read())
    for line in got.iter_lines():
        if (event := listener.hear(line)) is not None:
            attempts.restart()
            yield event
