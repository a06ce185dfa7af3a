"""Crawls: what is asked for is completed hole by hole, and what is known is not asked for again.

Records, coverage and the place of the crawl are committed together. So a crawl that is killed at
any point goes on where it was: no hole stays, and nothing comes twice.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from raymill.errors import InputError
from raymill.flow.pool import StepContext
from raymill.log import get_logger
from raymill.market import notes
from raymill.market.asked import Asked, check_asked, is_traded, longest, reach
from raymill.market.coverage import Reason, holes
from raymill.market.instrument import Instrument
from raymill.market.interval import interval
from raymill.market.place import Place, keep_place, place_of, summary
from raymill.market.schemas import SCHEMAS, Kind
from raymill.market.sources.columns import together
from raymill.market.sources.contract import Page, PageRequest, fault_of
from raymill.market.sources.outlet import Outlet
from raymill.market.store import MarketStore, Written
from raymill.state.database import Execute
from raymill.state.lake_manifest import Fence, Once

MOST_ROWS = 50_000  # of a segment
MOST_S = 5.0  # that a segment grows
MIN_SPAN_US = 1_000_000
MERGE_EACH = 8  # segments

log = get_logger()


class Rooms(Protocol):
    """What a crawl uses."""

    @property
    def store(self) -> MarketStore:
        """Where records go."""

    def outlet(self, source: str) -> Outlet:
        """The way to a vendor."""

    def instrument(self, number: int) -> Instrument:
        """An instrument by its number."""


class _Mark(NamedTuple):
    """A range that is known, and why; `venue_empty` is what one empty answer says."""

    reason: Reason
    begin_us: int
    end_us: int


@dataclass(slots=True)
class _Segment:
    """Pages that will be committed together."""

    begun: float
    batches: list[pa.RecordBatch] = field(default_factory=list)
    also: list[tuple[Kind, pa.RecordBatch]] = field(default_factory=list)
    marks: list[_Mark] = field(default_factory=list)
    rows: int = 0

    def mark(self, reason: Reason, begin_us: int, end_us: int) -> None:
        """Note that a range is known; ranges of one reason that touch are one."""
        last = self.marks[-1] if self.marks else None
        if last is not None and last.reason == reason == "data" and last.end_us == begin_us:
            self.marks[-1] = last._replace(end_us=end_us)
        else:
            self.marks.append(_Mark(reason, begin_us, end_us))


class Crawl:
    """One crawl on its way.

    clock: counts how long a segment grows; most_rows, most_s: when it is committed; page_rows: the
    most records of a page, 0 for what the vendor gives.
    """

    def __init__(
        self,
        rooms: Rooms,
        asked: Asked,
        ctx: StepContext,
        *,
        clock: Callable[[], float] = time.monotonic,
        most_rows: int = MOST_ROWS,
        most_s: float = MOST_S,
        page_rows: int = 0,
    ) -> None:
        self.rooms, self.asked, self._ctx, self._clock = rooms, asked, ctx, clock
        self._store, self._outlet = rooms.store, rooms.outlet(asked.source)
        self._instrument = rooms.instrument(asked.instrument_id)
        self._fence = Fence(f"crawl/{ctx.run}", ctx.attempt)
        self._most_rows, self._most_s, self._page_rows = most_rows, most_s, page_rows
        self.place = Place(asked.begin_us)

    def run(self) -> dict[str, Any]:
        """Complete what was asked for; gives what came of it.

        Raises SourceError where the vendor is to be left alone, with `wait_s` in its details, and
        InputError where it refuses.
        """
        check_asked(self._outlet.source, self.asked)
        self._take_up()
        now_us = int(self._outlet.now() * 1e6)
        end_us = min(self.asked.end_us, now_us)
        begin_us = reach(self._outlet.source.capabilities, self.asked, now_us)
        self.place = replace(self.place, at_us=max(self.place.at_us, begin_us))
        while (hole := self._next(end_us)) is not None:
            self._fill(*hole)
        self._store.tidy(self.asked.kind)
        return summary(self.place, self.asked, begin_us, end_us)

    def _take_up(self) -> None:
        """Go on where an attempt before this one was; that one can commit nothing any more."""

        def read(execute: Execute) -> None:
            found = place_of(execute, self._ctx.run)
            if found is not None:
                self.place = found

        self._store.note(read, fence=self._fence)

    def _next(self, end_us: int) -> tuple[int, int] | None:
        """The next range that is not known to be complete, as long as the vendor takes it."""
        with self._store.database.reading() as execute:
            spans = notes.coverage(execute, self.asked.series)
        found = holes(spans, self.place.at_us, end_us)
        traded = (hole for hole in found if is_traded(self._instrument, self.asked, *hole))
        return next(traded, None)

    def _fill(self, begin_us: int, end_us: int) -> None:
        """Ask for the pages of a hole, as far as the vendor takes it at once."""
        cursor = self.place.cursor if self.place.at_us == begin_us else None
        at_us, segment = begin_us, _Segment(self._clock())
        while True:
            self._ctx.check()
            last_us = self._bounded(at_us, end_us)
            try:
                page = self._outlet.page(self._request(at_us, last_us, cursor))
            except InputError as error:
                if fault_of(error) != "range_too_long":
                    raise
                self._halve(at_us, last_us, error)
                continue
            reached_us = self._taken(page, at_us, last_us, segment)
            is_over = page.next_cursor is None
            at_us = last_us if is_over else max(reached_us, at_us)
            cursor = page.next_cursor
            if is_over or self._is_full(segment):
                self._commit(segment, at_us, cursor)
                segment = _Segment(self._clock())
            if is_over:
                return

    def _bounded(self, begin_us: int, end_us: int) -> int:
        span_us = self.place.span_us or longest(self._outlet.source.capabilities, self.asked)
        return min(end_us, begin_us + span_us) if span_us else end_us

    def _request(self, begin_us: int, end_us: int, cursor: str | None) -> PageRequest:
        return PageRequest(
            self._instrument,
            self.asked.kind,
            begin_us,
            end_us,
            int(self._outlet.now() * 1e6),
            self.asked.interval,
            cursor,
            self._page_rows,
        )

    def _halve(self, begin_us: int, end_us: int, error: InputError) -> None:
        span_us = (end_us - begin_us) // 2
        if span_us < MIN_SPAN_US:
            raise error
        log.info("crawl.halved", source=self.asked.source, span_s=span_us / 1e6)
        self.place = replace(self.place, span_us=span_us)

    def _is_full(self, segment: _Segment) -> bool:
        return segment.rows >= self._most_rows or self._clock() - segment.begun >= self._most_s

    def _taken(self, page: Page, begin_us: int, end_us: int, segment: _Segment) -> int:
        """Take a page into the segment. Gives up to when everything is known."""
        rows = page.records.num_rows
        reached_us = self._settled(min(page.complete_us, end_us))
        if rows:
            segment.batches.append(page.records)
        segment.also += page.also.items()
        segment.rows += rows
        self.place = replace(
            self.place,
            pages=self.place.pages + 1,
            rows=self.place.rows + rows,
            empty=self.place.empty + (not rows),
            bytes=self._outlet.traffic.bytes,
        )
        known_us = begin_us
        if page.listed_us is not None and page.listed_us > self.asked.begin_us:
            known_us = max(begin_us, min(page.listed_us, self.asked.end_us))
            segment.mark("before_listing", self.asked.begin_us, known_us)
        if reached_us > known_us:
            has_answer = rows > 0 or page.is_sure
            segment.mark("data" if has_answer else "venue_empty", known_us, reached_us)
        return reached_us

    def _settled(self, at_us: int) -> int:
        """Bars are complete up to the one that is under way."""
        if self.asked.kind != "bar" or self.asked.interval is None:
            return at_us
        now_us = int(self._outlet.now() * 1e6)
        return min(at_us, int(interval(self.asked.interval).starts(np.array([now_us]))[0]))

    def _know(self, execute: Execute, mark: _Mark) -> None:
        series = self.asked.series
        if mark.reason == "venue_empty":
            notes.is_empty(execute, series, mark.begin_us, mark.end_us, self._outlet.now())
        else:
            notes.is_known(execute, series, mark.begin_us, mark.end_us, mark.reason)

    def _commit(self, segment: _Segment, at_us: int, cursor: str | None) -> None:
        """Make the segment visible: records, what they cover, and the place, all at once."""
        now_us = int(self._outlet.now() * 1e6)
        venue = self._instrument.venue
        for kind, batch in segment.also:
            rows = pa.Table.from_batches([batch])
            self._store.put(kind, venue, rows, fence=self._fence, now_us=now_us)
        rows = together(segment.batches, SCHEMAS[self.asked.kind])
        place = replace(self.place, at_us=at_us, cursor=cursor, number=self.place.number + 1)

        def note(execute: Execute, written: Written) -> None:
            for mark in segment.marks:
                self._know(execute, mark)
            self.place = replace(
                place,
                new=place.new + written.new,
                replaced=place.replaced + written.replaced,
                unsound=place.unsound + written.unsound,
            )
            keep_place(execute, self._ctx.run, self.place, self._store.now())

        written = self._store.put(
            self.asked.kind,
            venue,
            rows,
            also=note,
            fence=self._fence,
            once_only=Once(f"crawl/{self._ctx.run}", place.number),
            now_us=now_us,
        )
        if place.number % MERGE_EACH == 0:
            self._store.tidy(self.asked.kind, written.folders)
