"""The instruments that are known, each under a number that is never used again.

A thing that is renamed keeps its number: its row is closed and a new one opened. So records need
not be written again, and what a symbol meant on a day can be told.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, NamedTuple

import pyarrow as pa

from raymill import json
from raymill.errors import ConfigError, unknown
from raymill.market.instrument import Instrument
from raymill.market.sources.contract import LimitRule, Listing
from raymill.state.database import Database, Execute

_COLUMNS = "instrument_id, venue, symbol, venue_symbol, status, about"
_ASIDE = ("instrument_id", "venue", "symbol", "venue_symbol", "status")
_NAMES = tuple(field.name for field in fields(Instrument) if field.name not in _ASIDE)
_SAME = ("figi", "isin")  # what tells that another symbol is the same thing


class Named(NamedTuple):
    """A name that an instrument has had, and when; `until_us` is None for the present one."""

    instrument: Instrument
    since_us: int
    until_us: int | None


class Registry:
    """The instruments of all venues, in the tables of a database."""

    def __init__(self, database: Database, *, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    def register(
        self, source: str, listing: Listing, *, is_whole: bool = False
    ) -> list[Instrument]:
        """Note the instruments of a vendor; gives them with their numbers.

        is_whole: it names all that the vendor has, so that others of it are delisted.
        """
        now_us = int(self._now() * 1e6)
        with self._database.transaction() as execute:
            known = {one.symbol: one for one in _open(execute, source)}
            named = {one.symbol for one in listing.instruments}
            gone = [one for symbol, one in known.items() if symbol not in named]
            found = [
                self._noted(execute, one, known, gone if is_whole else [], now_us)
                for one in listing.instruments
            ]
            kept = {one.instrument_id for one in found}
            for one in gone if is_whole else ():
                if one.instrument_id not in kept and one.status != "delisted":
                    _update(execute, replace(one, status="delisted"))
            if is_whole or listing.limits:
                _note_source(execute, source, listing.limits, self._now() if is_whole else 0.0)
        return found

    def _noted(
        self,
        execute: Execute,
        one: Instrument,
        known: dict[str, Instrument],
        gone: Sequence[Instrument],
        now_us: int,
    ) -> Instrument:
        before = known.get(one.symbol) or _same_thing(one, gone)
        if before is None:
            number = 1 + int(
                execute("SELECT coalesce(max(instrument_id), 0) FROM market_instrument")[0][0]
            )
            found = replace(one, instrument_id=number)
            _insert(execute, found, 0)
        else:
            found = replace(one, instrument_id=before.instrument_id)
            if before.symbol != one.symbol:
                _close(execute, before, now_us)
                _insert(execute, found, now_us)
            elif found != before:
                _update(execute, found)
        known[found.symbol] = found
        return found

    def rename(self, instrument_id: int, symbol: str, venue_symbol: str = "") -> Instrument:
        """Give an instrument another symbol from now on. Raises ConfigError."""
        now_us = int(self._now() * 1e6)
        with self._database.transaction() as execute:
            before = _by_number(execute, instrument_id)
            if execute(
                "SELECT 1 FROM market_instrument WHERE venue=? AND symbol=? AND valid_to IS NULL",
                [before.venue, symbol],
            ):
                raise ConfigError(f"`{symbol}` of `{before.venue}` is another instrument")
            after = replace(before, symbol=symbol, venue_symbol=venue_symbol or symbol)
            _close(execute, before, now_us)
            _insert(execute, after, now_us)
        return after

    def find(self, venue: str, symbol: str) -> Instrument | None:
        """The instrument that bears a symbol now, ours or the venue's; None where none does."""
        with self._database.reading() as execute:
            rows = execute(
                f"SELECT {_COLUMNS} FROM market_instrument WHERE venue=? AND valid_to IS NULL "
                "AND (symbol=? OR upper(venue_symbol)=?) ORDER BY symbol<>? LIMIT 1",
                [venue, symbol.upper(), symbol.upper(), symbol.upper()],
            )
        return _instrument(rows[0]) if rows else None

    def named(self, venue: str, symbol: str) -> Instrument:
        """The instrument that bears a symbol now. Raises UnknownName with near matches."""
        found = self.find(venue, symbol)
        if found is None:
            symbols = [one.symbol for one in self.all(venue)]
            error = unknown(f"symbol of `{venue}`:", symbol, symbols)
            if len(symbols) > 20:  # the whole list helps nobody
                error.hint = (error.hint or "").partition(" there are:")[0] or None
                if not error.hint or error.hint.startswith("there"):
                    error.hint = f"raymill market sources --symbols {venue}"
            raise error
        return found

    def numbered(self, instrument_id: int) -> Instrument:
        """The instrument of a number, as it is called now. Raises ConfigError."""
        with self._database.reading() as execute:
            return _by_number(execute, instrument_id)

    def all(self, venue: str | None = None) -> list[Instrument]:
        """All that are traded or were, of one venue or of all, by symbol."""
        with self._database.reading() as execute:
            return _open(execute, venue)

    def history(self, instrument_id: int) -> list[Named]:
        """The names that an instrument has had, the oldest first."""
        with self._database.reading() as execute:
            rows = execute(
                f"SELECT {_COLUMNS}, valid_from, valid_to FROM market_instrument "
                "WHERE instrument_id=? ORDER BY valid_from",
                [instrument_id],
            )
        return [Named(_instrument(row[:6]), row[6], row[7]) for row in rows]

    def listed(self, source: str) -> float:
        """When a vendor named all its instruments last, in seconds since 1970; 0 for never."""
        with self._database.reading() as execute:
            rows = execute("SELECT listed FROM market_source WHERE source=?", [source])
        return float(rows[0][0]) if rows else 0.0

    def limits(self, source: str) -> list[LimitRule]:
        """The limits that a vendor stated last."""
        with self._database.reading() as execute:
            rows = execute("SELECT limits FROM market_source WHERE source=?", [source])
        return [LimitRule(**rule) for rule in json.loads(rows[0][0])] if rows else []


