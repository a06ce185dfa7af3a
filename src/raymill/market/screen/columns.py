"""Columns of a snapshot in the form that conditions are fastest on."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Array
from raymill.market.screen.fields import Type

Mask: TypeAlias = NDArray[np.bool_]
Numbers: TypeAlias = NDArray[np.float64]  # NaN where nothing is known
Places: TypeAlias = NDArray[np.intp]
Codes: TypeAlias = NDArray[np.int32]

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_ZERO = date(1970, 1, 1)


@dataclass(frozen=True)
class Words:
    """A column of texts: places in a sorted list of the different ones, -1 where unknown."""

    codes: Codes
    known: Array  # sorted
    words: list[str]

    def code(self, word: str) -> int:
        """The place of a word; -2 where it does not occur."""
        at = bisect_left(self.words, word)
        return at if at < len(self.words) and self.words[at] == word else -2


@dataclass(frozen=True)
class Lists:
    """A column of lists of texts: which row each member belongs to, and the members."""

    rows: Places
    members: Words
    known: Mask  # of the rows


def to_numbers(column: Array) -> Numbers:
    """Numbers, days since 1970 or microseconds since 1970, as floats."""
    kind = column.type
    if pa.types.is_date32(kind):
        column = arrow.cast(column, pa.int32())
    elif pa.types.is_timestamp(kind):
        column = arrow.cast(column, pa.int64())
    found: Numbers = arrow.to_numpy(arrow.cast(column, pa.float64(), safe=False))
    return np.ascontiguousarray(found)


def to_words(column: Array) -> Words:
    """Texts as places in the sorted list of the different ones."""
    encoded: Any = arrow.dictionary_encode(column)
    known: Array = encoded.dictionary
    order = arrow.to_numpy(arrow.sort_indices(known))
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    codes = arrow.to_numpy(arrow.fill_null(encoded.indices, -1)).astype(np.int32)
    if len(rank):
        codes = np.where(codes < 0, np.int32(-1), rank[codes])
    known = arrow.take(known, order)
    words: list[Any] = known.to_pylist()
    return Words(codes, known, words)


def to_lists(column: Array) -> Lists:
    """Lists of texts, flat."""
    lists: Any = column
    sizes = arrow.to_numpy(arrow.fill_null(arrow.list_lengths(column), 0))
    rows = np.repeat(np.arange(len(column), dtype=np.intp), sizes)
    return Lists(rows, to_words(lists.flatten()), arrow.to_numpy(arrow.is_valid(column)))


def as_cells(values: Numbers, type: Type) -> list[Any]:
    """Numbers as JSON values; null where nothing is known."""
    if not len(values):
        return []
    if type == "number":
        cells: list[Any] = values.tolist()
        if np.isnan(values).any():
            return [None if cell != cell else cell for cell in cells]
        return cells
    turns: dict[str, Callable[[float], Any]] = {"integer": int, "date": _as_day, "time": as_time}
    turn, given = turns[type], values.tolist()
    told = {cell: turn(cell) for cell in set(given) if cell == cell}  # many rows have one time
    return [told.get(cell) for cell in given]


def as_words(column: Words, places: Places) -> list[str | None]:
    """Texts as JSON values."""
    words = column.words
    return [words[code] if code >= 0 else None for code in column.codes[places].tolist()]


def as_lists(column: Array, places: Sequence[int]) -> list[list[str] | None]:
    """Lists of texts as JSON values."""
    return arrow.take(column, np.asarray(places, np.intp)).to_pylist()


def _as_day(days: float) -> str:
    return (_DAY_ZERO + timedelta(days=int(days))).isoformat()


def as_time(micros: float) -> str:
    """Microseconds since 1970 as text, in UTC."""
    return time_text(_ZERO + timedelta(microseconds=int(micros)))


def time_text(time: datetime) -> str:
    """A time in UTC, with as many digits as it needs."""
    text = time.astimezone(UTC).replace(tzinfo=None).isoformat()
    return f"{text.rstrip('0') if '.' in text else text}Z"
