"""From JSON objects to columns: which columns there are, and which objects do not fit them."""

import json as stdlib_json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from raymill import json

INTEGER, NUMBER, TEXT, TRUTH = pa.int64(), pa.float64(), pa.string(), pa.bool_()
INTEGERS, NUMBERS = pa.list_(INTEGER), pa.list_(NUMBER)

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_EXACT = 1 << 53
_ODD = re.compile(rb"-0(?![.\deE])|NaN|Infinity")
_SHOWN = 60

Fit = Callable[[Any], Any]
NO_FIT = object()


def parse(raw: bytes) -> Any:
    """Read one JSON value; NaN and Infinity pass, as Python writes them. Raises ValueError.

    >>> parse(b'{"v": NaN}')
    {'v': nan}
    """
    if not _ODD.search(raw):
        return json.loads(raw)
    try:
        value = stdlib_json.loads(raw, parse_int=_integer, parse_float=_finite)
        json.dumps(value)  # refuses text that is no Unicode
    except (RecursionError, TypeError) as error:
        raise ValueError(str(error)) from None
    return value


def _integer(text: str) -> int | float:
    """As the fast library does: whole numbers beyond 64 bits become floats."""
    if text == "-0":
        return -0.0
    return int(text) if len(text) < 20 or _LEAST <= int(text) < 1 << 64 else _finite(text)


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"number {text} is too large")
    return number


def infer(objects: Iterable[Mapping[str, Any]]) -> pa.Schema:
    """Tell columns and types: every key in order of appearance; whole numbers widen to double.

    A list of numbers is a list column. Objects, other lists, mixed values and keys that are always
    null become text columns, which keep what is no text as JSON.

    >>> infer([{"a": 1, "b": "x"}, {"a": 2.5, "c": [1, 2]}]).types
    [DataType(double), DataType(string), ListType(list<item: int64>)]
    """
    kinds: dict[str, pa.DataType | None] = {}
    for record in objects:
        for key, value in record.items():
            kinds[key] = _joined(kinds.get(key), _kind(value))
    return pa.schema([(key, kind or TEXT) for key, kind in kinds.items()])


def _kind(value: Any) -> pa.DataType | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return TRUTH
    if isinstance(value, int):
        return INTEGER if _LEAST <= value <= _MOST else NUMBER
    if isinstance(value, float):
        return NUMBER
    if isinstance(value, list):
        return _list_kind(value)
    return TEXT


def _list_kind(values: list[Any]) -> pa.DataType:
    kind: pa.DataType | None = None
    for value in values:
        kind = _joined(kind, _kind(value))
    if kind is None or kind == NUMBER:
        return NUMBERS
    return INTEGERS if kind == INTEGER else TEXT


def _joined(left: pa.DataType | None, right: pa.DataType | None) -> pa.DataType | None:
    if left is None or right is None or left == right:
        return right if left is None else left
    pair = {left, right}
    if pair == {INTEGER, NUMBER}:
        return NUMBER
    return NUMBERS if pair == {INTEGERS, NUMBERS} else TEXT


def fit_for(kind: pa.DataType) -> Fit:
    """The function that makes a JSON value one of a column's type, or answers `NO_FIT`."""
    if pa.types.is_list(kind):
        fit = fit_for(kind.value_type)
        return lambda value: _fit_list(value, fit)
    return {INTEGER: _fit_integer, NUMBER: _fit_number, TRUTH: _fit_truth}.get(kind, _fit_text)


def _fit_integer(value: Any) -> Any:
    if value is None or (type(value) is int and _LEAST <= value <= _MOST):
        return value
    is_whole = type(value) is float and abs(value) <= _EXACT and value.is_integer()
    return int(value) if is_whole else NO_FIT


def _fit_number(value: Any) -> Any:
    if value is None or type(value) is float:
        return value
    try:
        return float(value) if type(value) is int else NO_FIT
    except OverflowError:
        return NO_FIT


def _fit_truth(value: Any) -> Any:
    return value if value is None or type(value) is bool else NO_FIT


def _fit_text(value: Any) -> Any:
    return value if value is None or type(value) is str else json.dumps(value).decode()


def _fit_list(value: Any, fit: Fit) -> Any:
    if value is None:
        return None
    if type(value) is not list:
        return NO_FIT
    items = [fit(item) for item in value]
    return NO_FIT if NO_FIT in items else items


class Columns:
    """Columns that are filled object by object."""

    def __init__(self, known: Sequence[str], chosen: pa.Schema, *, drop_unknown: bool) -> None:
        self._known = None if drop_unknown else frozenset(known)
        self._schema = chosen
        self._fits = [(field.name, fit_for(field.type)) for field in chosen]
        self._values: list[list[Any]] = [[] for _ in chosen]

    def add(self, record: Any) -> str | None:
        """Add an object as a row; or say why it is none."""
        if not isinstance(record, dict):
            return f"{shown(record)} is no JSON object"
        if self._known is not None and not record.keys() <= self._known:
            strange = next(key for key in record if key not in self._known)
            return f"unknown field `{strange}`"
        if not self._fits:
            return "the record has no field"
        row = [fit(record.get(name)) for name, fit in self._fits]
        if any(value is NO_FIT for value in row):
            return self._misfit(record, row)
        for column, value in zip(self._values, row, strict=True):
            column.append(value)
        return None

    def _misfit(self, record: Mapping[str, Any], row: Sequence[Any]) -> str:
        field = next(field for field, v in zip(self._schema, row, strict=True) if v is NO_FIT)
        return f"column `{field.name}`: {shown(record[field.name])} is no {field.type}"

    def batch(self) -> pa.RecordBatch:
        """The rows so far."""
        arrays = [
            pa.array(values, kind)
            for values, kind in zip(self._values, self._schema.types, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def shown(value: Any) -> str:
    """A value in a message, shortened."""
    text = json.dumps(value).decode()
    return f"`{text}`" if len(text) <= _SHOWN else f"`{text[:_SHOWN]}...`"
