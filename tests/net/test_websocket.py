"""Websockets against a server of this machine that behaves well, and then does not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from raymill.net import Unlimited, Verdict
from raymill.net.failures import BadRequest, TryFailed
from raymill.net.websocket import Backoff, Manners, Refused, Socket, Sockets

LIMIT_S = 60.0
Talk = Callable[[ServerConnection], Awaitable[None]]
Greet = Callable[[ServerConnection, Request], Response | None]


@asynccontextmanager
async def server(talk: Talk, greet: Greet | None = None) -> AsyncIterator[str]:
    async with serve(talk, "127.0.0.1", 0, process_request=greet, ping_interval=None) as running:
        port = next(iter(running.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


def inside(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), LIMIT_S))  # type: ignore[arg-type]


async def received(socket: Socket, count: int) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < count:
        found += [frame.body for frame in await socket.receive()]
    return found


async def says(connection: ServerConnection) -> None:
    for number in range(3):
        await connection.send(f"{number}")
    await connection.wait_closed()


def test_frames_come_in_order_with_the_time_of_their_arrival() -> None:
    async def work() -> None:
        async with server(says) as url:
            socket = await Sockets(clock=lambda: 1.5).open(url)
            frames = await socket.receive()
            while len(frames) < 3:
                frames += await socket.receive()
            assert [frame.body for frame in frames] == [b"0", b"1", b"2"]
            assert {frame.received for frame in frames} == {1_500_000}
            await socket.close()

    inside(work)


def test_what_came_before_a_connection_broke_is_given_first() -> None:
    async def breaks(connection: ServerConnection) -> None:
        await connection.send("last words")
        await connection.close(1011, "out of order")

    async def work() -> None:
        async with server(breaks) as url:
            socket = await Sockets().open(url)
            assert await received(socket, 1) == [b"last words"]
            with pytest.raises(TryFailed, match="was closed with 1011: out of order"):
                await socket.receive()
            with pytest.raises(TryFailed):
                await socket.send("hello?")
            await socket.close()

    inside(work)


def test_a_connection_that_is_cut_off_says_so() -> None:
    async def cut(connection: ServerConnection) -> None:
        connection.transport.abort()

    async def work() -> None:
        async with server(cut) as url:
            socket = await Sockets().open(url)
            with pytest.raises(TryFailed, match="broke off"):
                await socket.receive()
            await socket.close()

    inside(work)


def test_messages_keep_their_distance() -> None:
    now, slept = [100.0], list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    async def work() -> None:
        async with server(says) as url:
            sockets = Sockets(Manners(between_s=0.5), monotonic=lambda: now[0], sleep=sleep)
            socket = await sockets.open(url)
            await asyncio.gather(*(socket.send("x") for _ in range(3)))
            now[0] += 0.125
            await socket.send("x")
            await socket.close()

    inside(work)
    assert slept == [0.5, 0.5, 0.375]


def test_a_ping_is_answered_while_nobody_receives() -> None:
    async def work() -> None:
        ponged: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        async def pings(connection: ServerConnection) -> None:
            ponged.set_result(await (await connection.ping()))

        async with server(pings) as url:
            socket = await Sockets().open(url)
            assert await ponged >= 0.0  # the way there and back, in seconds
            await socket.close()

    inside(work)


def test_a_server_that_answers_no_ping_is_gone() -> None:
    async def work() -> None:
        over = asyncio.Event()

        async def freezes(connection: ServerConnection) -> None:
            connection.transport.pause_reading()
            await over.wait()
            connection.transport.abort()

        async with server(freezes) as url:
            socket = await Sockets(Manners(ping_s=0.05, close_s=0.05)).open(url)
            with pytest.raises(TryFailed, match="ping"):
                await socket.receive()
            await socket.close()
            over.set()

    inside(work)


class Line(Unlimited):
    """A limit that lets one wait first, and notes what it is told."""

    def __init__(self) -> None:
        self.waits, self.stops = [0.01, 0.0, 0.0], list[tuple[float, str]]()

    def take(self) -> float:
        return self.waits.pop(0)

    def stop(self, seconds: float, reason: str) -> None:
        self.stops.append((seconds, reason))


def refusing(status: int, **headers: str) -> Greet:
    def greet(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(status, "no\n")
        for name, text in headers.items():
            response.headers[name.replace("_", "-")] = text
        return response

    return greet


def test_a_refusal_is_judged_and_told_to_all() -> None:
    limit = Line()

    async def work() -> None:
        async with server(says, refusing(429, retry_after="7")) as url:
            with pytest.raises(Refused) as caught:
                await Sockets(limit=limit).open(url)
            assert caught.value.verdict == Verdict("limited", 7.0, "status 429")

    inside(work)
    assert limit.stops == [(7.0, "status 429")]
    assert limit.waits == [0.0]


def test_redirects_are_not_followed() -> None:
    async def work() -> None:
        elsewhere = "ws://127.0.0.1:1/"
        async with server(says, refusing(302, location=elsewhere)) as url:
            with pytest.raises(Refused, match="status 302"):
                await Sockets().open(url)

    inside(work)


def test_where_nobody_listens_a_try_fails() -> None:
    async def work() -> None:
        async with server(says) as url:
            pass
        with pytest.raises(TryFailed, match="no connection"):
            await Sockets().open(url)

    inside(work)


def test_a_server_that_does_not_greet_is_not_waited_for() -> None:
    async def mute(reader: Any, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def work() -> None:
        silent = await asyncio.start_server(mute, "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        with pytest.raises(TryFailed, match="no connection in time"):
            await Sockets(Manners(connect_s=0.05)).open(f"ws://127.0.0.1:{port}")
        silent.close()
        await silent.wait_closed()

    inside(work)


def test_what_is_no_address_can_never_be_opened() -> None:
    async def work() -> None:
        with pytest.raises(BadRequest):
            await Sockets().open("http://127.0.0.1:1/stream")

    inside(work)


def test_a_message_that_is_too_large_ends_the_connection() -> None:
    async def shouts(connection: ServerConnection) -> None:
        await connection.send("x" * 2000)
        await connection.wait_closed()

    async def work() -> None:
        async with server(shouts) as url:
            socket = await Sockets(Manners(most_bytes=1000)).open(url)
            with pytest.raises(TryFailed, match="1009"):
                await socket.receive()
            await socket.close()

    inside(work)


def test_waits_double_up_to_a_minute_and_lie_in_the_upper_half() -> None:
    limits = [Backoff().wait_s(failures, 1.0) for failures in range(1, 10)]
    assert limits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert Backoff().wait_s(4, 0.0) == 4
