"""Crawls as the HTTP API knows them: done at once where that is quick, else by a run."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from raymill.app.market.gatherings import Gatherings, Standing, failure, gather_of
from raymill.app.market.vendors import is_simulated, vendor
from raymill.app.workflows import Workflows
from raymill.config.services import TickscrawlerSettings
from raymill.errors import Cancelled
from raymill.market.gatherings import Gather, Gathering, Part, State
from raymill.services.models.tickscrawler import CrawlAbout, Crawled, CrawlList, CrawlRequest
from raymill.services.route import Reply
from raymill.services.runs import Seen, accepted, settled, wait_of
from raymill.services.ticks import shown
from raymill.services.upstream import Upstream

CRAWLS = "/api/tickscrawler/crawls"


class Crawls:
    """The crawls of a home, begun and looked at."""

    def __init__(
        self, workflows: Callable[[], Workflows], upstream: Upstream, chosen: TickscrawlerSettings
    ) -> None:
        self._workflows, self._upstream, self._chosen = workflows, upstream, chosen

    @property
    def _known(self) -> Gatherings:
        return Gatherings(self._workflows())

    async def begin(self, body: CrawlRequest, wait: float | None) -> Reply[Crawled]:
        """Crawl, and give the records or where to look for them. Raises RaymillError."""
        patience_s = self._upstream.within_s
        wait_s = wait_of(wait, patience_s)
        ends = time.monotonic() + (patience_s if wait is None else wait_s)
        asked = await self._upstream.ask(body.source_id, lambda: self._read(body))
        within_s = min(patience_s, max(0.0, ends - time.monotonic()))
        is_brief = asked.begin_us is None and wait_s > 0
        hold_s = within_s if is_brief else 0.0
        one = await asyncio.to_thread(self._known.admit, asked, self._chosen.max_crawls, hold_s)
        if not (is_brief and await self._at_once(one, within_s, may_go_on=wait is not None)):
            await asyncio.to_thread(self._known.hand_over, one)
        seen = await settled(lambda: self._seen(one.crawl_id), max(0.0, ends - time.monotonic()))
        if seen.value.status in ("failed", "stopped"):
            raise failure(seen.value.gathering)
        made = await asyncio.to_thread(self._whole, seen.value)
        return Reply(made) if seen.is_over else accepted(made, f"{CRAWLS}/{one.crawl_id}")

    def _read(self, body: CrawlRequest) -> Gather:
        return gather_of(
            *(body.source_id, body.symbols, body.data_type, body.limit),
            interval=body.interval,
            start=body.start_date,
            end=body.end_date,
            timeout_s=self._chosen.timeout,
            within_s=self._upstream.within_s,
        )

    async def _at_once(self, one: Gathering, within_s: float, *, may_go_on: bool) -> bool:
        """Do a crawl here; False where it goes on elsewhere, as it takes too long."""
        parts, over = list[Part](), threading.Event()

        def gather() -> None:
            self._known.here(one, parts, over, within_s)

        try:
            await self._upstream.aside(gather, within_s)
        except TimeoutError:
            over.set()
            if parts or may_go_on:
                return False
            error = self._upstream.silent(one.asked.source)
            await asyncio.to_thread(self._known.fail, one, error)
            raise error from None
        except Cancelled:  # somebody stopped it
            return True
        return True

    def ls(self, state: State | None, before: str | None, most: int) -> CrawlList:
        """A page of crawls."""
        known = self._known
        found = known.ls(state=state, before=before, most=most)
        counts = {str(name): count for name, count in known.table.counts().items()}
        last = found[-1].gathering.crawl_id if len(found) == most else None
        return CrawlList(crawls=[_about(one) for one in found], counts=counts, next_before=last)

    def counts(self) -> dict[State, int]:
        """How many are in each state."""
        return self._known.table.counts()

    def show(self, crawl_id: str) -> Crawled:
        """A crawl with its records. Raises NotFound."""
        return self._whole(self._known.standing(crawl_id))

    def look(self, crawl_id: str) -> Seen[Any]:
        """How a crawl stands, for those who follow it. Raises NotFound."""
        seen = self._seen(crawl_id)
        return Seen(seen.number, _about(seen.value).model_dump(), seen.is_over)

    def stop(self, crawl_id: str) -> CrawlAbout:
        """Stop a crawl. Raises NotFound, Conflict."""
        return _about(self._known.stop(crawl_id))

    def _seen(self, crawl_id: str) -> Seen[Standing]:
        now = self._known.standing(crawl_id)
        return Seen(now.number, now, now.is_over)

    def _whole(self, now: Standing) -> Crawled:
        one = now.gathering
        rows = self._known.rows(one)
        data = [shown(one.asked.data_type, symbol, row) for symbol, row in rows]
        is_made_up = is_simulated(one.asked.source)
        about = _about(now).model_dump()
        return Crawled(**about, data=data, total_records=len(data), simulated=is_made_up)


def _about(now: Standing) -> CrawlAbout:
    given = now.to_dict()
    source = given["source"]
    return CrawlAbout(**given | {"source": vendor(source).name, "source_id": source})
