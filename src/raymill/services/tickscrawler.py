"""The crawler of market data as a service: crawls, sources, stored history, streams."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar

from pydantic import Field

from raymill.app.market.history import HistoryPage, history_page
from raymill.app.market.vendors import count_sources, is_simulated, listed_sources, vendor
from raymill.app.workflows import Workflows
from raymill.config import settings
from raymill.config.service import ServiceSettings
from raymill.config.services import TickscrawlerSettings
from raymill.market.gatherings import State
from raymill.market.moments import moment
from raymill.services.crawls import Crawls
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
from raymill.services.runs import changes
from raymill.services.service import Service
from raymill.services.streams import FOLLOW_S, Streams
from raymill.services.ticks import shown
from raymill.services.upstream import Upstream
from raymill.state.per_process import PerProcess

Most = Annotated[int, Field(ge=1, le=1000)]
Id = Annotated[str, Field(max_length=64)]


class Tickscrawler(Service):
    """Crawls market data, answers what is stored of it, and streams live prices."""

    name: ClassVar[str] = "tickscrawler"
    text: ClassVar[str] = "Crawls, stored history and live streams of market data"
    Settings: ClassVar[type[ServiceSettings]] = TickscrawlerSettings

    def __init__(self, settings_: TickscrawlerSettings) -> None:
        super().__init__(settings_)
        self._opened = PerProcess(Workflows)
        self._upstream = Upstream(settings_.max_crawls, settings_.upstream_s)
        self._crawls = Crawls(self._opened.get, self._upstream, settings_)
        self._streams = Streams(self._opened.get, self._upstream)
        self._glance = Glance(self._counted, settings().serve.glance_s)

    async def close(self) -> None:
        """Let go of the store."""
        self._upstream.close()
        if (opened := self._opened.pop()) is not None:
            opened.close()

    async def about(self) -> dict[str, Any]:
        """What else stands in the status."""
        return dict(await self._glance.now())

    def _counted(self) -> dict[str, int]:
        crawls = self._crawls.counts()
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
        return await self._crawls.begin(body, wait)

    @route("GET", "/crawls")
    async def crawls(
        self, state: State | None = None, before: Id | None = None, limit: Most = 50
    ) -> CrawlList:
        """List crawls, the newest first; `before` is the last one of the page before."""
        return await asyncio.to_thread(self._crawls.ls, state, before, limit)

    @route("GET", "/crawls/{crawl_id}")
    async def crawl_standing(self, crawl_id: str) -> Crawled:
        """Show a crawl, with its records where it is completed."""
        return await asyncio.to_thread(self._crawls.show, crawl_id)

    @route("GET", "/crawls/{crawl_id}/events", kind="events")
    async def crawl_events(
        self, crawl_id: str, last_event_id: str | None = None
    ) -> AsyncIterator[Event]:
        """Follow a crawl until it has ended."""
        async for event in changes(lambda: self._crawls.look(crawl_id), last_event_id):
            yield event

    @route("POST", "/crawls/{crawl_id}/stop")
    async def stop_crawl(self, crawl_id: str) -> CrawlAbout:
        """Stop a crawl; what it has stays stored."""
        return await asyncio.to_thread(self._crawls.stop, crawl_id)

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
        return await self._streams.start(body, base_url)

    @route("DELETE", "/stream/{stream_id}", others=(202,))
    async def stop_stream(self, stream_id: str, wait: float | None = None) -> Reply[StreamStopped]:
        """Stop a stream: what it has is stored. One that has ended stays as it is."""
        return await self._streams.stop(stream_id, wait)

    @route("GET", "/streams")
    async def streams(self, before: Id | None = None, limit: Most = 50) -> StreamList:
        """List streams, the newest first; `before` is the last one of the page before."""
        return await asyncio.to_thread(self._streams.ls, before, limit)

    @route("GET", "/streams/{stream_id}")
    async def stream_standing(self, stream_id: str) -> StreamAbout:
        """Show a stream: its counts, lag, gaps, the newest prices."""
        return await asyncio.to_thread(self._streams.show, stream_id)

    @route("GET", "/streams/{stream_id}/gaps", key="gaps")
    async def stream_gaps(self, stream_id: str) -> list[dict[str, Any]]:
        """List what a stream missed, and what became of that."""
        return await asyncio.to_thread(self._streams.missed, stream_id)

    @route("GET", "/streams/{stream_id}/events", kind="events")
    async def stream_events(
        self, stream_id: str, last_event_id: str | None = None
    ) -> AsyncIterator[Event]:
        """Follow a stream until it has ended."""
        async for event in changes(lambda: self._streams.look(stream_id), last_event_id, FOLLOW_S):
            yield event

    @route("GET", "/streams/{stream_id}/ws", kind="socket")
    async def stream_live(self, stream_id: str) -> AsyncIterator[dict[str, Any]]:
        """Give the records of a stream as they are stored from now on, and how it stands."""
        async for message in self._streams.live(stream_id):
            yield message


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
