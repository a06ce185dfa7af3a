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
from raymill.market.interval import interval as interval_of
from raymill.market.moments import moment

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


def built(rows: pa.Table, of: Asked, asked: Asked, begin_us: int, known_us: int) -> pa.Table:
    """Bars of the interval that was asked for; the first one whole or not at all."""
    assert asked.interval is not None
    starts = interval_of(asked.interval)
    first = starts.starts(np.array([begin_us]))
    whole_us = int(first[0] if first[0] == begin_us else starts.ends(first)[0])
    at = arrow.to_numpy(arrow.cast(rows["ts"], pa.int64()))
    inside = arrow.keep_rows(rows, at >= whole_us)
    make = bars_of_trades if of.kind == "trade" else resampled
    return make(inside, asked.interval, known_until_us=known_us) if inside.num_rows else inside


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
