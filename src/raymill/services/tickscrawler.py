"""The crawler of market data as a service: crawls, sources, stored history, streams."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from raymill.app.market.gatherings import Gatherings, Standing, failure, gather_of
from raymill.app.market.vendors import is_simulated, listed_sources, vendor
from raymill.app.workflows import Workflows
from raymill.config import settings
from raymill.config.service import ServiceSettings
from raymill.config.services import TickscrawlerSettings
from raymill.errors import Cancelled, SourceError
from raymill.market.gatherings import Gather, Gathering, Part, State
from raymill.services.glance import Glance
from raymill.services.models.tickscrawler import (
    CrawlAbout,
    Crawled,
    CrawlList,
    CrawlRequest,
    SourceAbout,
)
from raymill.services.route import Event, Reply, route
from raymill.services.runs import Seen, accepted, changes, settled, wait_of
from raymill.services.service import Service
from raymill.services.ticks import shown

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
        self._making = threading.Lock()
        # Not the threads of everything else: a source that hangs must not hold these up.
        self._upstream = ThreadPoolExecutor(settings_.max_crawls, "tickscrawler")
        self._glance = Glance(self._counted, settings().serve.glance_s)

    @cached_property
    def _workflows(self) -> Workflows:
        return Workflows()

    @property
    def _crawls(self) -> Gatherings:
        with self._making:
            return Gatherings(self._workflows)

    async def close(self) -> None:
        """Let go of the store."""
        self._upstream.shutdown(wait=False, cancel_futures=True)
        if "_workflows" in self.__dict__:
            self._workflows.close()

    async def about(self) -> dict[str, Any]:
        """What else stands in the status."""
        return dict(await self._glance.now())

    def _counted(self) -> dict[str, int]:
        crawls = self._crawls.table.counts()
        return {
            "available_sources": len(listed_sources()),
            "active_streams": 0,
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
            return await asyncio.get_running_loop().run_in_executor(self._upstream, work)

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


CRAWLS = "/api/tickscrawler/crawls"


def _about(now: Standing) -> CrawlAbout:
    given = now.to_dict()
    source = given["source"]
    return CrawlAbout(**given | {"source": vendor(source).name, "source_id": source})
