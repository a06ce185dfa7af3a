"""Tables of text as files hold them: columns of CSV or Parquet, times and numbers out of text."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Array
from raymill.errors import DataError, InputError
from raymill.market.interval import Times
from raymill.market.lean import read_zip
from raymill.market.lean import symbol_of as lean_symbol

ZONE_HINT = "write a zone, as in 2020-01-31T14:30:00Z, or a bare date"


def read_columns(path: str | Path) -> dict[str, Array]:
    """Read the columns of a CSV (also `.csv.gz`) or Parquet file by name in lower case, or of bars
    in a zip file of LEAN.

    Raises InputError.
    """
    place = Path(path)
    try:
        table = _READ.get(place.suffix, _csv)(place)
    except (OSError, EOFError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InputError(f"`{path}` cannot be read: {reason}") from error
    return {
        str(name).strip().lower(): arrow.combine(column)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def _csv(path: Path) -> pa.Table:
    from pyarrow import csv

    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        names = file.readline().decode("utf-8-sig").strip().split(",")
    texts = csv.ConvertOptions(column_types={name.strip('"'): pa.string() for name in names})
    return csv.read_csv(path, convert_options=texts)


def _parquet(path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(path)


_READ: dict[str, Callable[[Path], pa.Table]] = {".parquet": _parquet, ".zip": read_zip}


def symbol_of(path: str | Path) -> str:
    """The symbol that a file of one instrument is named after. Raises InputError."""
    place = Path(path)
    return lean_symbol(place) if place.suffix == ".zip" else place.name.partition(".")[0].upper()


def to_numbers(column: Array, path: str | Path, name: str) -> NDArray[np.float64]:
    """A column as floats; what is empty or `null` is NaN. Raises DataError naming the row."""
    try:
        if pa.types.is_string(column.type):
            column = _without_nulls(column)
        values = arrow.to_numpy(arrow.cast(column, pa.float64()))
    except pa.ArrowInvalid:
        row, text = _first_wrong(column, _is_number)
        raise DataError(f"`{text}` is no number: `{name}` in row {row + 1} of `{path}`") from None
    return np.asarray(values, np.float64)


def _without_nulls(column: Array) -> Array:
    texts = arrow.trim(column)
    nothing = arrow.is_in(texts, arrow.array(["", "null", "None", "-"], pa.string()))
    return arrow.keep_if(texts, arrow.invert(nothing))


def to_dates(column: Array, path: str | Path) -> Any:
    """A column as dates (`datetime64[D]`), from 2020-01-31, 20200131 or a date. Raises
    DataError."""
    times = to_times(column, path)
    return times.astype("datetime64[us]").astype("datetime64[D]")


def to_times(column: Array, path: str | Path) -> Times:
    """A column as epoch microseconds. Raises DataError for a time without a zone.

    A bare date is its midnight in UTC. Where each time is a midnight of its own zone, the date is
    taken: a session is named after its day at the venue.
    """
    if pa.types.is_timestamp(column.type):
        return _from_timestamps(column, path)
    if pa.types.is_date(column.type):
        return _micros(arrow.cast(column, pa.timestamp("us")))
    texts = _without_nulls(arrow.cast(column, pa.string()))
    if texts.null_count:
        raise DataError(f"A row of `{path}` has no time")
    if dates := _as_dates(texts):
        return _parsed(arrow.array(dates, pa.string()), pa.timestamp("us"), path)
    return _parsed(texts, pa.timestamp("us", "UTC"), path)


def _as_dates(texts: Array) -> list[str]:
    """All as bare dates, if they are; else nothing."""
    found = []
    written: list[str] = _any(texts).to_pylist()
    for text in written:
        day, rest = text[:10], text[10:]
        if len(text) == 8 and text.isdigit():
            day, rest = f"{text[:4]}-{text[4:6]}-{text[6:]}", ""
        if rest and (not rest[1:].startswith("00:00:00") or _zone(rest[9:]) is None):
            return []
        found.append(day)
    return found


def _zone(text: str) -> str | None:
    bare = text.lstrip(".0") if text.startswith(".") else text
    return bare if bare[:1] in ("+", "-", "Z") and len(bare) in (1, 3, 5, 6) else None


def _from_timestamps(column: Array, path: str | Path) -> Times:
    kind: Any = column.type
    if kind.tz is None:
        raise DataError(f"The times of `{path}` have no zone", hint="store them as UTC")
    return _micros(arrow.cast(column, pa.timestamp("us", "UTC")))


def _parsed(texts: Array, kind: pa.DataType, path: str | Path) -> Times:
    try:
        return _micros(arrow.cast(texts, kind))
    except pa.ArrowInvalid:
        row, text = _first_wrong(texts, lambda one: _is_time(one, kind))
        why = "has no zone" if _is_time(text, pa.timestamp("us")) else "is no time"
        raise DataError(f"Time `{text}` in row {row + 1} of `{path}` {why}", hint=ZONE_HINT) from (
            None
        )


def _micros(times: Array) -> Times:
    return np.asarray(arrow.to_numpy(arrow.cast(times, pa.int64())), np.int64)


def _first_wrong(column: Array, is_right: Any) -> tuple[int, str]:
    for row, text in enumerate(column.to_pylist()):
        if text is not None and not is_right(text):
            return row, text
    return 0, str(column[0])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_time(text: str, kind: pa.DataType) -> bool:
    try:
        arrow.cast(arrow.array([text], pa.string()), kind)
    except pa.ArrowInvalid:
        return False
    return True


def _any(value: Any) -> Any:
    return value
