"""Streams as the HTTP API knows them: begun once, looked at, heard over a websocket, stopped."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from raymill.app.market.rooms import open_rooms
from raymill.app.market.sources import names as source_names
from raymill.app.market.sources import open_source
from raymill.app.market.streaming import kinds
from raymill.app.market.streams import Standing
from raymill.app.market.streams import Streams as Known
from raymill.app.market.tail import Tail
from raymill.app.market.vendors import vendor
from raymill.app.workflows import Workflows
from raymill.config import settings
from raymill.errors import ConfigError, NotFound, StoreUnavailable, unknown
from raymill.market.moments import micros
from raymill.services.models.tickscrawler import (
    StreamAbout,
    StreamList,
    StreamRequest,
    StreamStarted,
    StreamStopped,
)
from raymill.services.route import Reply
from raymill.services.runs import Seen, accepted, settled, wait_of
from raymill.services.ticks import shown
from raymill.services.upstream import Upstream

STREAMS = "/api/tickscrawler/streams"
STOP_S = 15.0  # in which a stream stores what it has
FOLLOW_S = 0.5


class Streams:
    """The streams of a home, begun, heard and stopped."""

    def __init__(self, workflows: Callable[[], Workflows], upstream: Upstream) -> None:
        self._workflows, self._upstream = workflows, upstream

    @property
    def _known(self) -> Known:
        return Known(self._workflows())

    async def start(self, body: StreamRequest, base_url: str) -> StreamStarted:
        """Begin a stream, or find the one that is the same. Raises RaymillError."""
        if body.source_id not in source_names():
            raise unknown("source", body.source_id, source_names(), kind=NotFound)
        now, is_new = await self._upstream.ask(body.source_id, lambda: self._begun(body))
        return StreamStarted(
            stream_id=now.stream_id,
            source=vendor(now.source).name,
            source_id=now.source,
            symbols=body.symbols,
            stream_type=body.stream_type,
            status="started",
            state=now.status,
            is_new=is_new,
            websocket_url=_socket_url(base_url, now.stream_id),
            simulated=now.simulated,
        )

    def _begun(self, body: StreamRequest) -> tuple[Standing, bool]:
        streams = Known(self._workflows(), open_rooms(within_s=self._upstream.within_s))
        start_us = None if body.start_date is None else micros(body.start_date, "start_date")
        return streams.start(
            *(body.source_id, body.symbols, (_streamed(body),)),
            interval=body.interval,
            speed=body.speed,
            start_us=start_us,
        )

    async def stop(self, stream_id: str, wait: float | None) -> Reply[StreamStopped]:
        """Stop a stream, and say what came of it. Raises NotFound."""
        wait_s = wait_of(wait, STOP_S)
        await asyncio.to_thread(self._seen, stream_id)
        await asyncio.to_thread(self._known.ask_to_stop, stream_id)
        seen = await settled(lambda: self._seen(stream_id), wait_s)
        made = _stopped(seen.value)
        return Reply(made) if seen.is_over else accepted(made, f"{STREAMS}/{stream_id}")

    def ls(self, before: str | None, most: int) -> StreamList:
        """A page of streams."""
        found = self._known.ls(before=before or "", most=most)
        return StreamList(
            streams=[_about(one) for one in found],
            active=self.count(),
            next_before=found[-1].stream_id if len(found) >= most else None,
        )

    def count(self) -> int:
        """How many have not ended."""
        return self._known.count()

    def show(self, stream_id: str) -> StreamAbout:
        """How a stream stands. Raises NotFound."""
        return _about(self._seen(stream_id).value)

    def missed(self, stream_id: str) -> list[dict[str, Any]]:
        """What a stream missed. Raises NotFound."""
        self._seen(stream_id)
        return self._known.missed(stream_id)

    def look(self, stream_id: str) -> Seen[Any]:
        """How a stream stands, for those who follow it. Raises NotFound."""
        seen = self._seen(stream_id)
        return Seen(seen.number, _about(seen.value).model_dump(), seen.is_over)

    async def live(self, stream_id: str) -> AsyncIterator[dict[str, Any]]:
        """The records of a stream from now on, and each change of how it stands.

        A store that goes away meanwhile is waited for; nothing is missed by that.
        """
        now = (await asyncio.to_thread(self._seen, stream_id)).value
        yield {"type": "stream", **_about(now).model_dump()}
        tail, is_behind = await asyncio.to_thread(self._known.tail, stream_id), False
        while True:
            before, came = now, list[tuple[str, str, dict[str, Any]]]()
            with suppress(StoreUnavailable):
                now = (await asyncio.to_thread(self._seen, stream_id)).value
                if is_behind or now.rows_written != before.rows_written:
                    is_behind = True
                    await asyncio.to_thread(_take, tail, came)
                    is_behind = False
            for data_type, symbol, row in came:
                yield {"type": "record", **shown(data_type, symbol, row)}
            if now.status != before.status:
                yield {"type": "stream", **_about(now).model_dump()}
            if now.is_over and not is_behind:
                return
            await asyncio.sleep(FOLLOW_S)

    def _seen(self, stream_id: str) -> Seen[Standing]:
        """How a stream stands. Raises NotFound."""
        known = self._known
        try:
            now = known.standing(stream_id)
        except ConfigError:
            hint = f"GET {STREAMS} lists them"
            raise NotFound(f"There is no stream `{stream_id}`", hint=hint) from None
        return Seen(known.number(stream_id), now, now.is_over)


def _take(tail: Tail, came: list[tuple[str, str, dict[str, Any]]]) -> None:
    """Add what came to a list, which holds it also where the rest cannot be read."""
    for record in tail.next():
        came.append(record)


def _streamed(body: StreamRequest) -> str:
    """What is streamed, in the words of streams; ticks are trades, or else quotes."""
    if body.stream_type == "ticks":
        able = kinds(open_source(body.source_id))
        return "trades" if "trades" in able else "quotes"
    return "bars" if body.stream_type == "ohlc" else body.stream_type


def _about(now: Standing) -> StreamAbout:
    given = now.to_dict()
    return StreamAbout(**given | {"source": vendor(now.source).name, "source_id": now.source})


def _socket_url(base_url: str, stream_id: str) -> str:
    """Where the records of a stream come: where clients find it, or at the address asked."""
    chosen = settings().serve
    address = (chosen.url or base_url or chosen.address).rstrip("/")
    return f"ws{address.removeprefix('http')}{STREAMS}/{stream_id}/ws"


def _stopped(now: Standing) -> StreamStopped:
    hours, rest = divmod(round(now.duration_s), 3600)
    return StreamStopped(
        stream_id=now.stream_id,
        status=now.status if now.is_over else "stopping",
        duration=f"{hours}:{rest // 60:02}:{rest % 60:02}",
        duration_s=now.duration_s,
        messages_received=now.messages_received,
        rows_written=now.rows_written,
        gaps_found=now.gaps_found,
        gaps_filled=now.gaps_filled,
    )
