"""A page of stored bars as a service answers it: with what lacks named, and nobody asked."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from raymill.app.market import sources as installed
from raymill.app.market.rooms import MarketRooms, open_rooms
from raymill.app.market.series import MOST_HOLES, built, known_until, margin, read, stored
from raymill.app.market.vendors import known_symbols, source_that_has
from raymill.errors import NotFound, unknown
from raymill.market import notes
from raymill.market.asked import Asked, is_traded
from raymill.market.coverage import holes
from raymill.market.instrument import UNKNOWN, Instrument
from raymill.market.interval import DAY_US, INTERVALS, Interval
from raymill.market.moments import micros, moment
from raymill.market.screen.refusals import refusal, unknown_at

MONTH_US = 31 * DAY_US
WIDER = 4


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Stored bars in [begin, end), the first of them, and what lacks in the range.

    built_from: what the bars were made of, where none of the interval are stored. hint: the crawl
    that completes the range. after: where the next page begins, None behind the last bar.
    """

    source: str
    symbol: str
    interval: str
    begin_us: int
    end_us: int
    rows: list[dict[str, Any]]
    holes: list[tuple[int, int]]
    holes_total: int
    built_from: str | None = None
    after: str | None = None

    @property
    def lacking(self) -> list[str]:
        """What is not complete, in words, and how it is had."""
        found = [f"not complete: {moment(begin)} to {moment(end)}" for begin, end in self.holes]
        if self.holes:
            found.append(
                f"hint: raymill market crawl {self.source} {self.symbol} --interval "
                f"{self.interval} --start {moment(self.begin_us)} --end {moment(self.end_us)}"
            )
        return found


def history_page(
    symbol: str,
    *,
    source: str | None,
    interval: str,
    start: str | None,
    end: str | None,
    cursor: str | None,
    most: int,
) -> HistoryPage:
    """Read a page of stored bars; no source is asked.

    Raises NotFound, and ConfigError or UnknownName with the path of what is wrong.
    """
    if interval not in INTERVALS:
        raise unknown_at("interval", "interval", interval, INTERVALS)
    every = INTERVALS[interval]
    end_us = int(time.time() * 1e6) if end is None else micros(end, "end_date")
    begin_us = _back(every, end_us, most) if start is None else micros(start, "start_date")
    if begin_us >= end_us:
        raise refusal("end_date", f"is not behind `start_date` {moment(begin_us)}")
    rooms = open_rooms()
    venue, one = _bearer(rooms, symbol, source)
    number = one.instrument_id if one else UNKNOWN
    asked = Asked(venue, number, "bar", begin_us, end_us, every.name)
    name = one.symbol if one else symbol
    page = HistoryPage(venue, name, every.name, begin_us, end_us, [], [(begin_us, end_us)], 1)
    if one is None:
        return page
    first_us = begin_us if cursor is None else max(begin_us, micros(cursor, "cursor") + 1)
    of = stored(rooms, asked)
    rows = _first(rooms, one, of, replace(asked, begin_us=first_us), every, most + 1)
    gaps = list(_gaps(rooms, one, of))
    is_more = rows.num_rows > most
    shown = rows.slice(0, most).to_pylist()
    return replace(
        page,
        rows=shown,
        holes=gaps[:MOST_HOLES],
        holes_total=len(gaps),
        built_from=None if of == asked else " ".join(filter(None, (of.kind, of.interval))),
        after=_text(shown[-1]["ts"]) if is_more else None,
    )


def _text(at: Any) -> str:
    return moment(int(at.timestamp()) * 1_000_000 + at.microsecond)


def _back(every: Interval, end_us: int, bars: int) -> int:
    return max(0, end_us - bars * (every.length_us or MONTH_US))


def _bearer(rooms: MarketRooms, symbol: str, source: str | None) -> tuple[str, Instrument | None]:
    """Whose symbol it is; no instrument where the source is known, but was never asked."""
    venues = {one.venue for one in rooms.registry.all()}
    if source is not None:
        if source not in venues | set(installed.names()):
            raise unknown("source", source, venues | set(installed.names()), kind=NotFound)
        found = rooms.registry.find(source, symbol)
        if found is None and symbol.upper() not in known_symbols(source):
            known = [one.symbol for one in rooms.registry.all(source)] or known_symbols(source)
            raise _nobody(f"symbol of `{source}`:", symbol, known)
        return source, found
    found_ = [one for one in (rooms.registry.find(name, symbol) for name in sorted(venues)) if one]
    with rooms.database.reading() as execute:
        numbers = {series.instrument_id for series in notes.every_series(execute)}
    holding = [one for one in found_ if one.instrument_id in numbers] or found_
    if len(holding) > 1:
        named = ", ".join(one.venue for one in holding)
        raise refusal("source_id", f"is missing: `{symbol}` is one of {named}")
    if holding:
        return holding[0].venue, holding[0]
    if (well_known := source_that_has(symbol)) is not None:
        return well_known, None
    raise _nobody("symbol", symbol, [one.symbol for one in rooms.registry.all()])


def _nobody(what: str, symbol: str, known: list[str]) -> Exception:
    error = unknown(what, symbol, known, kind=NotFound)
    if len(known) > 20:
        error.hint = (error.hint or "").partition(" there are:")[0]
    return error


def _first(
    rooms: MarketRooms, one: Instrument, of: Asked, asked: Asked, every: Interval, most: int
) -> pa.Table:
    """The first bars of a range, without reading all of it where it is long."""
    bars = 2 * most
    while True:
        last_us = asked.begin_us + bars * (every.length_us or MONTH_US)
        last_us = int(every.starts(np.array([last_us]))[0])
        is_whole = last_us >= asked.end_us
        end_us = asked.end_us if is_whole else last_us
        part, of_part = (
            replace(each, begin_us=asked.begin_us, end_us=end_us) for each in (asked, of)
        )
        wide_us = margin(one, of_part, part)
        rows = read(rooms, one, of, asked.begin_us - wide_us, end_us + wide_us)
        if of_part != part:
            rows = built(rows, one, of_part, part, asked.begin_us, known_until(rooms, of))
        if is_whole or rows.num_rows >= most:
            return rows.slice(0, most)
        bars *= WIDER


def _gaps(rooms: MarketRooms, one: Instrument, of: Asked) -> Iterator[tuple[int, int]]:
    """What is not known to be complete, up to now."""
    with rooms.database.reading() as execute:
        spans = notes.coverage(execute, of.series)
    for hole in holes(spans, of.begin_us, of.end_us):
        if is_traded(one, of, *hole):
            yield hole
