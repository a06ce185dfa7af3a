"""The one door to Arrow's compute functions, typed.

Add a thin wrapper here when a room needs one more; no scattered `type: ignore`.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

if TYPE_CHECKING:
    Array: TypeAlias = pa.Array[Any]
    ChunkedArray: TypeAlias = pa.ChunkedArray[Any]
else:  # generic in the stubs alone
    Array, ChunkedArray = pa.Array, pa.ChunkedArray

Values: TypeAlias = Array | ChunkedArray
Indices: TypeAlias = Values | NDArray[Any] | Sequence[int]
Mask: TypeAlias = Values | NDArray[np.bool_]
A = TypeVar("A", bound=Values)
T = TypeVar("T", pa.RecordBatch, pa.Table)
Invalid = pa.ArrowInvalid

# The stubs know fewer functions and types than Arrow has.
_pc: Any = pyarrow.compute


class _Others:
    """Keeps pandas from Arrow, which loads it at its first array: 0.4 s and 60 MB for nothing. As
    soon as anybody else loads it, Arrow is told, and takes what only pandas understands."""

    def __init__(self) -> None:
        self._refused = threading.get_ident()
        sys.meta_path.insert(0, self)
        pa.array([0])
        self._refused = 0

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        """Where pandas is, as the other finders say; to Arrow, nowhere."""
        if name != "pandas":
            return None
        if self._refused == threading.get_ident():
            raise ImportError("Arrow asks for pandas, whether it needs it or not")
        others: list[Any] = [finder for finder in sys.meta_path if finder is not self]
        spec = next(filter(None, (one.find_spec(name, path, target) for one in others)), None)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = _then_look(spec.loader.exec_module)
        return spec


def _then_look(load: Callable[[Any], None]) -> Callable[[Any], None]:
    def loaded(module: Any) -> None:
        load(module)
        with suppress(ImportError):  # one too old for Arrow is of use to others
            _any(pa.array([0])).to_pandas()

    return loaded


if "pandas" not in sys.modules:
    _Others()


def array(cells: Any, kind: pa.DataType | None = None) -> Array:
    """An array of Python or numpy values. Raises ArrowInvalid where they have no common type."""
    made: Array = pa.array(cells, kind)
    return made


def repeat(value: Any, count: int, kind: pa.DataType) -> Array:
    """An array of one value again and again."""
    made: Array = _any(pa).repeat(pa.scalar(value, kind), count)
    return made


def nulls(count: int, kind: pa.DataType) -> Array:
    """An array without a value in it."""
    made: Array = _any(pa).nulls(count, kind)
    return made


def take(values: A, indices: Indices) -> A:
    """The values at these places."""
    return _pc.take(values, _array(indices), boundscheck=True)  # type: ignore[no-any-return]


def take_rows(rows: T, indices: Indices) -> T:
    """The rows at these places."""
    return _any(rows).take(_array(indices))  # type: ignore[no-any-return]


def keep(values: A, mask: Mask) -> A:
    """The values where the mask is true."""
    return _pc.filter(values, _array(mask))  # type: ignore[no-any-return]


def keep_rows(rows: T, mask: Mask) -> T:
    """The rows where the mask is true."""
    return _any(rows).filter(_array(mask))  # type: ignore[no-any-return]


def cast(values: A, kind: pa.DataType, *, safe: bool = True) -> A:
    """The values as another type. Raises ArrowInvalid where one does not fit, if `safe`."""
    return _pc.cast(values, kind, safe=safe)  # type: ignore[no-any-return]


def concat(arrays: Iterable[Array]) -> Array:
    """One array of several of one type."""
    return pa.concat_arrays(list(arrays))


def concat_rows(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """One batch of several with one schema."""
    return _any(pa).concat_batches(list(batches))  # type: ignore[no-any-return]


def combine(values: Values) -> Array:
    """The values as one array."""
    if not isinstance(values, pa.ChunkedArray):
        return values
    chunked = _any(values)
    one: Array = chunked.chunk(0) if values.num_chunks == 1 else chunked.combine_chunks()
    return one


def index_in(values: Values, known: Values) -> Array:
    """For each value its place in `known`, null where it is not in there."""
    return combine(_pc.index_in(values, value_set=known))


def is_in(values: Values, known: Values) -> Array:
    """Whether each value is in `known`."""
    return combine(_pc.is_in(values, value_set=known))


def is_dictionary(values: Values) -> bool:
    """Whether the values are stored as indices into a dictionary."""
    return pa.types.is_dictionary(values.type)


def dictionary_encode(values: A) -> A:
    """The values as indices into a dictionary of them."""
    return values if is_dictionary(values) else _pc.dictionary_encode(values)


def dictionary_decode(values: A) -> A:
    """The values themselves, where they are stored as indices into a dictionary."""
    return cast(values, _any(values.type).value_type) if is_dictionary(values) else values


def unique(values: Values) -> Array:
    """The distinct values in the order of their first appearance."""
    return combine(_pc.unique(values))


def sort_indices(values: Values) -> Array:
    """The places of the values in rising order, equal ones in their own order; nulls last."""
    return combine(_pc.array_sort_indices(values))


def sort_places(rows: pa.Table, names: Sequence[str]) -> Array:
    """The places of the rows in the rising order of columns, equal ones in their own order."""
    keys = [(name, "ascending") for name in names]
    return combine(_pc.sort_indices(rows, sort_keys=keys))


def condition(where: Iterable[tuple[str, str, Any]]) -> Any:
    """Conditions (column, operator, value), all of which must hold, for the reader of a dataset."""
    import pyarrow.parquet

    return _any(pyarrow.parquet).filters_to_expression(list(where))


def equal(left: A, right: Any) -> A:
    """Where both are equal; null where one is null."""
    return _pc.equal(left, right)  # type: ignore[no-any-return]


def not_equal(left: A, right: Any) -> A:
    """Where both differ; null where one is null."""
    return _pc.not_equal(left, right)  # type: ignore[no-any-return]


def less(left: A, right: Any) -> A:
    """Where left is below right."""
    return _pc.less(left, right)  # type: ignore[no-any-return]


def less_equal(left: A, right: Any) -> A:
    """Where left is not above right."""
    return _pc.less_equal(left, right)  # type: ignore[no-any-return]


def greater(left: A, right: Any) -> A:
    """Where left is above right."""
    return _pc.greater(left, right)  # type: ignore[no-any-return]


def greater_equal(left: A, right: Any) -> A:
    """Where left is not below right."""
    return _pc.greater_equal(left, right)  # type: ignore[no-any-return]


def both(left: A, right: Values) -> A:
    """Where both are true."""
    return _pc.and_(left, right)  # type: ignore[no-any-return]


def either(left: A, right: Values) -> A:
    """Where one is true."""
    return _pc.or_(left, right)  # type: ignore[no-any-return]


def invert(mask: A) -> A:
    """Where the mask is false."""
    return _pc.invert(mask)  # type: ignore[no-any-return]


def is_null(values: A, *, nan_is_null: bool = False) -> A:
    """Where there is no value."""
    return _pc.is_null(values, nan_is_null=nan_is_null)  # type: ignore[no-any-return]


def is_valid(values: A) -> A:
    """Where there is a value."""
    return _pc.is_valid(values)  # type: ignore[no-any-return]


def is_finite(values: A) -> A:
    """Where a number is neither NaN nor infinite."""
    return _pc.is_finite(values)  # type: ignore[no-any-return]


def fill_null(values: A, value: Any) -> A:
    """The values with `value` where there was none."""
    return _pc.fill_null(values, value)  # type: ignore[no-any-return]


def if_else(mask: Values, left: Any, right: Any) -> Values:
    """Left where the mask is true, right elsewhere."""
    return _pc.if_else(mask, left, right)  # type: ignore[no-any-return]


def count_true(mask: Values) -> int:
    """How often the mask is true."""
    return _pc.sum(mask, min_count=0).as_py()  # type: ignore[no-any-return]


def any_true(mask: Values) -> bool:
    """Whether the mask is true anywhere."""
    return bool(_pc.any(mask, min_count=0).as_py())


def all_true(mask: Values) -> bool:
    """Whether the mask is true everywhere, null aside."""
    return bool(_pc.all(mask, min_count=0).as_py())


def keep_if(values: A, mask: Values) -> A:
    """The values where the mask is true, null elsewhere."""
    return _pc.if_else(mask, values, None)  # type: ignore[no-any-return]


def min_max(values: Values) -> tuple[Any, Any]:
    """The least and the largest value; None where there is none."""
    found = _pc.min_max(values).as_py()
    return found["min"], found["max"]


def bounds_as_text(values: Values) -> tuple[str | None, str | None]:
    """The least and the largest value as texts that `cast` reads again; None where there is none.

    >>> bounds_as_text(array([7, -1], pa.timestamp("ns", "UTC")))
    ('1969-12-31 23:59:59.999999999Z', '1970-01-01 00:00:00.000000007Z')
    """
    found = _pc.min_max(values)
    least, most = (found[side].cast(pa.string()).as_py() for side in ("min", "max"))
    return least, most


def list_lengths(lists: A) -> A:
    """How many values each list or map holds."""
    return _pc.list_value_length(cast(lists, _pairs(lists.type)))  # type: ignore[no-any-return]


def lengths(texts: A) -> A:
    """The length of each text in bytes."""
    return _pc.binary_length(texts)  # type: ignore[no-any-return]


def trim(texts: A) -> A:
    """The texts without white space at their ends."""
    return _pc.utf8_trim_whitespace(texts)  # type: ignore[no-any-return]


def lower(texts: A) -> A:
    """The texts in small letters."""
    return _pc.utf8_lower(texts)  # type: ignore[no-any-return]


def trim_end(texts: A, characters: str) -> A:
    """The texts without any of these characters at their end."""
    return _pc.utf8_rtrim(texts, characters=characters)  # type: ignore[no-any-return]


def starts_with(texts: A, text: str) -> A:
    """Where a text begins with `text`."""
    return _pc.starts_with(texts, pattern=text)  # type: ignore[no-any-return]


def ends_with(texts: A, text: str) -> A:
    """Where a text ends with `text`."""
    return _pc.ends_with(texts, pattern=text)  # type: ignore[no-any-return]


def contains(texts: A, text: str) -> A:
    """Where a text has `text` in it."""
    return _pc.match_substring(texts, pattern=text)  # type: ignore[no-any-return]


def matches(texts: A, pattern: str) -> A:
    """Where a pattern of RE2 is found in a text. Raises Invalid for what is no pattern."""
    return _pc.match_substring_regex(texts, pattern=pattern)  # type: ignore[no-any-return]


def split(texts: A, separator: str) -> A:
    """Each text cut at the separator, as lists."""
    return _pc.split_pattern(texts, pattern=separator)  # type: ignore[no-any-return]


def replace(texts: A, old: str, new: str) -> A:
    """The texts with every `old` replaced."""
    return _pc.replace_substring(texts, old, new)  # type: ignore[no-any-return]


def join(*texts: Any, separator: str = "", nulls: Literal["emit_null", "skip"] = "skip") -> Values:
    """Texts side by side as one text."""
    joined: Values = _pc.binary_join_element_wise(*texts, separator, null_handling=nulls)
    return joined


def struct(columns: Sequence[Values], names: Sequence[str]) -> Values:
    """Columns side by side as one column of records."""
    return _pc.make_struct(*columns, field_names=list(names))  # type: ignore[no-any-return]


def with_column(rows: T, name: str, values: Values | NDArray[Any]) -> T:
    """The rows with a column set: in the place of the one of that name, else at the end."""
    place = rows.schema.get_field_index(name)
    if place < 0:
        return _any(rows).append_column(name, _array(values))  # type: ignore[no-any-return]
    return _any(rows).set_column(place, name, _array(values))  # type: ignore[no-any-return]


def to_numpy(values: Values) -> NDArray[Any]:
    """The values as a numpy array, without a copy where there is no null and one chunk."""
    return combine(values).to_numpy(zero_copy_only=False)


def _array(values: Any) -> Any:
    return values if isinstance(values, Array | ChunkedArray) else pa.array(values)


def _pairs(kind: Any) -> pa.DataType:
    if not pa.types.is_map(kind):
        return kind  # type: ignore[no-any-return]
    fields = [pa.field("key", kind.key_type, nullable=False), pa.field("value", kind.item_type)]
    return _any(pa).list_(pa.struct(fields))  # type: ignore[no-any-return]


def _any(value: Any) -> Any:
    return value
