"""A universe out of a file: CSV or Parquet, with the headings that such files have."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.arrow import Array
from raymill.errors import DataError, InputError
from raymill.market.screen.columns import Numbers
from raymill.market.screen.derive import derived
from raymill.market.screen.fields import kinds
from raymill.market.screen.snapshot import Snapshot

# Headings in small letters, other signs than letters and digits as `_`, and the fields they mean.
HEADINGS = {
    "ticker": "symbol",
    "sid": "instrument",
    "security": "name",
    "company_name": "name",
    "close": "price",
    "last": "price",
    "last_price": "price",
    "previous_close": "prev_close",
    "change": "change_abs",
    "change_percent": "change_pct",
    "52_week_high": "high_52w",
    "52_week_low": "low_52w",
    "average_volume": "avg_volume_20d",
    "marketcap": "market_cap",
    "market_capitalization": "market_cap",
    "price_earnings": "pe_ratio",
    "pe": "pe_ratio",
    "trailing_pe": "pe_ratio",
    "price_sales": "ps_ratio",
    "price_book": "pb_ratio",
    "earnings_share": "eps_ttm",
    "eps": "eps_ttm",
    "gics_sector": "sector",
    "exchange": "venue",
    "ipo": "ipo_date",
    "company_id": "company",
}
NOTHING = ("", "null", "none", "n/a", "na", "nan", "-")  # in columns of numbers, days and times
UNKNOWN = ("", "null", "none", "n/a", "unknown")  # in columns of texts but the symbol
LIST_MARK = "|"
_CLASS = re.compile(r"(.+?) \(?Class [A-Z]\)?")
_STAMP = re.compile(r"(?<!\d)((?:19|20)\d\d)-?([01]\d)(?:-?([0-3]\d))?(?!\d)")


@dataclass(frozen=True, slots=True)
class Universe:
    """The snapshot of a file, the headings that mean nothing here, and rows that were left out."""

    snapshot: Snapshot
    unread: tuple[str, ...]
    repeated: tuple[str, ...]


def read_universe(path: str | Path, as_of: datetime | None = None) -> Universe:
    """Read a file as a universe, as of a moment, the day in its name, or when it was written.

    Of rows with one key (`instrument`, else `symbol`) the first is taken. Raises InputError,
    DataError.
    """
    place = Path(path)
    given = _read(place)
    named, unread = _named(given, place)
    columns = {name: _typed(name, column, place) for name, column in named.items()}
    table, repeated = _without_repeats(columns)
    moment = as_of or _moment(place)
    return Universe(Snapshot.of(table, moment, place.stem), tuple(unread), tuple(repeated))


def _read(path: Path) -> pa.Table:
    try:
        path.open("rb").close()  # whose error says what is wrong in few words
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            return pq.read_table(path)
        return _read_csv(path)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InputError(f"Universe `{path}` cannot be read: {reason}") from error


def _read_csv(path: Path) -> pa.Table:
    from pyarrow import csv

    with csv.open_csv(path) as reader:
        names: list[str] = reader.schema.names
    texts = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    return csv.read_csv(path, convert_options=texts)


def _named(table: pa.Table, path: Path) -> tuple[dict[str, Array], list[str]]:
    """The columns by field, and the headings of none; a field's own name goes before others."""
    known = kinds()
    names = {heading: field_of(heading) for heading in table.column_names}
    own = {name for heading, name in names.items() if _plain(heading) == name}
    found: dict[str, Array] = {}
    unread = []
    for heading, name in names.items():
        is_other = name in own and _plain(heading) != name
        if name not in known or name in found or is_other:
            unread.append(heading)
        else:
            found[name] = arrow.combine(table[heading])
    if "symbol" not in found:
        there = ", ".join(table.column_names)
        raise InputError(f"`{path}` has no column `symbol`", hint=f"it has {there}")
    return found, unread


