"""What there is: sources, instruments, stored records, coverage; nothing is crawled."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.app.market import sources as installed
from raymill.app.market.rooms import MarketRooms, open_rooms, rules
from raymill.app.market.series import built, known_until, lacking, margin, read, stored
from raymill.errors import RaymillError
from raymill.market import notes
from raymill.market.asked import Asked, is_traded
from raymill.market.bars import Fill, filled
from raymill.market.calendar import calendar
from raymill.market.coverage import holes
from raymill.market.instrument import Instrument
from raymill.market.interval import Times
from raymill.market.interval import interval as interval_of
from raymill.market.moments import micros, moment
from raymill.market.notes import Series
from raymill.market.schemas import Kind
from raymill.market.sessions import Days
from raymill.market.sources.contract import LimitRule


def sources() -> list[dict[str, Any]]:
    """The sources that are enabled: what they have, how much may be asked."""
    rooms = open_rooms()
    return [_source(name, rooms) for name in installed.names()]


def _source(name: str, rooms: MarketRooms) -> dict[str, Any]:
    about: dict[str, Any] = {"source": name, "kinds": [], "intervals": [], "adjusted": ""}
    about |= {"streaming": "no", "limits": "", "needs_key": False, "simulated": False, "note": ""}
    try:
        made = installed.open_source(name)
    except RaymillError as error:
        return about | {"note": f"{error.message}; {error.hint}" if error.hint else error.message}
    able = made.capabilities
    limits = rules(made, rooms.registry.limits(name))
    note = "simulated: nothing in it is a price" if able.simulated else ""
    if able.needs_key and not installed.has_key(name):
        note = f"needs a key: export {installed.KEYS.get(name, 'its key')}=..."
    return about | {
        "kinds": list(able.kinds),
        "intervals": list(able.intervals),
        "adjusted": able.adjusted if "bar" in able.kinds else "",
        "streaming": able.streaming,
        "limits": ", ".join(map(_limit, limits)),
        "needs_key": able.needs_key,
        "simulated": able.simulated,
        "note": note,
    }


def _limit(rule: LimitRule) -> str:
    """A limit as people read it."""
    if rule.per == "day":
        return f"{rule.count:g} {rule.counts} a day"
    return f"{rule.count:g} {rule.counts} in {rule.per_s:g} s"


def instruments(source: str) -> list[dict[str, Any]]:
    """The instruments of a source; they are asked for where they were never listed."""
    rooms = open_rooms()
    outlet = rooms.outlet(source)
    if outlet.source.capabilities.lists and not rooms.registry.listed(source):
        rooms.registry.register(source, outlet.instruments(), is_whole=True)
    return [asdict(one) for one in rooms.registry.all(source)]


@dataclass(frozen=True, slots=True)
class History:
    """Stored records as rows, and in words what lacks and what they were built from."""

    rows: list[dict[str, Any]]
    lacking: list[str]


def history(
    source: str,
    symbol: str,
    kind: Kind,
    begin_us: int,
    end_us: int,
    *,
    interval: str = "1d",
    most: int = 1000,
    after: str | None = None,
    fill: Fill = "none",
) -> History:
    """Stored records of an instrument in [begin, end).

    Bars of an interval of which none is stored are built from smaller ones or from trades. `fill`
    adds bars where nothing was traded while the venue was open. Raises UnknownName, ConfigError.
    """
    rooms = open_rooms()
    one = rooms.registry.named(source, symbol)
    every = interval_of(interval).name if kind == "bar" else None
    asked = Asked(source, one.instrument_id, kind, begin_us, end_us, every)
    after_us = begin_us if after is None else max(begin_us, micros(after, "--after") + 1)
    is_filled = kind == "bar" and fill != "none"
    first_us = begin_us if is_filled else after_us  # what is filled up depends on bars before
    of = stored(rooms, asked)
    wide_us = margin(one, of, asked)
    rows = read(rooms, one, of, first_us - wide_us, end_us + wide_us)
    said = list(lacking(rooms, one, replace(of, begin_us=begin_us, end_us=end_us)))
    if of != asked:
        rows = built(rows, one, of, asked, first_us, known_until(rooms, of))
        said.insert(0, f"built from {of.kind}s" + (f" of {of.interval}" if of.interval else ""))
    if is_filled:
        with rooms.database.reading() as execute:
            spans = notes.coverage(execute, of.series)
        rows = _filled_up(rows, one, fill, holes(spans, begin_us, end_us))
        rows = arrow.keep_rows(rows, _times(rows) >= after_us)
    return History([_row(row) for row in rows.slice(0, most).to_pylist()], said)


def _filled_up(
    rows: pa.Table, one: Instrument, fill: Fill, unknown: Sequence[tuple[int, int]]
) -> pa.Table:
    """Closed bars, filled up where it is known that nothing was traded while the venue was open."""
    closed = arrow.keep_rows(rows, rows["closed"])
    found = filled(closed, fill, Days(calendar(one.calendar), one.timezone))
    at, is_made = _times(found), ~np.isin(_times(found), _times(closed))
    for begin_us, end_us in unknown:
        is_made &= (at < begin_us) | (at >= end_us)
    return arrow.keep_rows(found, is_made | np.isin(at, _times(closed)))


def _times(rows: pa.Table) -> Times:
    return np.asarray(arrow.to_numpy(arrow.cast(rows["ts"], pa.int64())), np.int64)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name != "instrument_id"}
    return {name: _plain(value) for name, value in kept.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(int(value.timestamp()) * 1_000_000 + value.microsecond)
    return value


def coverage(source: str | None, symbols: Sequence[str]) -> list[dict[str, str]]:
    """What is known to be complete, in order, with the holes in between."""
    rooms = open_rooms()
    wanted = {symbol.upper() for symbol in symbols}
    found: list[dict[str, str]] = []
    with rooms.database.reading() as execute:
        every = notes.every_series(execute)
    for series in every:
        one = rooms.instrument(series.instrument_id)
        if source in (None, series.source) and (not wanted or one.symbol.upper() in wanted):
            found += _spans(rooms, one, series)
    return found


def _spans(rooms: MarketRooms, one: Instrument, series: Series) -> Iterator[dict[str, str]]:
    with rooms.database.reading() as execute:
        spans = notes.coverage(execute, series)
    asked = Asked(
        series.source,
        series.instrument_id,
        series.kind,
        spans[0].begin,
        spans[-1].end,
        series.interval,
    )
    between: list[tuple[int, int, str]] = [
        (begin, end, "hole")
        for begin, end in holes(spans, spans[0].begin, spans[-1].end)
        if is_traded(one, asked, begin, end)
    ]
    kind = f"{series.kind} {series.interval}" if series.interval else series.kind
    for begin, end, reason in sorted([*((s.begin, s.end, s.value) for s in spans), *between]):
        yield {
            "source": series.source,
            "symbol": one.symbol,
            "kind": kind,
            "begin": moment(begin),
            "end": moment(end),
            "reason": reason,
        }


def unsound(source: str | None, symbols: Sequence[str], most: int) -> list[dict[str, Any]]:
    """The newest records that were set aside, with the reasons."""
    rooms, wanted = open_rooms(), {symbol.upper() for symbol in symbols}
    with rooms.database.reading() as execute:
        found = notes.quarantine(execute, most=most)
    rows = []
    for one in found:
        symbol = rooms.instrument(one.instrument_id).symbol if one.instrument_id else ""
        if source in (None, one.source) and (not wanted or symbol.upper() in wanted):
            at = None if one.ts is None else moment(one.ts)
            about = {"source": one.source, "symbol": symbol, "kind": one.kind, "ts": at}
            rows.append({**about, "reason": one.reason, "record": one.record})
    return rows


def revised(source: str | None, symbols: Sequence[str], most: int) -> list[dict[str, Any]]:
    """The newest closed bars that their source changed: what they were, what they became."""
    rooms, wanted = open_rooms(), {symbol.upper() for symbol in symbols}
    rows = []
    for one in rooms.registry.all(source):
        if wanted and one.symbol.upper() not in wanted:
            continue
        with rooms.database.reading() as execute:
            found = notes.revisions(execute, one.instrument_id, most)
        for each in found:
            kind = f"{each.kind} {each.interval}" if each.interval else each.kind
            about = {"source": each.source, "symbol": one.symbol, "kind": kind}
            values = {"ts": moment(each.ts), "before": each.before, "after": each.after}
            rows.append(about | values)
    return rows[:most]
