"""Files into the lake: read, checked, stored once, and known to be complete where they reach."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.app.market.rooms import MarketRooms, open_rooms
from raymill.errors import ConfigError
from raymill.market import notes
from raymill.market.calendar import calendar as calendar_of
from raymill.market.interval import interval as interval_of
from raymill.market.moments import moment
from raymill.market.notes import Series
from raymill.market.schemas import Adjusted, Kind
from raymill.market.sources import file
from raymill.market.sources.contract import Listing
from raymill.state.database import Execute

SOURCE = "file"


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file."""

    file: str
    kind: Kind
    interval: str | None
    symbols: list[str]
    rows: int
    new: int
    replaced: int
    known: int
    unsound: int
    begin: str | None
    end: str | None
    reasons: Mapping[str, int] = field(default_factory=dict)


def import_file(
    path: str | Path,
    kind: Kind = "bar",
    *,
    symbol: str | None = None,
    interval: str | None = None,
    unit: str | None = None,
    adjusted: Adjusted = "raw",
    calendar: str | None = None,
    rooms: MarketRooms | None = None,
) -> Imported:
    """Store the records of a CSV or Parquet file.

    symbol: of all of them, else their column `symbol` or the file's name; interval: of bars, told
    by the times if not given; unit: of times that are numbers (s, ms, us); calendar: whose sessions
    make the days of these instruments (`XNYS`, `24/5`; `24/7`, if it was never said).

    Raises InputError, DataError, ConfigError, StoreError.
    """
    rooms = rooms or open_rooms()
    found = file.read(path, kind, every=interval, unit=unit, adjusted=adjusted)
    by_symbol = _named(found.symbols, symbol, path)
    numbers = _registered(rooms, by_symbol, path, calendar)
    places = np.concatenate([np.asarray(at) for at in by_symbol.values()])
    owners = np.concatenate(
        [np.full(len(at), numbers[name], np.int32) for name, at in by_symbol.items()]
    )
    rows = pa.Table.from_batches([arrow.take_rows(found.records, places)])
    rows = arrow.with_column(rows, "instrument_id", owners)
    ranges = {name: _range(found, at) for name, at in by_symbol.items() if len(at)}

    def note(execute: Execute, written: object) -> None:
        for name, (begin_us, end_us) in ranges.items():
            series = Series(numbers[name], kind, found.interval, SOURCE)
            notes.is_known(execute, series, begin_us, end_us, "data")

    written = rooms.store.put(kind, SOURCE, rows, also=note)
    rooms.store.tidy(kind, written.folders)
    begins = [begin for begin, _ in ranges.values()]
    ends = [end for _, end in ranges.values()]
    return Imported(
        str(path),
        kind,
        found.interval,
        list(by_symbol),
        rows.num_rows,
        written.new,
        written.replaced,
        written.known,
        written.unsound,
        moment(min(begins)) if begins else None,
        moment(max(ends)) if ends else None,
        dict(written.reasons),
    )


def _named(
    symbols: Mapping[str, NDArray[np.int64]], symbol: str | None, path: str | Path
) -> dict[str, NDArray[np.int64]]:
    if symbol is None:
        return dict(symbols)
    if len(symbols) > 1:
        raise ConfigError(
            f"`{path}` holds {len(symbols)} symbols", hint="leave `--symbol` out: its column says"
        )
    return {symbol.upper(): next(iter(symbols.values()))}


def _registered(
    rooms: MarketRooms, symbols: Iterable[str], path: str | Path, calendar: str | None
) -> dict[str, int]:
    """The numbers of symbols; a calendar that is given is theirs from now on."""
    registry = rooms.registry
    known = {one.symbol: one for one in registry.all(SOURCE)}
    found = {name: known.get(name) or file.instrument(name, path) for name in symbols}
    if calendar is not None:
        name = calendar_of(calendar).name
        found = {symbol: replace(one, calendar=name) for symbol, one in found.items()}
    new = [one for one in found.values() if one != known.get(one.symbol)]
    made = {one.symbol: one for one in registry.register(SOURCE, Listing(new))} if new else {}
    return {name: (made.get(name) or known[name]).instrument_id for name in found}


def _range(found: file.Read, at: NDArray[np.int64]) -> tuple[int, int]:
    """From the first record to the end of the last."""
    times = found.times[at]
    last = np.array([times.max()])
    end_us = interval_of(found.interval).ends(last)[0] if found.interval else last[0] + 1
    return int(times.min()), int(end_us)
