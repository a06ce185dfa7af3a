"""Records of several symbols, had at once: the newest ones, or those of a range; all are stored."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.app.market.rooms import MarketRooms, open_rooms
from raymill.app.market.series import read
from raymill.errors import InputError
from raymill.flow.pool import StepContext
from raymill.market import notes
from raymill.market.asked import Asked
from raymill.market.calendar import EveryDay, calendar
from raymill.market.crawl import Crawl
from raymill.market.gatherings import Gather, Part
from raymill.market.instrument import Instrument
from raymill.market.interval import DAY_US, MINUTE_US, interval
from raymill.market.notes import Series
from raymill.market.schemas import SCHEMAS
from raymill.market.sources.columns import together
from raymill.market.sources.contract import Newest, PageRequest
from raymill.market.sources.outlet import Outlet
from raymill.state.database import Execute

TRIES = 4  # wider and wider spans of time in which the newest records are looked for
WIDER = 4
MONTH_US = 31 * DAY_US


def gather(given: dict[str, Any], ctx: StepContext) -> list[list[int]]:
    """Have what was asked for as a step. Gives where the records of each symbol lie."""
    parts = gathering(open_rooms(ctx), Gather.of(given), ctx)
    return [list(part) for part in parts]


def gathering(rooms: MarketRooms, asked: Gather, ctx: StepContext) -> Iterator[Part]:
    """Have the records of one symbol after the other; gives where those of each lie.

    Raises SourceError, InputError, Cancelled.
    """

    def check() -> None:
        ctx.check()
        if asked.until and time.time() > asked.until:
            raise InputError(
                "The crawl took longer than it may; TICKSCRAWLER_TIMEOUT says how long"
            )

    for place, number in enumerate(asked.instruments):
        check()
        part = StepContext(f"{ctx.run}/{place}", attempt=ctx.attempt, check=check)
        one = rooms.instrument(number)
        if asked.begin_us is None or asked.end_us is None:
            yield newest(rooms, one, asked, part)
        else:
            of = _asked(asked, number, asked.begin_us, asked.end_us)
            Crawl(rooms, of, part).run()
            yield Part(asked.begin_us, asked.end_us, _held(rooms, one, of))


def _asked(asked: Gather, number: int, begin_us: int, end_us: int) -> Asked:
    return Asked(asked.source, number, asked.kind, begin_us, end_us, asked.interval)


def _held(rooms: MarketRooms, one: Instrument, of: Asked) -> int:
    """How many records of a range are stored."""
    rows = rooms.store.read(
        *(of.kind, [of.instrument_id], of.begin_us, of.end_us),
        venue=one.venue,
        interval=of.interval,
        source=of.source,
        columns=("instrument_id", "ts"),
    )
    return rows.num_rows


def newest(rooms: MarketRooms, one: Instrument, asked: Gather, ctx: StepContext) -> Part:
    """Have the newest records of an instrument, and store them.

    A source that tells them is asked for them; else a span of time up to now is completed, and a
    longer one where too few lie in it. Raises SourceError, InputError, Cancelled.
    """
    outlet = rooms.outlet(asked.source)
    if asked.kind == "trade" and isinstance(outlet.source, Newest):
        return _told(rooms, outlet, one, asked)
    known, now_us = -1, int(outlet.now() * 1e6)
    for number, width_us in enumerate(_widths(outlet, one, asked)):
        span = _asked(asked, one.instrument_id, max(0, now_us - width_us), now_us)
        part = StepContext(f"{ctx.run}/{number}", attempt=ctx.attempt, check=ctx.check)
        Crawl(rooms, span, part).run()
        end_us = int(outlet.now() * 1e6) + 1  # a quote of now is younger than the question
        rows = read(rooms, one, span, span.begin_us, end_us)
        if rows.num_rows >= asked.most or rows.num_rows == known:
            break
        known = rows.num_rows
    return _last(rows, asked.most, now_us)


def _last(rows: pa.Table, most: int, now_us: int) -> Part:
    """Where the newest of some records lie."""
    at = arrow.to_numpy(arrow.cast(arrow.combine(rows["ts"]), pa.int64()))
    if not len(at):
        return Part(now_us, now_us)
    return Part(int(np.sort(at)[-most:][0]), int(at.max()) + 1, min(most, len(at)))


def _widths(outlet: Outlet, one: Instrument, asked: Gather) -> Iterator[int]:
    """How far back is looked, again and again."""
    able = outlet.source.capabilities
    if asked.kind == "bar":
        every = interval(asked.interval or "1m")
        width_us = _stretched(one, (asked.most + 1) * (every.length_us or MONTH_US))
    else:
        width_us = 10 * MINUTE_US
    reach_us = able.back_us.get(asked.interval or asked.kind, 0)
    is_of_now = asked.kind == "quote" and "quote" not in able.page_rows
    for _ in range(1 if is_of_now else TRIES):
        yield min(width_us, reach_us) if reach_us else width_us
        width_us *= WIDER


def _stretched(one: Instrument, width_us: int) -> int:
    """So much time in sessions, as time of the clock: with nights, weekends and holidays."""
    found = calendar(one.calendar)
    if isinstance(found, EveryDay) and not found.weekdays_only:
        return width_us
    if isinstance(found, EveryDay) or width_us >= 5 * DAY_US:
        return width_us * 8 // 5 + 5 * DAY_US
    return width_us * 6 + 5 * DAY_US


def _told(rooms: MarketRooms, outlet: Outlet, one: Instrument, asked: Gather) -> Part:
    """The newest trades as the source tells them; their numbers say that none lies in between."""
    batches: list[pa.RecordBatch] = []
    cursor, left = None, asked.most
    while left > 0:
        now_us = int(outlet.now() * 1e6)
        wanted = PageRequest(one, "trade", 0, now_us, now_us, cursor=cursor, limit=left)
        page = outlet.newest(wanted)
        batches.insert(0, page.records)
        left -= page.records.num_rows
        cursor = page.next_cursor
        if cursor is None:
            break
    rows = together(batches, SCHEMAS["trade"])
    now_us = int(outlet.now() * 1e6)
    found = _last(rows, asked.most, now_us)
    series = Series(one.instrument_id, "trade", None, asked.source)

    def note(execute: Execute, _: object) -> None:
        first, last = found.begin_us + 1000, found.end_us - 1  # others may share a millisecond
        if first < last:
            notes.is_known(execute, series, first, last, "data")

    rooms.store.put("trade", one.venue, rows, also=note, now_us=now_us)
    return found


def rows_of(rooms: MarketRooms, asked: Gather, place: int, part: Part) -> list[dict[str, Any]]:
    """The records of one symbol: the last ones where the newest were asked for, else the first."""
    if part.begin_us >= part.end_us:
        return []
    number = asked.instruments[place]
    of = _asked(asked, number, part.begin_us, part.end_us)
    rows = read(rooms, rooms.instrument(number), of, part.begin_us, part.end_us)
    begin = max(0, rows.num_rows - asked.most) if asked.begin_us is None else 0
    return rows.slice(begin, asked.most).to_pylist()
