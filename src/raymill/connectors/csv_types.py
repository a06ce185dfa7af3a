"""From text cells to numbers: which type a column has, and which cells do not fit it."""

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from raymill.arrow import Array, cast, combine, equal, fill_null, if_else, invert
from raymill.errors import unknown

INTEGER, NUMBER, TEXT = pa.int64(), pa.float64(), pa.string()
TYPES: dict[str, pa.DataType] = {"int64": INTEGER, "double": NUMBER, "string": TEXT}
_EXACT = 1 << 53

_BLANKS = " \t"
_WHOLE = r"^[+-]?[0-9]+$"
_DECIMAL = (
    r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$|"
    r"^[+-]?(?i:nan(?:\([a-z0-9_]*\))?|inf|infinity)$"
)
_SURELY_WHOLE = r"^-?[0-9]{1,18}$"
_PADDED = r"^[+-]?0[0-9]"
_USUAL = {INTEGER: _SURELY_WHOLE, NUMBER: _DECIMAL}


def named_type(name: str) -> pa.DataType:
    """The type of a column by its name: int64, double, string. Raises UnknownName."""
    if name not in TYPES:
        raise unknown("column type", name, TYPES)
    return TYPES[name]


def infer(cells: Array) -> pa.DataType:
    """Tell the type of a column by its cells (empty ones are null).

    Whole numbers that fit are int64; whole numbers with leading zeros or too many digits are names,
    not numbers, and stay text; a column without any cell is text.

    >>> str(infer(pa.array(["1", " 2.5", None]))), str(infer(pa.array(["007", "12"])))
    ('double', 'string')
    """
    known = _trimmed(cells).drop_null()
    if len(known) == 0 or _any_match(known, _PADDED):
        return TEXT
    if _all_match(known, _WHOLE):
        return INTEGER if next(_misfits(known, INTEGER), None) is None else TEXT
    return NUMBER if _all_match(known, _DECIMAL) else TEXT


def _any_match(cells: Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(cells, pattern=pattern)).as_py())


def _all_match(cells: Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(cells, pattern=pattern)).as_py())


def _misfits(cells: Array, kind: pa.DataType) -> Iterator[int]:
    return iter(convert(cells, kind)[1])


def convert(cells: Array, kind: pa.DataType) -> tuple[Array, list[int]]:
    """Make cells of text a column of a type, null where empty; name the rows that do not fit.

    >>> convert(pa.array(["1", "x", " 3", "4.0"]), pa.int64())[1]
    [1]
    """
    if kind.equals(TEXT):
        return (fill_null(cells, "") if cells.null_count else cells), []
    if not _may_be_hexadecimal(cells, kind):
        try:
            return cast(cells, kind), []
        except pa.ArrowInvalid:
            pass
    cells = _trimmed(cells)
    usual = pc.match_substring_regex(cells, pattern=_USUAL[kind])
    numbers = cast(combine(if_else(usual, cells, None)), kind)
    rows = np.flatnonzero(fill_null(invert(usual), False).to_numpy(zero_copy_only=False)).tolist()
    if not kind.equals(INTEGER):
        return numbers, rows
    odd = {row: _odd_number(cells[row].as_py()) for row in rows}
    found = [row for row, number in odd.items() if number is not None]
    mask = np.zeros(len(cells), bool)
    mask[found] = True
    values = pa.array([odd[row] for row in found], INTEGER)
    whole: Array = pc.replace_with_mask(numbers, pa.array(mask), values)
    return whole, [row for row, number in odd.items() if number is None]


def _trimmed(cells: Array) -> Array:
    """The cells without blanks around them, null where nothing is left."""
    trimmed: Array = pc.ascii_trim(cells, characters=_BLANKS)
    return combine(if_else(equal(trimmed, ""), None, trimmed))


def _may_be_hexadecimal(cells: Array, kind: pa.DataType) -> bool:
    # Arrow reads 0x1F as a whole number.
    text = cells.buffers()[2] if kind.equals(INTEGER) else None
    if text is None:
        return False
    letters: NDArray[np.uint8] = np.frombuffer(memoryview(text), np.uint8)
    return bool(((letters | np.uint8(32)) == ord("x")).any())


def _odd_number(text: str) -> int | None:
    """Whole numbers that Arrow does not take as such: `+1`, `4.0`, `1e3`."""
    if re.fullmatch(_WHOLE, text) and -(1 << 63) <= int(text) < 1 << 63:
        return int(text)
    if not re.fullmatch(_DECIMAL, text):
        return None
    number = float(text)
    return int(number) if abs(number) <= _EXACT and number.is_integer() else None
