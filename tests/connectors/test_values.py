"""Columns of every type as JSON: the text is worked out by hand from each type's values."""

import datetime
import json
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymill.connectors.assembly import assemble
from raymill.connectors.values import check, csv_value, json_value
from raymill.errors import SinkError


def as_json(array: pa.Array) -> list[str]:
    return assemble(len(array), json_value(array)).to_array().to_pylist()


def as_csv(array: pa.Array) -> list[str]:
    return assemble(len(array), [csv_value(array)]).to_array().to_pylist()


MOMENT = 1_700_000_000_123  # 2023-11-14T22:13:20.123Z, as `date -u -d @1700000000` says
CASES = {
    "text": (pa.array(["a", None, '"']), ['"a"', "null", '"\\""'], ["a", "", '""""']),
    "nothing": (pa.nulls(2), ["null", "null"], ["", ""]),
    "dictionary": (
        pa.array(["k", None, "k"]).dictionary_encode(),
        ['"k"', "null", '"k"'],
        ["k", "", "k"],
    ),
    "a dictionary that holds null": (
        pa.DictionaryArray.from_arrays(pa.array([1, 0, None]), pa.array(["k", None])),
        ["null", '"k"', "null"],
        ["", "k", ""],
    ),
    "numbers in a dictionary": (
        pa.array([2.5, None]).dictionary_encode(),
        ["2.5", "null"],
        ["2.5", ""],
    ),
    "floats": (
        pa.array([1.5, None, math.nan, math.inf, -math.inf]),
        ["1.5", "null", "null", "null", "null"],
        ["1.5", "", "nan", "inf", "-inf"],
    ),
    "times": (
        pa.array([MOMENT, None], pa.timestamp("ms")),
        ['"2023-11-14T22:13:20.123"', "null"],
        ["2023-11-14T22:13:20.123", ""],
    ),
    "times with a zone": (
        pa.array([MOMENT], pa.timestamp("ms", "Europe/Berlin")),
        ['"2023-11-14T22:13:20.123Z"'],
        ["2023-11-14T22:13:20.123Z"],
    ),
    "dates": (pa.array([datetime.date(2024, 2, 29)]), ['"2024-02-29"'], ["2024-02-29"]),
    "decimals": (pa.array(["1.50"]).cast(pa.decimal128(9, 2)), ['"1.50"'], ["1.50"]),
    "lists of floats": (
        pa.array([[1.0, math.nan], [], None, [2.5]]),
        ["[1.0,null]", "[]", "null", "[2.5]"],
        ['"[1.0,null]"', "[]", "", "[2.5]"],
    ),
    "lists with nulls in them": (pa.array([[1, None], [None]]), ["[1,null]", "[null]"], None),
    "lists of one length": (
        pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float64(), 2)),
        ["[1.0,2.0]", "null", "[3.0,4.0]"],
        None,
    ),
    "lists of text": (pa.array([['a"', None], []]), ['["a\\"",null]', "[]"], None),
    "lists of lists": (pa.array([[[1], [2, 3]], [], [[]]]), ["[[1],[2,3]]", "[]", "[[]]"], None),
    "structures": (
        pa.array([{"x": 1, "y": "q"}, None, {"x": None, "y": "\n"}]),
        ['{"x":1,"y":"q"}', "null", '{"x":null,"y":"\\n"}'],
        ['"{""x"":1,""y"":""q""}"', "", '"{""x"":null,""y"":""\\n""}"'],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_values_of_each_type(case: str) -> None:
    array, expected, cells = CASES[case]
    assert as_json(array) == expected
    if cells is not None:
        assert as_csv(array) == cells


@pytest.mark.parametrize("case", CASES)
def test_a_slice_gives_its_own_values(case: str) -> None:
    array, expected, _ = CASES[case]
    assert as_json(array.slice(1)) == expected[1:]
    assert as_json(array.slice(0, 1)) == expected[:1]
    assert as_json(array.slice(0, 0)) == []


@pytest.mark.parametrize(
    "kind",
    [
        pa.binary(),
        pa.list_(pa.binary()),
        pa.struct({"a": pa.binary()}),
        pa.month_day_nano_interval(),
    ],
    ids=str,
)
def test_what_has_no_text_form_is_refused_by_name(kind: pa.DataType) -> None:
    with pytest.raises(SinkError, match=r"Column `blob` of type .* cannot be written as `jsonl`"):
        check(pa.schema({"fine": pa.int64(), "blob": kind}), "jsonl")


values = st.none() | st.integers(-(2**63), 2**63 - 1)
texts = st.none() | st.text(max_size=5)
RECORD = pa.struct({"n": pa.int64(), "t": pa.list_(pa.string())})
records = st.none() | st.fixed_dictionaries(
    {"n": values, "t": st.none() | st.lists(texts, max_size=3)}
)


@given(st.lists(st.none() | st.lists(records, max_size=3), max_size=8), st.integers(0, 3))
def test_nested_values_read_back(rows: list[Any], skipped: int) -> None:
    array = pa.array(rows, pa.list_(RECORD)).slice(skipped)
    assert [json.loads(text) for text in as_json(array)] == rows[skipped:]
