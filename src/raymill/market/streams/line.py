"""One open connection of a vendor: what was subscribed, what comes, goodbye."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol, TypeAlias

from raymill.market.streams.heard import Heard
from raymill.net.failures import TryFailed
from raymill.net.websocket import Frame, Manners, Socket, Sockets

CLOSE_S = 5.0  # for giving up what was subscribed
GIVEN_UP = 100_000  # added to the number of a batch when it is given up


class Denied(Exception):
    """The vendor refuses what was asked for, and would again."""


class Feed(Protocol):
    """The words of a vendor's live connection: translation alone.

    most_names, batch_names: how many it takes on a connection, and in a message.
    names: what it calls all that is wanted.
    """

    manners: Manners
    most_names: int
    batch_names: int
    names: Sequence[str]

    @property
    def url(self) -> str:
        """Where to connect."""

    def subscribe(self, names: Sequence[str], number: int) -> str:
        """The message that asks for streams; the answer bears its number."""

    def unsubscribe(self, names: Sequence[str], number: int) -> str:
        """The message that gives streams up."""

    def instruments_of(self, names: Iterable[str]) -> set[int]:
        """Whose names these are."""

    def read(self, frames: Sequence[Frame]) -> Heard:
        """What frames say. It raises nothing: what cannot be read is among what is bad."""


class Line(Protocol):
    """A connection that is open."""

    @property
    def ready(self) -> bool:
        """Whether all that was asked for is confirmed."""

    async def receive(self) -> Heard:
        """Wait for records. Raises TryFailed once the connection is gone, Denied."""

    async def close(self) -> None:
        """Say goodbye."""


Dial: TypeAlias = Callable[[Sequence[str]], Awaitable[Line]]
"""Opens a connection for some names. Raises TryFailed, BadRequest, Denied."""


class SocketLine:
    """A websocket on which some names are subscribed, in batches, while it is read."""

    def __init__(self, socket: Socket, feed: Feed, names: Sequence[str]) -> None:
        self._socket, self._feed, self._names = socket, feed, names
        self._open = {number for number, _ in self._batches()}
        self._asking = asyncio.ensure_future(self._subscribe())

    @property
    def ready(self) -> bool:
        """Whether all names are confirmed."""
        return not self._open

    async def receive(self) -> Heard:
        """Wait for records. Raises TryFailed, Denied."""
        heard = self._feed.read(await self._socket.receive())
        for reply in heard.replies:
            if reply.error:
                raise Denied(reply.error)
            self._open.discard(reply.number)
        return heard

    async def close(self) -> None:
        """Give up what was subscribed, and close."""
        self._asking.cancel()
        with suppress(TryFailed, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                for number, names in self._batches():
                    if number not in self._open:
                        await self._socket.send(self._feed.unsubscribe(names, GIVEN_UP + number))
        await self._socket.close()

    async def _subscribe(self) -> None:
        with suppress(TryFailed):  # whoever receives is told, too
            for number, names in self._batches():
                await self._socket.send(self._feed.subscribe(names, number))

    def _batches(self) -> Iterator[tuple[int, Sequence[str]]]:
        size = self._feed.batch_names
        for number, start in enumerate(range(0, len(self._names), size), start=1):
            yield number, self._names[start : start + size]


def dialler(sockets: Sockets, feed: Feed) -> Dial:
    """Opens websockets of a vendor."""

    async def dial(names: Sequence[str]) -> Line:
        return SocketLine(await sockets.open(feed.url), feed, names)

    return dial
