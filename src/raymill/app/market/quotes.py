"""Quotes as scanners look at them: stored ones, or those of files, by time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.app.market.rooms import MarketRooms
from raymill.app.market.sources import names
from raymill.errors import ConfigError, InputError, NotStored, unknown
from raymill.market.asked import LAST_US
from raymill.market.batches import time_of
from raymill.market.instrument import Instrument
from raymill.market.moments import moment
from raymill.market.quotes import Quote
from raymill.market.record import file_hash
from raymill.market.stored import TABLES, folders_of_range
from raymill.market.tables import read_columns, to_numbers, to_times
from raymill.state.lake_table import Condition

NUMBERS = ("bid", "bid_size", "ask", "ask_size")
TIMES = ("ts", "ts_utc", "time", "timestamp")
PIECE = 10_000
Name: TypeAlias = tuple[str, str, str]  # venue, base, quote


@dataclass(frozen=True, slots=True)
class Quotes:
    """Quotes of pairs at venues as columns, in the order of their time."""

    names: tuple[Name, ...]
    which: NDArray[np.int64]  # the place of each quote's name
    ts: NDArray[np.int64]
    numbers: NDArray[np.float64]  # a row for each quote
    origins: tuple[dict[str, Any], ...]

    def __len__(self) -> int:
        return len(self.ts)

    def __iter__(self) -> Iterator[Quote]:
        for begin in range(0, len(self), PIECE):
            piece = slice(begin, begin + PIECE)
            rows = zip(
                *(self.which[piece].tolist(), self.ts[piece].tolist()),
                self.numbers[piece].tolist(),
                strict=True,
            )
            for which, ts, numbers in rows:
                venue, base, quote = self.names[which]
                bid, bid_size, ask, ask_size = numbers
                yield Quote(venue, base, quote, bid, bid_size, ask, ask_size, ts)


@dataclass(frozen=True, slots=True)
class _Part:
    name: Name
    ts: NDArray[np.int64]
    numbers: NDArray[np.float64]
    origin: dict[str, Any]


@dataclass(frozen=True, slots=True)
class WantedQuotes:
    """Quotes that are stored: of some pairs or of all, of some sources or of all."""

    symbols: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    begin_us: int = 0
    end_us: int = LAST_US


def stored_quotes(rooms: MarketRooms, wanted: WantedQuotes) -> Quotes:
    """Read stored quotes as they are at one moment. Raises NotStored, UnknownName, ConfigError."""
    instruments = find_quotes(rooms, wanted)
    with rooms.store.lake.hold() as snapshot:
        parts = [_stored(rooms, one, wanted, snapshot) for one in instruments]
    found = [part for part in parts if len(part.ts)]
    if not found:
        raise _nothing(wanted)
    return _together(found)


def find_quotes(rooms: MarketRooms, wanted: WantedQuotes) -> list[Instrument]:
    """The pairs of which quotes may be stored, unread. Raises NotStored, UnknownName,
    ConfigError."""
    if wanted.begin_us >= wanted.end_us:
        raise ConfigError(
            f"The range ends at {moment(wanted.end_us)}, not behind {moment(wanted.begin_us)}"
        )
    every = [one for one in rooms.registry.all() if "/" in one.symbol]
    known = {*names(), *(one.venue for one in every)}
    for source in wanted.sources:
        if source not in known:
            raise unknown("source", source, known)
    symbols = {symbol.upper() for symbol in wanted.symbols}
    found = [
        one
        for one in every
        if (not wanted.sources or one.venue in wanted.sources)
        and (not symbols or one.symbol in symbols)
        and _has_files(rooms, one, wanted)
    ]
    if not found:
        raise _nothing(wanted)
    return found


def _has_files(rooms: MarketRooms, one: Instrument, wanted: WantedQuotes) -> bool:
    begin, end = wanted.begin_us, wanted.end_us
    where: list[Condition] = [("instrument_id", "in", [one.instrument_id])]
    where += [("ts", ">=", time_of(begin)), ("ts", "<", time_of(end))]
    folders = folders_of_range("quote", one.venue, None, begin, end)
    return bool(rooms.store.lake.files(TABLES["quote"], where, partitions=folders))


def name_of(one: Instrument) -> Name:
    """A pair at a venue."""
    base, _, quote = one.symbol.partition("/")
    return one.venue, base, quote


def _nothing(wanted: WantedQuotes) -> NotStored:
    of = f" of {', '.join(f'`{one}`' for one in wanted.symbols)}" if wanted.symbols else ""
    by = f" from {', '.join(f'`{one}`' for one in wanted.sources)}" if wanted.sources else ""
    is_whole = (wanted.begin_us, wanted.end_us) == (0, LAST_US)
    source = wanted.sources[0] if wanted.sources else "SOURCE"
    symbol = wanted.symbols[0] if wanted.symbols else "SYMBOL"
    return NotStored(
        f"No quotes{of}{by} are stored{'' if is_whole else ' in that range'}",
        hint=f"raymill market stream {source} {symbol} --kind quotes",
    )


def _stored(rooms: MarketRooms, one: Instrument, wanted: WantedQuotes, snapshot: int) -> _Part:
    rows = rooms.store.read(
        "quote",
        [one.instrument_id],
        wanted.begin_us,
        wanted.end_us,
        venue=one.venue,
        snapshot=snapshot,
    )
    columns = [arrow.to_numpy(arrow.combine(rows[name])) for name in NUMBERS]
    ts = arrow.to_numpy(arrow.cast(arrow.combine(rows["ts"]), pa.int64()))
    origin = {"source": one.venue, "symbol": one.symbol, "quotes": len(ts)}
    origin |= {"lake_snapshot": snapshot}
    return _Part(name_of(one), ts, np.column_stack(columns), origin)


def read_quotes(files: Iterable[str | Path]) -> Quotes:
    """Read quotes of CSV or Parquet files: `symbol` (BASE/QUOTE), a time (`ts`), `bid`, `bid_size`,
    `ask`, `ask_size`, and `venue`, else the file's name. Raises InputError, DataError."""
    found = [part for file in files for part in _of_file(file)]
    if not found:
        raise InputError("There are no quotes", hint="name a file of quotes: --quotes FILE.csv")
    return _together(found)


