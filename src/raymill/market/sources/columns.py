"""Columns of what vendors say, as records: words, numbers out of text, times."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.arrow import Array
from raymill.errors import DataError
from raymill.market.instrument import Instrument
from raymill.market.schemas import CORPORATE_ACTION, TIME, WORD


def numbers(texts: Sequence[Any]) -> Array:
    """Numbers that a vendor writes as text, exact to the last of their 15 digits; null stays null.

    >>> numbers(["0.10000000", None]).to_pylist()
    [0.1, None]
    """
    try:
        if any(isinstance(text, str) for text in texts[:1]):
            return arrow.cast(arrow.array(texts, pa.string()), pa.float64())
        return arrow.array(texts, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return arrow.array([_number(text) for text in texts], pa.float64())


def _number(text: Any) -> float | None:
    try:
        return None if text is None else float(text)
    except (TypeError, ValueError):
        raise DataError(f"`{text!r}` is no number") from None


def times(values: Any, unit_us: int) -> Array:
    """Times as a vendor counts them, in units of so many microseconds."""
    micros = np.asarray(values, np.int64) * unit_us
    return arrow.cast(arrow.array(micros), TIME)


@lru_cache(maxsize=256)
def word(text: str, count: int) -> Array:
    """One word again and again."""
    codes: Any = pa.DictionaryArray
    made: Array = codes.from_arrays(arrow.array(np.zeros(count, np.int32)), arrow.array([text]))
    return made


def records(
    schema: pa.Schema, count: int, given: Mapping[str, Any], **constants: Any
) -> pa.RecordBatch:
    """A batch of a schema: given columns, constants; what is left out is null."""
    columns = [_column(field, count, given, constants) for field in schema]
    made: pa.RecordBatch = pa.RecordBatch.from_arrays(columns, schema=schema)
    return made


def _column(
    field: "pa.Field[Any]", count: int, given: Mapping[str, Any], constants: Mapping[str, Any]
) -> Array:
    kind: pa.DataType = field.type
    if field.name in given:
        found = given[field.name]
        column = found if isinstance(found, pa.Array) else arrow.array(found, kind)
        return arrow.cast(column, kind) if column.type != kind else column
    if field.name in constants:
        value = constants[field.name]
        return word(value, count) if kind == WORD else _constant(value, count, kind)
    return _constant(None, count, kind)


@lru_cache(maxsize=256)
def _constant(value: Any, count: int, kind: pa.DataType) -> Array:
    """The same column again and again: pages of a crawl are alike."""
    return arrow.nulls(count, kind) if value is None else arrow.repeat(value, count, kind)


def none(schema: pa.Schema) -> pa.RecordBatch:
    """A batch of a schema without a row."""
    return records(schema, 0, {name: [] for name in schema.names})


def together(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """Batches as one table, whose columns lie in one piece: they are gone over several times."""
    return pa.Table.from_batches(list(batches), schema=schema).combine_chunks()


class Action(NamedTuple):
    """A split (new shares for an old one) or a dividend (money for a share), and its day."""

    day: date
    kind: str
    ratio: float | None
    amount: float | None

    @classmethod
    def split(cls, day: date, ratio: float) -> "Action":
        """New shares for an old one."""
        return cls(day, "split", ratio, None)

    @classmethod
    def dividend(cls, day: date, amount: float) -> "Action":
        """Money for a share."""
        return cls(day, "dividend", None, amount)


def actions(found: Iterable[Action], one: Instrument, source: str) -> pa.RecordBatch:
    """Splits and dividends of an instrument, by day."""
    rows = sorted(found, key=lambda action: action[:2])
    kinds = arrow.array([row.kind for row in rows], pa.string())
    given = {
        "ex_date": arrow.array([row.day for row in rows], pa.date32()),
        "kind": arrow.dictionary_encode(kinds),
        "ratio": arrow.array([row.ratio for row in rows], pa.float64()),
        "amount": arrow.array([row.amount for row in rows], pa.float64()),
    }
    about = {"instrument_id": one.instrument_id, "currency": one.currency, "source": source}
    return records(CORPORATE_ACTION, len(rows), given, **about)