_SHOWN = ("instrument_id", "venue", "symbol", "venue_symbol", "status", *_NAMES)


def instruments_of(database: Database) -> pa.Table:
    """The instruments as a table, as they are called now."""
    with database.reading() as execute:
        rows = [asdict(one) for one in _open(execute, None)]
    kinds: dict[str, pa.DataType] = {
        "instrument_id": pa.int32(),
        "price_scale": pa.float64(),
        "cik": pa.int64(),
    }
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in _SHOWN])
    return pa.Table.from_pylist(rows, schema=schema)


def _same_thing(one: Instrument, others: Iterable[Instrument]) -> Instrument | None:
    """One of others that is the same thing by an identifier of it."""
    for name in _SAME:
        mark = getattr(one, name)
        found = next((other for other in others if mark and getattr(other, name) == mark), None)
        if found is not None:
            return found
    return None


def _open(execute: Execute, venue: str | None) -> list[Instrument]:
    where, values = ("", []) if venue is None else (" AND venue=?", [venue])
    rows = execute(
        f"SELECT {_COLUMNS} FROM market_instrument WHERE valid_to IS NULL{where} "
        "ORDER BY venue, symbol",
        values,
    )
    return [_instrument(row) for row in rows]


def _by_number(execute: Execute, instrument_id: int) -> Instrument:
    rows = execute(
        f"SELECT {_COLUMNS} FROM market_instrument WHERE instrument_id=? AND valid_to IS NULL",
        [instrument_id],
    )
    if not rows:
        raise ConfigError(f"There is no instrument {instrument_id}")
    return _instrument(rows[0])


def _instrument(row: Sequence[Any]) -> Instrument:
    number, venue, symbol, venue_symbol, status, about = row
    return Instrument(
        symbol=symbol,
        venue=venue,
        venue_symbol=venue_symbol,
        status=status,
        instrument_id=number,
        **json.loads(about),
    )


def _about(one: Instrument) -> str:
    values = asdict(one)
    return json.dumps({name: values[name] for name in _NAMES}).decode()


def _insert(execute: Execute, one: Instrument, since_us: int) -> None:
    row = (one.instrument_id, since_us, None, one.venue, one.symbol, one.venue_symbol, one.status)
    execute("INSERT INTO market_instrument VALUES (?,?,?,?,?,?,?,?)", [*row, _about(one)])


def _update(execute: Execute, one: Instrument) -> None:
    execute(
        "UPDATE market_instrument SET venue_symbol=?, status=?, about=? "
        "WHERE instrument_id=? AND valid_to IS NULL",
        [one.venue_symbol, one.status, _about(one), one.instrument_id],
    )


def _close(execute: Execute, one: Instrument, at_us: int) -> None:
    execute(
        "UPDATE market_instrument SET valid_to=? WHERE instrument_id=? AND valid_to IS NULL",
        [at_us, one.instrument_id],
    )


def _note_source(execute: Execute, source: str, limits: Sequence[LimitRule], listed: float) -> None:
    text = json.dumps([asdict(rule) for rule in limits]).decode()
    execute(
        "INSERT INTO market_source VALUES (?,?,?) ON CONFLICT (source) DO UPDATE "
        "SET limits=excluded.limits, listed=CASE WHEN excluded.listed>market_source.listed "
        "THEN excluded.listed ELSE market_source.listed END",
        [source, text, listed],
    )
