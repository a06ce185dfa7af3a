"""Stored records of one instrument: which series answers, what is built from it, what lacks."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.app.market.rooms import MarketRooms
from raymill.market import notes
from raymill.market.asked import Asked, is_traded
from raymill.market.bars import bars_of_trades, resampled
from raymill.market.coverage import holes
from raymill.market.instrument import Instrument
from raymill.market.interval import DAY_US
from raymill.market.interval import interval as interval_of
from raymill.market.moments import moment
from raymill.market.sessions import days_of

MOST_HOLES = 20


def stored(rooms: MarketRooms, asked: Asked) -> Asked:
    """What is stored that answers: the same, the largest smaller bars, or trades."""
    with rooms.database.reading() as execute:
        every = notes.every_series(execute)
    own = [one for one in every if (one.instrument_id, one.source) == asked.series[::3]]
    names = [one.interval for one in own if one.kind == "bar" and one.interval]
    if asked.kind != "bar" or asked.interval is None or asked.interval in names:
        return asked
    wanted = interval_of(asked.interval)
    smaller = [name for name in names if wanted.holds(interval_of(name))]
    if smaller:
        return replace(asked, interval=max(smaller, key=lambda name: interval_of(name).length_us))
    has_trades = any(one.kind == "trade" for one in own)
    return replace(asked, kind="trade", interval=None) if has_trades else asked


def read(
    rooms: MarketRooms,
    one: Instrument,
    of: Asked,
    begin_us: int,
    end_us: int,
    snapshot: int | None = None,
) -> pa.Table:
    """Its records in [begin, end)."""
    return rooms.store.read(
        of.kind,
        [one.instrument_id],
        begin_us,
        end_us,
        venue=one.venue,
        interval=of.interval,
        source=of.source,
        snapshot=snapshot,
    )


def margin(one: Instrument, of: Asked, asked: Asked) -> int:
    """How far around a range records may lie of which its bars are built: days of a venue are not
    those of UTC."""
    is_long = asked.interval is not None and interval_of(asked.interval).is_daily
    if of == asked or not is_long or (of.interval and interval_of(of.interval).is_daily):
        return 0
    return 0 if days_of(one) is None else 2 * DAY_US


def built(
    rows: pa.Table, one: Instrument, of: Asked, asked: Asked, begin_us: int, known_us: int
) -> pa.Table:
    """Bars of the interval that was asked for from `begin_us` on, out of records of the range with
    its margin; the first bar is whole or not there, and one that is cut at the end is open."""
    assert asked.interval is not None
    every, wide_us = interval_of(asked.interval), margin(one, of, asked)
    first = every.starts(np.array([begin_us]))
    whole_us = int(first[0] if first[0] == begin_us else every.ends(first)[0])
    known_us = min(known_us, asked.end_us + wide_us)
    make = bars_of_trades if of.kind == "trade" else resampled
    if not rows.num_rows:
        return rows
    bars = make(rows, asked.interval, known_until_us=known_us, days=days_of(one))
    at = arrow.to_numpy(arrow.cast(bars["ts"], pa.int64()))
    return arrow.keep_rows(bars, (at >= whole_us) & (at < asked.end_us))


def known_until(rooms: MarketRooms, of: Asked) -> int:
    """Where what is known of it ends."""
    with rooms.database.reading() as execute:
        spans = notes.coverage(execute, of.series)
    return max((span.end for span in spans), default=of.end_us)


def lacking(rooms: MarketRooms, one: Instrument, asked: Asked) -> Iterator[str]:
    """What is not complete in a range, in words, and how it is had."""
    with rooms.database.reading() as execute:
        spans = notes.coverage(execute, asked.series)
    found = holes(spans, asked.begin_us, asked.end_us)
    open_ = [hole for hole in found if is_traded(one, asked, *hole)]
    for begin_us, end_us in open_[:MOST_HOLES]:
        yield f"not complete: {moment(begin_us)} to {moment(end_us)}"
    if open_:
        what = f"--interval {asked.interval}" if asked.interval else f"--kind {asked.kind}"
        first, last = moment(asked.begin_us), moment(asked.end_us)
        yield (
            f"hint: raymill market crawl {asked.source} {one.symbol} {what} "
            f"--start {first} --end {last}"
        )
