"""The transport: one client a process, each wait with a limit, bodies as a stream."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raymill.net.body import unpacker
from raymill.net.failures import BadRequest, BodyBroken, TryFailed
from raymill.net.messages import Request
from raymill.state.per_process import PerProcess

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The longest waits of one try: for a connection, and for the next bytes."""

    connect_s: float = 10.0
    read_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """The beginning of an answer; `chunks` gives its body, unpacked, once."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class Http:
    """Sends requests; threads share it. Close it, or use it as a context.

    Redirects are not followed: an answer is judged as it is.
    """

    def __init__(
        self,
        *,
        timeouts: Timeouts | None = None,
        connections: int = 16,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._timeouts, self._connections = timeouts or Timeouts(), connections
        self._client = PerProcess(self._made)  # two processes on one connection mix their answers

    def _made(self) -> "httpx2.Client":
        import httpx2

        waits, most = self._timeouts, self._connections
        return httpx2.Client(
            timeout=httpx2.Timeout(waits.read_s, connect=waits.connect_s, pool=None),
            limits=httpx2.Limits(max_connections=most, max_keepalive_connections=most),
            follow_redirects=False,
        )

    @contextmanager
    def open(self, request: Request) -> Iterator[Reply]:
        """Send a request and give its answer. Raises TryFailed, BodyTooLarge, BadRequest."""
        until = self._clock() + request.most_s
        headers = {"Accept-Encoding": "gzip"} | dict(request.headers)
        with (
            _explained(),
            self._client.get().stream(
                request.method, request.url, headers=headers, content=request.content
            ) as response,
        ):
            found = {name.lower(): text for name, text in response.headers.items()}
            yield Reply(response.status_code, found, self._chunks(response, request, until))

    def _chunks(
        self, response: "httpx2.Response", request: Request, until: float
    ) -> Iterator[bytes]:
        unpack = unpacker(response.headers.get("content-encoding", ""), request.most_bytes)
        with _explained():
            for raw in response.iter_raw():
                if self._clock() > until:
                    raise BodyBroken(f"the body is not whole after {request.most_s:g} s")
                yield from unpack.feed(raw)
        unpack.finish()

    def close(self) -> None:
        """Close all connections of this process; they are made anew where one is needed."""
        client = self._client.pop()
        if client is not None:
            client.close()

    def __enter__(self) -> "Http":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@contextmanager
def _explained() -> Iterator[None]:
    import httpx2

    try:
        yield
    except httpx2.ConnectTimeout as error:
        raise TryFailed("no connection in time") from error
    except httpx2.TimeoutException as error:
        raise TryFailed("no answer in time") from error
    except httpx2.ConnectError as error:
        raise TryFailed(f"no connection: {error}") from error
    except (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, httpx2.InvalidURL) as error:
        raise BadRequest(str(error)) from error
    except httpx2.RequestError as error:
        raise TryFailed(f"the connection broke off: {error or type(error).__name__}") from error
