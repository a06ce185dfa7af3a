"""What a port reads from a column, and which rows it cannot be read from: the same in any batch."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from raymill.engines.clean import clean
from raymill.flow.column_task import Kind, Port

TEXTS: list[str | None] = ["1.5", " 7 ", "+2", "1e400", "nan", "nan(1)", "0x1F", "1_000", "", None]
# "1e400" is infinite and "nan" is NaN for Python too; "nan(1)" and hexadecimal are for Arrow alone
NUMBERS = [1.5, 7.0, 2.0, None, None, None, None, 1000.0, None, None]
REASONS = {
    3: "`v` is infinite",
    4: "`v` is NaN",
    5: "`v` is not a number",
    6: "`v` is not a number",
    8: "`v` is not a number",
    9: "`v` is null",
}


def read(column: Any, kind: Kind, null: bool = False) -> tuple[list[Any], dict[int, str]]:
    """The cells of all rows, None where they are bad, and why they are."""
    batch = pa.RecordBatch.from_arrays([column], names=["v"])
    asked = clean(batch, {"p": "v"}, {"p": Port(kind, null=null)})
    cells: list[Any] = [None] * len(column)
    good = range(len(column)) if asked.good is None else asked.good.tolist()
    given: Any = asked.columns["p"]
    given = given.tolist() if isinstance(given, np.ndarray) else given.to_pylist()
    for row, cell in zip(good, given, strict=True):
        cells[row] = cell
    return cells, asked.bad


def one_by_one(column: Any, kind: Kind) -> tuple[list[Any], dict[int, str]]:
    """The same, each row a batch of its own."""
    cells, bad = [], {}
    for row in range(len(column)):
        (cell,), wrong = read(column.slice(row, 1), kind)
        cells.append(cell)
        bad |= dict.fromkeys([row] * len(wrong), wrong.get(0, ""))
    return cells, bad


@pytest.mark.parametrize("given", [read, one_by_one])
def test_numbers_are_read_from_text(given: Any) -> None:
    assert given(pa.array(TEXTS), Kind.NUMBER) == (NUMBERS, REASONS)


@pytest.mark.parametrize("given", [read, one_by_one])
def test_integers_are_read_from_text(given: Any) -> None:
    texts = pa.array(["12", "0x1F", " 7", "1.0", "-3", "9223372036854775808", None])
    wrong = "`v` is not an integer"
    assert given(texts, Kind.INTEGER) == (
        [12, None, 7, None, -3, None, None],
        {1: wrong, 3: wrong, 5: wrong, 6: "`v` is null"},
    )


@pytest.mark.parametrize("given", [read, one_by_one])
def test_integers_are_read_from_numbers(given: Any) -> None:
    values = pa.array([2.0, 2.5, None, 1e300, float("nan"), -0.0, 2.0**53])
    wrong = "`v` is not an integer"
    assert given(values, Kind.INTEGER) == (
        [2, None, None, None, None, 0, 2**53],
        {1: wrong, 2: "`v` is null", 3: wrong, 4: wrong},
    )


@pytest.mark.parametrize("given", [read, one_by_one])
def test_times_are_epoch_milliseconds(given: Any) -> None:
    texts = pa.array(["1500", "1970-01-01T00:00:02", "1970-01-01T01:00:03+01:00", "noon", None])
    assert given(texts, Kind.TIME) == (
        [1500, 2000, 3000, None, None],
        {3: "`v` is not a time", 4: "`v` is null"},
    )
    moments = pa.array([1_500_000, None], pa.timestamp("us"))
    assert given(moments, Kind.TIME) == ([1500, None], {1: "`v` is null"})


def test_a_port_that_welcomes_null_sees_what_is_no_number_as_nan() -> None:
    cells, bad = read(pa.array(["1", "x", None, "inf"]), Kind.NUMBER, null=True)
    assert repr(cells) == "[1.0, nan, nan, inf]"
    assert bad == {}


@pytest.mark.parametrize("kind", [Kind.NUMBER, Kind.INTEGER, Kind.TIME, Kind.TEXT, Kind.ANY])
def test_a_null_in_a_dictionary_is_a_null(kind: Kind) -> None:
    words = pa.array(["7", None, "x"])
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0], pa.int8()), words)
    cells, bad = read(column, kind)
    assert bad == {1: "`v` is null", 2: "`v` is null"}
    assert [str(cell) for cell in cells if cell is not None] in (["7", "7"], ["7.0", "7.0"])


def test_words_of_a_dictionary_that_no_row_uses_are_not_looked_at() -> None:
    column = pa.DictionaryArray.from_arrays(
        pa.array([0, 0, 2], pa.int8()), pa.array(["7", "x", "y"])
    )
    assert read(column, Kind.NUMBER) == ([7.0, 7.0, None], {2: "`v` is not a number"})


def test_text_is_never_a_dictionary_and_numbers_become_text() -> None:
    assert read(pa.array(["b", "a", "b"]).dictionary_encode(), Kind.TEXT) == (["b", "a", "b"], {})
    assert read(pa.array([1, 2]), Kind.TEXT) == (["1", "2"], {})


def test_a_hash_is_that_of_the_text() -> None:
    texts, _ = read(pa.array(["1", "2", None]), Kind.HASH)
    numbers, _ = read(pa.array([1, 2, None]), Kind.HASH)
    coded, _ = read(pa.array(["1", "2", None]).dictionary_encode(), Kind.HASH)
    assert texts == numbers == coded
    assert texts[2] is None


def test_the_first_port_that_is_bad_says_why() -> None:
    batch = pa.record_batch({"a": [None, 1.0, None], "b": [None, None, 1.0]})
    asked = clean(batch, {"x": "a", "y": "b"}, {"x": Port(), "y": Port()})
    assert asked.bad == {0: "`a` is null", 1: "`b` is null", 2: "`a` is null"}
    assert asked.count == 0


def test_columns_are_contiguous_and_nobody_writes_to_them() -> None:
    batch = pa.record_batch({"v": pa.array([1.0, 2.0, 3.0, 4.0])}).slice(1, 2)
    column: Any = clean(batch, {"p": "v"}, {"p": Port()}).columns["p"]
    assert column.tolist() == [2.0, 3.0]
    assert not column.flags.writeable
    assert column.flags.c_contiguous
