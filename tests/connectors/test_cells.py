"""Arrow columns as cells of text."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymill.connectors.assembly import Cells
from raymill.connectors.cells import breaks_line, csv_text, json_text, number_cells, text_cells

NASTY = ["x", None, 'q"\n\x01\\😀', "", "p,q"]
KINDS = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.dictionary(pa.int32(), pa.string()),
    pa.dictionary(pa.int8(), pa.large_string()),
]


def texts(cells: Cells) -> list[str]:
    pairs = zip(cells.starts, cells.stops, strict=True)
    return [cells.text[start:stop].tobytes().decode() for start, stop in pairs]


def column(values: list[str | None], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, pa.string()).cast(kind)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_text_is_plain_or_escaped_for_json_or_quoted_for_csv(kind: pa.DataType) -> None:
    array = column(NASTY, kind)
    assert texts(text_cells(array)) == ["x", "", 'q"\n\x01\\😀', "", "p,q"]
    assert texts(json_text(array)) == ["x", "", 'q\\"\\n\\u0001\\\\😀', "", "p,q"]
    assert texts(csv_text(array)) == ["x", "", '"q""\n\x01\\😀"', '""', '"p,q"']


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_slice_gives_its_own_rows(kind: pa.DataType) -> None:
    array = column(NASTY, kind).slice(2, 2)
    assert texts(text_cells(array)) == ['q"\n\x01\\😀', ""]
    assert texts(json_text(array)) == ['q\\"\\n\\u0001\\\\😀', ""]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_columns_of_nothing_or_of_nulls_are_empty_cells(kind: pa.DataType) -> None:
    for values in ([], [None, None]):
        array = column(values, kind)
        for cells in (text_cells, json_text, csv_text):
            assert texts(cells(array)) == [""] * len(values)


def test_numbers_are_the_shortest_text_that_reads_back() -> None:
    # written down from the IEEE 754 values; the forms with exponents as orjson prints them
    values = [0.1, -0.0, 1e308, 5e-324, 2.0**53 + 2, 1e16, 123456.789, 1e-5, 1e-7]
    expected = ["0.1", "-0.0", "1e+308", "5e-324", "9007199254740994.0", "1e+16", "123456.789"]
    assert texts(number_cells(pa.array(values))) == [*expected, "0.00001", "1e-7"]


def test_what_json_has_no_number_for_is_null() -> None:
    array = pa.array([math.nan, math.inf, -math.inf, None, 1.5])
    assert texts(number_cells(array)) == ["null", "null", "null", "null", "1.5"]


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint64", "bool"])
def test_integers_and_booleans_print_exactly(kind: str) -> None:
    array = pa.array([1, None, 0, 1]).cast(kind).slice(1)
    words = ["null", "false", "true"] if kind == "bool" else ["null", "0", "1"]
    assert texts(number_cells(array)) == words


def test_integers_beyond_the_reach_of_floats_keep_every_digit() -> None:
    array = pa.array([2**53 + 1, -(2**63), 2**63 - 1])
    assert texts(number_cells(array)) == [
        "9007199254740993",
        "-9223372036854775808",
        "9223372036854775807",
    ]


def test_the_first_row_with_a_line_break_is_found() -> None:
    assert breaks_line(text_cells(pa.array(["a", "b", "c\r", "d\n"]))) == 2
    assert breaks_line(text_cells(pa.array(["a", "b"]))) is None


@given(st.lists(st.none() | st.text(max_size=20), max_size=30))
def test_every_text_reads_back_from_json(values: list[str | None]) -> None:
    cells = texts(json_text(pa.array(values, pa.string())))
    assert [json.loads(f'"{cell}"') for cell in cells] == [value or "" for value in values]


@given(st.lists(st.none() | st.floats(), max_size=30), st.integers(0, 5))
def test_every_float_reads_back_bit_for_bit(values: list[float | None], skipped: int) -> None:
    cells = texts(number_cells(pa.array(values, pa.float64()).slice(skipped)))
    for value, cell in zip(values[skipped:], cells, strict=True):
        if value is None or not math.isfinite(value):
            assert cell == "null"
        else:
            assert np.float64(float(cell)).tobytes() == np.float64(value).tobytes()
