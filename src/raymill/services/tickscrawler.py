"""The crawler of market data as a service: crawls, sources, stored history, streams."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from raymill.app.market.gatherings import Gatherings, Standing, failure, gather_of
from raymill.app.market.history import HistoryPage, history_page
from raymill.app.market.rooms import open_rooms
from raymill.app.market.sources import names as source_names
from raymill.app.market.sources import open_source
from raymill.app.market.streaming import kinds
from raymill.app.market.streams import Standing as StreamStanding
from raymill.app.market.streams import Streams
from raymill.app.market.vendors import count_sources, is_simulated, listed_sources, vendor
from raymill.app.workflows import Workflows
from raymill.config import settings
from raymill.config.service import ServiceSettings
from raymill.config.services import TickscrawlerSettings
from raymill.errors import Cancelled, ConfigError, NotFound, SourceError, unknown
from raymill.market.gatherings import Gather, Gathering, Part, State
from raymill.market.moments import micros, moment
from raymill.services.glance import Glance
from raymill.services.models.tickscrawler import (
    CrawlAbout,
    Crawled,
    CrawlList,
    CrawlRequest,
    Historical,
    Hole,
    SourceAbout,
    StreamAbout,
    StreamList,
    StreamRequest,
    StreamStarted,
    StreamStopped,
)
from raymill.services.route import Event, Reply, route
from raymill.services.runs import Seen, accepted, changes, settled, wait_of
from raymill.services.service import Service
from raymill.services.ticks import shown
from raymill.state.per_process import PerProcess

CRAWLS, STREAMS = "/api/tickscrawler/crawls", "/api/tickscrawler/streams"
STOP_S = 15.0  # in which a stream stores what it has
FOLLOW_S = 0.5

T = TypeVar("T")
Most = Annotated[int, Field(ge=1, le=1000)]
Id = Annotated[str, Field(max_length=64)]


class Tickscrawler(Service):
    """Crawls market data, answers what is stored of it, and streams live prices."""

    name: ClassVar[str] = "tickscrawler"
    text: ClassVar[str] = "Crawls, stored history and live streams of market data"
    Settings: ClassVar[type[ServiceSettings]] = TickscrawlerSettings

    def __init__(self, settings_: TickscrawlerSettings) -> None:
        super().__init__(settings_)
        self._chosen = settings_
        self._opened = PerProcess(Workflows)
        # Not the threads of everything else: a source that hangs must not hold these up.
        self._upstream = ThreadPoolExecutor(settings_.max_crawls, "tickscrawler")
        self._glance = Glance(self._counted, settings().serve.glance_s)

    @property
    def _workflows(self) -> Workflows:
        return self._opened.get()

    @property
    def _crawls(self) -> Gatherings:
        return Gatherings(self._workflows)

    async def close(self) -> None:
        """Let go of the store."""
        self._upstream.shutdown(wait=False, cancel_futures=True)
        if (opened := self._opened.pop()) is not None:
            opened.close()

    async def about(self) -> dict[str, Any]:
        """What else stands in the status."""
        return dict(await self._glance.now())

    def _counted(self) -> dict[str, int]:
        crawls = self._crawls.table.counts()
        return {
            "available_sources": count_sources(),
            "active_streams": self._streams.count(),
            "total_crawls": sum(crawls.values()),
            "running_crawls": crawls["running"],
        }

    @route("GET", "/sources", key="sources")
    async def sources(self) -> list[SourceAbout]:
        """List the sources that are enabled."""
        found = await asyncio.to_thread(listed_sources)
        return [SourceAbout.model_validate(one) for one in found]

    @route("POST", "/crawl", others=(202,))
    async def crawl(self, body: CrawlRequest, wait: float | None = None) -> Reply[Crawled]:
        """Crawl records, store them, and give them.

        Without dates the newest ones, at once. What takes longer goes on, and `Location` says where
        to look at it; `wait` says after how many seconds to answer so.
        """
        wait_s = wait_of(wait, self._chosen.upstream_s)
        ends = time.monotonic() + (self._chosen.upstream_s if wait is None else wait_s)
        asked = await self._asked(body)
        within_s = min(self._chosen.upstream_s, max(0.0, ends - time.monotonic()))
        is_brief = asked.begin_us is None and wait_s > 0
        hold_s = within_s if is_brief else 0.0
        one = await asyncio.to_thread(self._crawls.admit, asked, self._chosen.max_crawls, hold_s)
        if not (is_brief and await self._at_once(one, within_s, may_go_on=wait is not None)):
            await asyncio.to_thread(self._crawls.hand_over, one)
        seen = await settled(lambda: self._seen(one.crawl_id), max(0.0, ends - time.monotonic()))
        if seen.value.status in ("failed", "stopped"):
            raise failure(seen.value.gathering)
        made = await asyncio.to_thread(self._whole, seen.value)
        return Reply(made) if seen.is_over else accepted(made, f"{CRAWLS}/{one.crawl_id}")

    async def _asked(self, body: CrawlRequest) -> Gather:
        within_s = self._chosen.upstream_s

        def read() -> Gather:
            return gather_of(
                *(body.source_id, body.symbols, body.data_type, body.limit),
                interval=body.interval,
                start=body.start_date,
                end=body.end_date,
                timeout_s=self._chosen.timeout,
                within_s=within_s,
            )

        try:
            return await self._aside(read, within_s)
        except TimeoutError:
            raise self._silent(body.source_id) from None

    async def _at_once(self, one: Gathering, within_s: float, *, may_go_on: bool) -> bool:
        """Do a crawl here; False where it goes on elsewhere, as it takes too long."""
        parts, over = list[Part](), threading.Event()
        try:
            await self._aside(lambda: self._crawls.here(one, parts, over, within_s), within_s)
        except TimeoutError:
            over.set()
            if parts or may_go_on:
                return False
            error = self._silent(one.asked.source)
            await asyncio.to_thread(self._crawls.fail, one, error)
            raise error from None
        except Cancelled:  # somebody stopped it
            return True
        return True

    async def _aside(self, work: Callable[[], T], within_s: float) -> T:
        """Do what asks a source. Raises TimeoutError where that takes longer."""
        async with asyncio.timeout(within_s):
            context = copy_context()
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._upstream, context.run, work)

    def _silent(self, source: str) -> SourceError:
        return SourceError(
            f"`{source}` does not answer within {self._chosen.upstream_s:g} s",
            hint="try again later, or ask with ?wait=0 and look at it later",
            status=504,
        )

    @route("GET", "/crawls")
    async def crawls(
        self, state: State | None = None, before: Id | None = None, limit: Most = 50
    ) -> CrawlList:
        """List crawls, the newest first; `before` is the last one of the page before."""

        def look() -> CrawlList:
            found = self._crawls.ls(state=state, before=before, most=limit)
            counts = {str(name): count for name, count in self._crawls.table.counts().items()}
            last = found[-1].gathering.crawl_id if len(found) == limit else None
            return CrawlList(crawls=[_about(one) for one in found], counts=counts, next_before=last)

        return await asyncio.to_thread(look)

    @route("GET", "/crawls/{crawl_id}")
    async def crawl_standing(self, crawl_id: str) -> Crawled:
        """Show a crawl, with its records where it is completed."""
        return await asyncio.to_thread(lambda: self._whole(self._crawls.standing(crawl_id)))

    @route("GET", "/crawls/{crawl_id}/events", kind="events")
    async def crawl_events(
        self, crawl_id: str, last_event_id: str | None = None
    ) -> AsyncIterator[Event]:
        """Follow a crawl until it has ended."""

        def look() -> Seen[Any]:
            seen = self._seen(crawl_id)
            return Seen(seen.number, _about(seen.value).model_dump(), seen.is_over)

        async for event in changes(look, last_event_id):
            yield event

    @route("POST", "/crawls/{crawl_id}/stop")
    async def stop_crawl(self, crawl_id: str) -> CrawlAbout:
        """Stop a crawl; what it has stays stored."""
        return _about(await asyncio.to_thread(self._crawls.stop, crawl_id))

    @route("GET", "/historical")
    async def historical(
        self,
        symbol: Annotated[str, Field(min_length=1, max_length=64)],
        start_date: Annotated[str | None, Field(max_length=64)] = None,
        end_date: Annotated[str | None, Field(max_length=64)] = None,
        interval: Annotated[str, Field(max_length=8)] = "1m",
        source_id: Annotated[str | None, Field(max_length=64)] = None,
        cursor: Annotated[str | None, Field(max_length=64)] = None,
        limit: Most = 1000,
    ) -> Historical:
        """Give stored bars, a page of them, and name what lacks; no source is asked."""

        def look() -> HistoryPage:
            return history_page(
                symbol,
                source=source_id,
                interval=interval,
                start=start_date,
                end=end_date,
                cursor=cursor,
                most=limit,
            )

        return _historical(symbol, await asyncio.to_thread(look))

    @route("POST", "/stream", status=201)
    async def start_stream(self, body: StreamRequest, base_url: str = "") -> StreamStarted:
        """Stream live records: they are stored, and come over a websocket too.

        What is streamed already is not begun again.
        """
        within_s = self._chosen.upstream_s
        if body.source_id not in source_names():
            raise unknown("source", body.source_id, source_names(), kind=NotFound)

        def start() -> tuple[StreamStanding, bool]:
            streams = Streams(self._workflows, open_rooms(within_s=within_s))
            start_us = None if body.start_date is None else micros(body.start_date, "start_date")
            return streams.start(
                *(body.source_id, body.symbols, (_streamed(body),)),
                interval=body.interval,
                speed=body.speed,
                start_us=start_us,
            )

        try:
            now, is_new = await self._aside(start, within_s)
        except TimeoutError:
            raise self._silent(body.source_id) from None
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

    @route("DELETE", "/stream/{stream_id}", others=(202,))
    async def stop_stream(self, stream_id: str, wait: float | None = None) -> Reply[StreamStopped]:
        """Stop a stream: what it has is stored. One that has ended stays as it is."""
        wait_s = wait_of(wait, STOP_S)
        await asyncio.to_thread(self._stream, stream_id)
        await asyncio.to_thread(self._streams.ask_to_stop, stream_id)
        seen = await settled(lambda: self._stream(stream_id), wait_s)
        made = _stopped(seen.value)
        return Reply(made) if seen.is_over else accepted(made, f"{STREAMS}/{stream_id}")

    @route("GET", "/streams")
    async def streams(self, before: Id | None = None, limit: Most = 50) -> StreamList:
        """List streams, the newest first; `before` is the last one of the page before."""

        def look() -> StreamList:
            found = self._streams.ls(before=before or "", most=limit)
            last = found[-1].stream_id if len(found) >= limit else None
            return StreamList(
                streams=[_stream_about(one) for one in found],
                active=self._streams.count(),
                next_before=last,
            )

        return await asyncio.to_thread(look)

    @route("GET", "/streams/{stream_id}")
    async def stream_standing(self, stream_id: str) -> StreamAbout:
        """Show a stream: its counts, lag, gaps, the newest prices."""
        seen = await asyncio.to_thread(self._stream, stream_id)
        return _stream_about(seen.value)

    @route("GET", "/streams/{stream_id}/gaps", key="gaps")
    async def stream_gaps(self, stream_id: str) -> list[dict[str, Any]]:
        """List what a stream missed, and what became of that."""
        await asyncio.to_thread(self._stream, stream_id)
        return await asyncio.to_thread(self._streams.missed, stream_id)

    @route("GET", "/streams/{stream_id}/events", kind="events")
    async def stream_events(
        self, stream_id: str, last_event_id: str | None = None
    ) -> AsyncIterator[Event]:
        """Follow a stream until it has ended."""

        def look() -> Seen[Any]:
            seen = self._stream(stream_id)
            return Seen(seen.number, _stream_about(seen.value).model_dump(), seen.is_over)

        async for event in changes(look, last_event_id, FOLLOW_S):
            yield event

    @route("GET", "/streams/{stream_id}/ws", kind="socket")
    async def stream_live(self, stream_id: str) -> AsyncIterator[dict[str, Any]]:
        """Give the records of a stream as they are stored from now on, and how it stands."""
        now = (await asyncio.to_thread(self._stream, stream_id)).value
        yield {"type": "stream", **_stream_about(now).model_dump()}
        tail = await asyncio.to_thread(self._streams.tail, stream_id)
        while True:
            before, now = now, (await asyncio.to_thread(self._stream, stream_id)).value
            if now.rows_written != before.rows_written:
                for data_type, symbol, row in await asyncio.to_thread(lambda: [*tail.next()]):
                    yield {"type": "record", **shown(data_type, symbol, row)}
            if now.status != before.status:
                yield {"type": "stream", **_stream_about(now).model_dump()}
            if now.is_over:
                return
            await asyncio.sleep(FOLLOW_S)

    @property
    def _streams(self) -> Streams:
        return Streams(self._workflows)

    def _stream(self, stream_id: str) -> Seen[StreamStanding]:
        """How a stream stands. Raises NotFound."""
        try:
            now = self._streams.standing(stream_id)
        except ConfigError:
            hint = f"GET {STREAMS} lists them"
            raise NotFound(f"There is no stream `{stream_id}`", hint=hint) from None
        return Seen(self._streams.number(stream_id), now, now.is_over)

    def _seen(self, crawl_id: str) -> Seen[Standing]:
        now = self._crawls.standing(crawl_id)
        return Seen(now.number, now, now.is_over)

    def _whole(self, now: Standing) -> Crawled:
        one = now.gathering
        rows = self._crawls.rows(one)
        data = [shown(one.asked.data_type, symbol, row) for symbol, row in rows]
        is_made_up = is_simulated(one.asked.source)
        about = _about(now).model_dump()
        return Crawled(**about, data=data, total_records=len(data), simulated=is_made_up)


def _about(now: Standing) -> CrawlAbout:
    given = now.to_dict()
    source = given["source"]
    return CrawlAbout(**given | {"source": vendor(source).name, "source_id": source})


def _historical(symbol: str, page: HistoryPage) -> Historical:
    return Historical(
        symbol=symbol,
        source=vendor(page.source).name,
        source_id=page.source,
        interval=page.interval,
        start_date=moment(page.begin_us),
        end_date=moment(page.end_us),
        data_points=len(page.rows),
        data=[shown("ohlc", symbol, row) for row in page.rows],
        holes=[Hole(start=moment(begin), end=moment(end)) for begin, end in page.holes],
        holes_total=page.holes_total,
        lacking=page.lacking,
        built_from=page.built_from,
        next_cursor=page.after,
        simulated=is_simulated(page.source),
    )


def _streamed(body: StreamRequest) -> str:
    """What is streamed, in the words of streams; ticks are trades, or else quotes."""
    if body.stream_type == "ticks":
        able = kinds(open_source(body.source_id))
        return "trades" if "trades" in able else "quotes"
    return "bars" if body.stream_type == "ohlc" else body.stream_type


def _stream_about(now: StreamStanding) -> StreamAbout:
    given = now.to_dict()
    return StreamAbout(**given | {"source": vendor(now.source).name, "source_id": now.source})


def _socket_url(base_url: str, stream_id: str) -> str:
    """Where the records of a stream come, at the address that was asked."""
    address = base_url.rstrip("/") or f"http://{settings().serve.host}:{settings().serve.port}"
    return f"ws{address.removeprefix('http')}{STREAMS}/{stream_id}/ws"


def _stopped(now: StreamStanding) -> StreamStopped:
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
