"""Records in files, CSV or Parquet: bars, trades or quotes of one instrument or of several; bars in
the zip files of LEAN.

Columns are found by their names, in capitals or not. A file with a column `symbol` holds several
instruments; else its name is the symbol.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Array
from raymill.errors import ConfigError, DataError, InputError, unknown
from raymill.market.instrument import AssetClass, Instrument
from raymill.market.interval import INTERVALS, Times, interval, spacing
from raymill.market.schemas import SCHEMAS, Adjusted, Kind
from raymill.market.sources.columns import none, records, times
from raymill.market.sources.contract import (
    Capabilities,
    Fetch,
    LimitRule,
    Listing,
    Page,
    PageRequest,
)
from raymill.market.tables import read_columns, symbol_of, to_numbers, to_times
from raymill.net import Head, Verdict

UNITS = {"s": 1_000_000, "ms": 1000, "us": 1}
SYMBOLS = ("symbol", "ticker")
_TIMES = ("ts", "ts_utc", "date", "time", "timestamp", "datetime")
_SIDES = {"buy": 1, "b": 1, "1": 1, "sell": -1, "s": -1, "-1": -1}
_NAMES: Mapping[Kind, Mapping[str, tuple[str, ...]]] = {
    "bar": {
        **{name: (name,) for name in ("open", "high", "low", "close", "volume")},
        "quote_volume": ("quote_volume",),
        "vwap": ("vwap",),
    },
    "trade": {"price": ("price",), "size": ("size", "amount", "quantity", "qty", "volume")},
    "quote": {name: (name,) for name in ("bid", "bid_size", "ask", "ask_size")},
}
_NEEDED: Mapping[Kind, tuple[str, ...]] = {
    "bar": ("open", "high", "low", "close", "volume"),
    "trade": ("price", "size"),
    "quote": ("bid", "ask"),
}
_IDS: Mapping[Kind, tuple[str, tuple[str, ...]]] = {
    "trade": ("trade_id", ("trade_id", "id", "agg_trade_id")),
    "quote": ("update_id", ("update_id", "id")),
}


@dataclass(frozen=True, slots=True)
class Read:
    """What a file holds of one kind: its records, and the rows of each symbol."""

    records: pa.RecordBatch
    times: Times
    symbols: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    interval: str | None = None


def read(
    path: str | Path,
    kind: Kind,
    *,
    every: str | None = None,
    unit: str | None = None,
    adjusted: Adjusted = "raw",
    source: str = "file",
) -> Read:
    """Read a file. `every` is the interval of bars, told by the times if not given; `unit` that of
    times that are numbers (s, ms, us). Raises InputError, DataError, ConfigError."""
    if kind not in _NEEDED:
        raise ConfigError(f"Files hold no `{kind}`", hint=f"they hold {', '.join(_NEEDED)}")
    columns = read_columns(path)
    at = _times(columns, path, unit)
    given: dict[str, Any] = {"ts": times(at, 1)}
    for name, names in _NAMES[kind].items():
        column = _named(columns, names)
        if column is not None:
            given[name] = to_numbers(column, path, name)
        elif name in _NEEDED[kind]:
            raise InputError(
                f"`{path}` has no column `{name}`", hint=f"it has {', '.join(columns)}"
            )
    if kind in _IDS:
        given |= _numbered(columns, *_IDS[kind])
    if kind == "trade":
        given |= _sided(columns)
    found = every
    about: dict[str, Any] = {"source": source, "instrument_id": 0}
    if kind == "bar":
        found = interval(every).name if every else spacing(np.unique(at)).name
        about |= {"interval": found, "adj": adjusted, "closed": True}
    batch = records(SCHEMAS[kind], len(at), given, **about)
    return Read(batch, at, _by_symbol(columns, path, len(at)), found)


def _times(columns: Mapping[str, Array], path: str | Path, unit: str | None) -> Times:
    column = _named(columns, _TIMES)
    if column is None:
        raise InputError(
            f"`{path}` has no column of times", hint=f"name it one of {', '.join(_TIMES)}"
        )
    if unit is None:
        return to_times(column, path)
    if unit not in UNITS:
        raise unknown("unit of times", unit, UNITS)
    return np.asarray(to_numbers(column, path, "time") * UNITS[unit], np.int64)


def _named(columns: Mapping[str, Array], names: Sequence[str]) -> Array | None:
    return next((columns[name] for name in names if name in columns), None)


def _numbered(columns: Mapping[str, Array], name: str, names: Sequence[str]) -> dict[str, Array]:
    column = _named(columns, names)
    try:
        return {} if column is None else {name: arrow.cast(column, pa.int64())}
    except pa.ArrowInvalid as error:
        raise DataError(f"Column `{name}` holds something that is no number: {error}") from error


def _sided(columns: Mapping[str, Array]) -> dict[str, Any]:
    column = columns.get("side")
    if column is None:
        return {"side": np.zeros(len(next(iter(columns.values()))), np.int8)}
    words = [str(text).strip().lower() for text in column.to_pylist()]
    return {"side": np.array([_SIDES.get(word, 0) for word in words], np.int8)}


def _by_symbol(
    columns: Mapping[str, Array], path: str | Path, count: int
) -> dict[str, NDArray[np.int64]]:
    column = _named(columns, SYMBOLS)
    if column is None:
        return {symbol_of(path): np.arange(count)}
    names = arrow.cast(column, pa.string())
    known = arrow.unique(names)
    codes = arrow.to_numpy(arrow.index_in(names, known))
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(1, len(known)))
    symbols = [str(name).upper() for name in known.to_pylist()]
    return dict(zip(symbols, np.split(order, starts), strict=True))


class File:
    """Files as a source: an instrument's `venue_symbol` is the path of its file."""

    id = "file"
    capabilities = Capabilities(
        kinds=tuple(_NEEDED), intervals=tuple(INTERVALS), streaming="replayed"
    )
    limits: Sequence[LimitRule] = ()

    def judge(self, head: Head, now: float) -> Verdict:
        """It asks nobody."""
        return Verdict("ok")

    def used(self, head: Head) -> Mapping[str, float]:
        """It has no limits."""
        return {}

    def instruments(self, fetch: Fetch, symbols: Sequence[str] = ()) -> Listing:
        """The instruments of files, by their paths."""
        paths = [Path(symbol) for symbol in symbols]
        return Listing([instrument(symbol_of(path), path) for path in paths if path.is_file()])

    def page(self, asked: PageRequest, fetch: Fetch) -> Page:
        """The records of a file in the range."""
        found = _read_again(asked.instrument.venue_symbol, asked.kind, asked.interval)
        schema = SCHEMAS[asked.kind]
        places = found.symbols.get(asked.instrument.symbol)
        if places is None:
            only = list(found.symbols.values()) if len(found.symbols) == 1 else []
            places = only[0] if only else np.zeros(0, np.int64)
        at = found.times[places]
        inside = places[(at >= asked.start_us) & (at < asked.end_us)]
        if not len(inside):
            return Page(none(schema), None, asked.end_us)
        batch = numbered(arrow.take_rows(found.records, inside), asked.instrument.instrument_id)
        return Page(batch, None, asked.end_us)


def numbered(batch: pa.RecordBatch, instrument_id: int) -> pa.RecordBatch:
    """Records as those of an instrument."""
    column = arrow.repeat(instrument_id, batch.num_rows, pa.int32())
    return arrow.with_column(batch, "instrument_id", column)


def instrument(
    symbol: str, path: str | Path, asset_class: AssetClass = "equity", currency: str = "USD"
) -> Instrument:
    """An instrument whose records came from a file."""
    return Instrument(
        symbol=symbol.upper(),
        venue="file",
        venue_symbol=str(Path(path).absolute()),
        asset_class=asset_class,
        currency=currency,
    )


@lru_cache(maxsize=2)
def _read_again(path: str, kind: Kind, every: str | None) -> Read:
    return read(path, kind, every=every)