def field_of(heading: str) -> str:
    """The field that a heading means.

    >>> field_of("Price/Earnings"), field_of("52 Week Low")
    ('pe_ratio', 'low_52w')
    """
    plain = _plain(heading)
    return HEADINGS.get(plain, plain)


def _plain(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", heading.strip().lower()).strip("_")


def _typed(name: str, column: Array, path: Path) -> Array:
    kind = kinds()[name]
    if not pa.types.is_string(column.type):
        return _cast(name, column, kind, path)
    texts = arrow.trim(column)
    if pa.types.is_string(kind):
        words = texts if name == "symbol" else _without(texts, UNKNOWN)
        return _without(words, ("",))
    texts = _without(texts, NOTHING)
    if pa.types.is_list(kind):
        cells = [None if text is None else text.split(LIST_MARK) for text in texts.to_pylist()]
        return arrow.array(cells, kind)
    return _cast(name, texts, kind, path)


def _without(texts: Array, nothing: Iterable[str]) -> Array:
    mask = arrow.is_in(arrow.lower(texts), arrow.array(list(nothing), pa.string()))
    return arrow.keep_if(texts, arrow.invert(mask))


def _cast(name: str, column: Array, kind: pa.DataType, path: Path) -> Array:
    try:
        made = arrow.cast(column, kind)
    except pa.ArrowInvalid as error:
        raise DataError(f"`{name}` of `{path}` cannot be read: {error}") from None
    if pa.types.is_floating(kind):
        finite = arrow.fill_null(arrow.is_finite(made), True)
        if not arrow.all_true(finite):
            at = int(np.argmin(arrow.to_numpy(finite)))
            raise DataError(f"`{name}` in row {at + 1} of `{path}` is no finite number")
    return made


def _without_repeats(columns: dict[str, Array]) -> tuple[pa.Table, list[str]]:
    numbers = {
        name: _numbers(column) for name, column in columns.items() if _is_number(column.type)
    }
    made = {name: _from(values) for name, values in derived(numbers).items()}
    table = pa.table(columns | made | {"company": _companies(columns)})
    key = "instrument" if "instrument" in table.column_names else "symbol"
    cells: list[Any] = table[key].to_pylist()
    places: dict[Any, int] = {}
    for at, cell in enumerate(cells):
        places.setdefault(cell, at)
    repeated = [cell for at, cell in enumerate(cells) if places[cell] != at]
    return arrow.take_rows(table, np.fromiter(places.values(), np.intp)), repeated


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind))


def _numbers(column: Array) -> Numbers:
    return np.asarray(arrow.to_numpy(column), np.float64)


def _from(values: Numbers) -> Array:
    made: Array = pa.array(values, pa.float64(), from_pandas=True)
    return made


def _companies(columns: Mapping[str, Array]) -> Array:
    """Whose an instrument is: as told, by its CIK, or by a name that ends with a share class."""
    count = len(columns["symbol"])
    nothing: list[Any] = [None] * count
    told = columns["company"].to_pylist() if "company" in columns else nothing
    ciks = columns["cik"].to_pylist() if "cik" in columns else nothing
    names = columns["name"].to_pylist() if "name" in columns else nothing
    cells = [
        company or (f"cik:{cik}" if cik is not None else _of_class(name))
        for company, cik, name in zip(told, ciks, names, strict=True)
    ]
    return arrow.array(cells, pa.string())


def _of_class(name: str | None) -> str | None:
    found = _CLASS.fullmatch(name or "")
    return f"name:{found[1]}" if found else None


def _moment(path: Path) -> datetime:
    """The end of the day or month that a file is named after, else when it was written."""
    for year, month, day in _STAMP.findall(path.stem):
        try:
            if day:
                return _midnight(date(int(year), int(month), int(day)) + timedelta(days=1))
            return _midnight(date(int(year) + int(month) // 12, int(month) % 12 + 1, 1))
        except ValueError:
            continue
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
