"""Stored bars as strategies run over them: found by symbol, read at one state of the lake."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from raymill import arrow
from raymill.app.market.rooms import MarketRooms
from raymill.app.market.series import built, known_until, lacking, margin, read, stored
from raymill.app.market.sources import names
from raymill.arrow import Array
from raymill.errors import ConfigError, NotStored, unknown
from raymill.market import notes
from raymill.market.asked import LAST_US, Asked
from raymill.market.factors import Factors, adjusted, factors_of
from raymill.market.instrument import Instrument
from raymill.market.interval import interval as interval_of
from raymill.market.moments import moment
from raymill.market.notes import Series
from raymill.market.prices import FIELDS, Adjust, Prices
from raymill.market.wanted import Wanted

ORDER: tuple[Adjust, ...] = ("raw", "split", "total")


@dataclass(frozen=True, slots=True)
class Found:
    """Where bars of one instrument lie: what is asked for, and of what they are made."""

    instrument: Instrument
    asked: Asked
    of: Asked


@dataclass(frozen=True, slots=True)
class StoredPrices:
    """Bars of one instrument, where they came from, and what lacks, in words."""

    bars: Prices
    origin: dict[str, Any]
    lacking: tuple[str, ...]


def find_bars(rooms: MarketRooms, wanted: Wanted) -> list[Found]:
    """Find stored bars of each symbol. Raises NotStored with the crawl to do, UnknownName."""
    every = interval_of(wanted.interval).name
    known = {*names(), *(one.venue for one in rooms.registry.all())}
    for source in wanted.sources:
        if source not in known:
            raise unknown("source", source, known)
    begin, end = wanted.begin_us, wanted.end_us
    if begin is not None and end is not None and begin >= end:
        raise ConfigError(f"The range ends at {moment(end)}, not behind {moment(begin)}")
    if not wanted.symbols:
        raise ConfigError("There is no symbol to run over", hint='name one, as in "symbol": "AAPL"')
    return [_found(rooms, wanted, every, symbol) for symbol in wanted.symbols]


def _found(rooms: MarketRooms, wanted: Wanted, every: str, symbol: str) -> Found:
    sources = wanted.sources or tuple(sorted({one.venue for one in rooms.registry.all()}))
    bearers = [one for one in (rooms.registry.find(name, symbol) for name in sources) if one]
    found = [one for one in (_series(rooms, wanted, every, each) for each in bearers) if one]
    if not found:
        raise _not_stored(wanted, every, symbol, [one.venue for one in bearers])
    return max(found, key=lambda one: (one.of == one.asked, one.asked.end_us, _first(one)))


def _first(one: Found) -> int:
    return -one.asked.begin_us


def _series(rooms: MarketRooms, wanted: Wanted, every: str, one: Instrument) -> Found | None:
    """The bars of an instrument within the range, None where there are none."""
    whole = Asked(one.venue, one.instrument_id, "bar", 0, LAST_US, every)
    of = stored(rooms, whole)
    with rooms.database.reading() as execute:
        spans = notes.coverage(execute, of.series)
    holding = [span for span in spans if span.value == "data"]
    if not holding:
        return None
    first, last = holding[0].begin, holding[-1].end
    begin = first if wanted.begin_us is None else wanted.begin_us
    end = last if wanted.end_us is None else wanted.end_us
    if begin >= last or end <= first or begin >= end:
        return None
    return Found(one, *(replace(each, begin_us=begin, end_us=end) for each in (whole, of)))


def _not_stored(wanted: Wanted, every: str, symbol: str, sources: Sequence[str]) -> NotStored:
    begin = "2020-01-01" if wanted.begin_us is None else moment(wanted.begin_us)
    end = "" if wanted.end_us is None else f" --end {moment(wanted.end_us)}"
    named = wanted.sources or sources
    source = named[0] if len(named) == 1 else "SOURCE"
    by = f" of `{' or '.join(wanted.sources)}`" if wanted.sources else ""
    within = "" if wanted.begin_us is None and wanted.end_us is None else " in that range"
    return NotStored(
        f"No bars of {every} of `{symbol}`{by} are stored{within}",
        hint=f"raymill market crawl {source} {symbol} --interval {every} --start {begin}{end}",
        symbol=symbol,
        interval=every,
    )


def read_bars(rooms: MarketRooms, found: Iterable[Found], wanted: Wanted) -> list[StoredPrices]:
    """Read bars as they are at one moment. Raises NotStored, ConfigError."""
    with rooms.store.lake.hold() as snapshot:
        return [_read(rooms, one, wanted, snapshot) for one in found]


def _read(rooms: MarketRooms, one: Found, wanted: Wanted, snapshot: int) -> StoredPrices:
    asked, of = one.asked, one.of
    wide_us = margin(one.instrument, of, asked)
    begin_us, end_us = asked.begin_us - wide_us, asked.end_us + wide_us
    rows = read(rooms, one.instrument, of, begin_us, end_us, snapshot)
    if of.kind == "bar":
        rows = _of_one_adjustment(rows, one.instrument, wanted.adjust)
    if of != asked:
        rows = built(rows, one.instrument, of, asked, asked.begin_us, known_until(rooms, of))
    rows = arrow.keep_rows(rows, arrow.to_numpy(arrow.combine(rows["closed"])).astype(bool))
    if not rows.num_rows:
        raise _not_stored(wanted, asked.interval or "", one.instrument.symbol, [asked.source])
    bars = _adjusted(rooms, one.instrument, _prices(rows, one.instrument.symbol), wanted)
    origin = {
        "source": asked.source,
        "symbol": one.instrument.symbol,
        "interval": asked.interval,
        "built_from": None if of == asked else " ".join(filter(None, (of.kind, of.interval))),
        "begin": moment(asked.begin_us),
        "end": moment(asked.end_us),
        "lake_snapshot": snapshot,
        "as_of": wanted.as_of and wanted.as_of.isoformat(),
    }
    return StoredPrices(bars, origin, tuple(lacking(rooms, one.instrument, of)))


def _of_one_adjustment(rows: pa.Table, one: Instrument, adjust: Adjust | None) -> pa.Table:
    """The bars that are adjusted as wanted, or from which such ones can be made."""
    words = set(arrow.unique(_decoded(rows, "adj")).to_pylist())
    kinds = [kind for kind in ORDER if kind in words]
    if not kinds:
        return rows
    if adjust is None or adjust in kinds:
        chosen = kinds[0] if adjust is None else adjust
    elif adjust == "raw" or kinds[0] == "total":
        raise ConfigError(
            f"Bars of `{one.symbol}` of `{one.venue}` are adjusted for `{kinds[0]}`, and cannot "
            f"become `{adjust}`",
            hint=f"--adjust {kinds[0]}",
        )
    else:
        chosen = kinds[0]
    return arrow.keep_rows(rows, arrow.equal(_decoded(rows, "adj"), chosen))


def _decoded(rows: pa.Table, name: str) -> Array:
    return arrow.dictionary_decode(arrow.combine(rows[name]))


def _prices(rows: pa.Table, symbol: str) -> Prices:
    times = arrow.to_numpy(arrow.cast(arrow.combine(rows["ts"]), pa.int64()))
    columns = {name: arrow.to_numpy(arrow.combine(rows[name])) for name in FIELDS}
    adjust: Adjust = _decoded(rows, "adj")[0].as_py()
    return Prices(symbol, times, adjust=adjust, **columns)


def _adjusted(rooms: MarketRooms, one: Instrument, bars: Prices, wanted: Wanted) -> Prices:
    adjust = wanted.adjust or bars.adjust
    if adjust == bars.adjust:
        return adjusted(bars, None, adjust, wanted.as_of)
    factors = _factors(rooms, one, bars)
    made = adjusted(replace(bars, adjust="raw"), factors, adjust, wanted.as_of)
    return replace(made, adjust=adjust)


def _factors(rooms: MarketRooms, one: Instrument, bars: Prices) -> Factors:
    """Factors for what the bars are not adjusted for yet. Raises NotStored without actions."""
    actions = rooms.store.read("corporate_action", [one.instrument_id], 0, LAST_US, venue=one.venue)
    if not actions.num_rows and not _knows_actions(rooms, one):
        raise NotStored(
            f"No splits and dividends of `{one.symbol}` of `{one.venue}` are stored",
            hint=f"raymill market crawl {one.venue} {one.symbol} --kind corporate_action "
            f"--start {moment(int(bars.ts[0]))[:10]}, or --adjust {bars.adjust}",
            symbol=one.symbol,
        )
    return factors_of(_missing(actions, bars.adjust), bars)


def _missing(actions: pa.Table, adjust: Adjust) -> pa.Table:
    if adjust == "raw":
        return actions
    return arrow.keep_rows(actions, arrow.not_equal(_decoded(actions, "kind"), "split"))


def _knows_actions(rooms: MarketRooms, one: Instrument) -> bool:
    series = Series(one.instrument_id, "corporate_action", None, one.venue)
    with rooms.database.reading() as execute:
        return bool(notes.coverage(execute, series))