def _of_file(file: str | Path) -> Iterator[_Part]:
    columns = read_columns(file)
    time = next((name for name in TIMES if name in columns), "ts")
    for name in (time, "symbol", *NUMBERS):
        if name not in columns:
            raise InputError(
                f"`{file}` has no column `{name}`", hint=f"it has {', '.join(columns)}"
            )
    ts = to_times(columns[time], file)
    numbers = np.column_stack([to_numbers(columns[name], file, name) for name in NUMBERS])
    symbols = [str(one).upper() for one in columns["symbol"].to_pylist()]
    venues = _venues(columns, file, len(symbols))
    keys = list(zip(venues, symbols, strict=True))
    origin = {"quotes": str(file), "sha256": file_hash(file)}
    for venue, symbol in dict.fromkeys(keys):
        base, slash, quote = symbol.partition("/")
        if not slash:
            raise InputError(f"`{symbol}` in `{file}` is no pair", hint="write it as BTC/USDT")
        places = [at for at, key in enumerate(keys) if key == (venue, symbol)]
        yield _Part((venue, base, quote), ts[places], numbers[places], origin)


def _venues(columns: dict[str, Any], file: str | Path, count: int) -> list[str]:
    if "venue" not in columns:
        return [Path(file).stem] * count
    return [str(one) for one in columns["venue"].to_pylist()]


def _together(parts: Sequence[_Part]) -> Quotes:
    ts = np.concatenate([part.ts for part in parts])
    order = np.argsort(ts, kind="stable")
    which = np.repeat(np.arange(len(parts)), [len(part.ts) for part in parts])
    numbers = np.concatenate([part.numbers for part in parts])
    origins = {str(part.origin): part.origin for part in parts}
    return Quotes(
        tuple(part.name for part in parts),
        which[order],
        ts[order],
        numbers[order],
        tuple(origins.values()),
    )
