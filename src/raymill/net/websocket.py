"""Websockets: a connection, frames in, messages out at a pace. Knows no vendor.

Pings of the server are answered. A connection that breaks, or is refused, says so and is not
opened again: when to come back is for whoever opened it to decide (`Backoff`).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)

from raymill.net.failures import BadRequest, TryFailed
from raymill.net.fetch import Limit, Unlimited
from raymill.net.judge import Judge, by_status
from raymill.net.messages import MB, Head
from raymill.net.retry import stop_s
from raymill.net.verdict import Verdict

MOST_WAITING = 10_000  # frames that nobody took; the server is not read from meanwhile
QUEUE = 256  # frames that the library takes off the wire ahead
_QUIET = logging.Logger("raymill.net.websocket", logging.CRITICAL + 1)


class Frame(NamedTuple):
    """What arrived, and when: microseconds since 1970 by the clock of this machine."""

    received: int
    body: bytes


class Refused(TryFailed):
    """A server that is there does not open a connection; `verdict` is what that means."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next try: up to a limit that doubles, and at least half of it.

    >>> [Backoff().wait_s(failures, 0.5) for failures in (1, 2, 3, 7, 9000)]
    [0.75, 1.5, 3.0, 45.0, 45.0]
    """

    first_s: float = 1.0
    most_s: float = 60.0

    def wait_s(self, failures: int, chance: float) -> float:
        """The wait after so many failures in a row; `chance` is a random number in [0, 1)."""
        limit = float(min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 64)))
        return limit * (1 + chance) / 2


@dataclass(frozen=True, slots=True)
class Manners:
    """How a server wants to be treated, and the longest waits for it.

    between_s: the least time between two messages to it.
    ping_s: how often it is asked whether it is there; it has as long to answer. None never asks.
    """

    between_s: float = 0.0
    connect_s: float = 10.0
    close_s: float = 2.0
    ping_s: float | None = 20.0
    most_bytes: int = 4 * MB


class Socket:
    """An open connection. One task receives; any may send."""

    def __init__(
        self,
        connection: ClientConnection,
        manners: Manners,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._connection, self._manners = connection, manners
        self._clock, self._monotonic, self._sleep = clock, monotonic, sleep
        self._turn, self._sent = asyncio.Lock(), float("-inf")
        self._waiting: list[Frame] = []
        self._come, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._lost: TryFailed | None = None
        self._reader = asyncio.ensure_future(self._read())

    async def send(self, text: str) -> None:
        """Send a message as soon as the pace allows. Raises TryFailed."""
        async with self._turn:
            early = self._sent + self._manners.between_s - self._monotonic()
            if early > 0:
                await self._sleep(early)
            try:
                await self._connection.send(text)
            except ConnectionClosed as error:
                raise _broken(error) from error
            finally:
                self._sent = self._monotonic()

    async def receive(self) -> list[Frame]:
        """Wait for frames; gives all that have come. Raises TryFailed once there are no more."""
        await self._come.wait()
        found, self._waiting = self._waiting, []
        self._room.set()
        if not self._lost:
            self._come.clear()
        elif not found:
            raise self._lost
        return found

    async def close(self) -> None:
        """Say goodbye, for no longer than the manners allow."""
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader
        await self._connection.close()

    async def _read(self) -> None:
        try:
            while True:
                body = await self._connection.recv(decode=False)
                self._waiting.append(Frame(int(self._clock() * 1_000_000), body))
                self._come.set()
                if len(self._waiting) >= MOST_WAITING:
                    self._room.clear()
                    await self._room.wait()
        except ConnectionClosed as error:
            self._lost = _broken(error)
        except WebSocketException as error:
            self._lost = TryFailed(f"the connection broke off: {error}")
        finally:
            self._lost = self._lost or TryFailed("the connection was closed")
            self._come.set()


class Sockets:
    """Opens connections to one vendor: a permit before each, refusals told to the whole cluster."""

    def __init__(
        self,
        manners: Manners | None = None,
        *,
        judge: Judge = by_status,
        limit: Limit | None = None,
        headers: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.manners = manners or Manners()
        self._judge, self._limit, self._headers = judge, limit or Unlimited(), headers
        self._clock, self._monotonic, self._sleep = clock, monotonic, sleep

    async def open(self, url: str) -> Socket:
        """Open a connection. Raises Refused, TryFailed; BadRequest where it can never be."""
        await self._permit()
        try:
            connection = await self._connected(url)
        except InvalidURI as error:
            raise BadRequest(str(error)) from error
        except InvalidStatus as error:
            raise await self._refused(url, error) from error
        except TimeoutError as error:
            raise TryFailed("no connection in time") from error
        except (OSError, InvalidHandshake, WebSocketException) as error:
            raise TryFailed(f"no connection: {error}") from error
        times = {"clock": self._clock, "monotonic": self._monotonic}
        return Socket(connection, self.manners, sleep=self._sleep, **times)

    async def _permit(self) -> None:
        while (wait := await asyncio.to_thread(self._limit.take)) > 0:
            await self._sleep(wait)

    async def _connected(self, url: str) -> ClientConnection:
        manners = self.manners
        return await _Connect(
            url,
            additional_headers=self._headers,
            compression=None,
            open_timeout=manners.connect_s,
            close_timeout=manners.close_s,
            ping_interval=manners.ping_s,
            ping_timeout=manners.ping_s,
            max_size=manners.most_bytes,
            max_queue=QUEUE,
            logger=_QUIET,
        )

    async def _refused(self, url: str, error: InvalidStatus) -> Refused:
        answer = error.response
        headers = {name.lower(): text for name, text in answer.headers.raw_items()}
        head = Head(answer.status_code, headers, bytes(answer.body or b""), url)
        verdict = self._judge(head, self._clock())
        if (seconds := stop_s(verdict)) > 0:
            await asyncio.to_thread(self._limit.stop, seconds, verdict.reason)
        return Refused(verdict)


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Any:
        """Redirects are not followed: an answer is judged as it is."""
        return exc


def _broken(error: ConnectionClosed) -> TryFailed:
    closed = error.rcvd or error.sent
    if closed is None:
        return TryFailed("the connection broke off")
    reason = f": {closed.reason}" if closed.reason else ""
    return TryFailed(f"the connection was closed with {closed.code}{reason}")
