"""SenML records to columns: every level of the scanner gives the library's answer."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raymill.connectors.senml.fields import Layout, learn_fields, read_fields
from raymill.connectors.senml.library import BadRecord, read_elements, read_record, reasons
from raymill.connectors.senml.parse import Parsed, Parser
from raymill.errors import ConfigError, UnknownName

LAYOUT = Layout(read_fields("id:text,a,b,note:text,long_name_of_a_sensor"))
SAMPLES = {"SYS": 1000, "TAXI": 1000, "FIT": 45}


def bits(value: Any) -> Any:
    return struct.pack("d", value) if isinstance(value, float) else value


def by_library(text: bytes, layout: Layout) -> Any:
    try:
        record = read_record(text, layout)
    except BadRecord as error:
        return error.code
    return record.time, [bits(value) for value in record.values]


def by_scanner(parsed: Parsed, layout: Layout) -> list[Any]:
    columns = [parsed.columns[field.name].to_pylist() for field in layout.wanted]
    rows = list(zip(*columns, strict=True)) if columns else [()] * len(parsed.code)
    return [
        int(code) if code else (int(time), [bits(value) for value in row])
        for code, time, row in zip(parsed.code, parsed.time, rows, strict=True)
    ]


def scanned(parser: Parser, records: list[bytes], *, utf8: bool = False) -> Parsed:
    ends = np.cumsum([0, *map(len, records)]).astype(np.int32)
    data = np.frombuffer(b"".join(records), np.uint8)
    return parser.parse(data, ends[:-1], ends[1:], utf8=utf8)


def check(records: list[bytes], layout: Layout = LAYOUT) -> None:
    expected = [by_library(record, layout) for record in records]
    learning, generic = Parser(layout), Parser(layout, templates=0)
    assert by_scanner(scanned(generic, records), layout) == expected
    assert by_scanner(scanned(learning, records), layout) == expected
    assert by_scanner(scanned(learning, records), layout) == expected  # now with templates


def one(text: str, layout: Layout = LAYOUT) -> Any:
    return by_scanner(Parser(layout).parse_texts(pa.array([text])), layout)[0]


# --- the library and the kernels agree ---

blank = st.sampled_from(["", "", "", " ", "\t", "\r\n "])
decimals = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.3f}"),
    st.integers().map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
)
ODD_NUMBERS = """
-0 -0.0 0e5 -0e1 00 01.5 1. .5 +1 1e400 -1e999 1e-400 - 1_0 inf nan NaN Infinity 0x10 1e 1e+ --1 ٣
9007199254740993 9007199254740992.0 123456789012345678901234567890 2e22 3e23
"""
odd_numbers = st.sampled_from([*ODD_NUMBERS.split(), " 1", "1 ", ""])
texts = st.one_of(
    st.text(max_size=20).map(lambda text: json.dumps(text)),
    st.text(max_size=20).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(
        ['"a\\/b"', '"\\u0041"', '"\\ud800"', '"\\x"', '"tab\t"', '"' + "x" * 40 + '"']
    ),
)
numbers = st.one_of(decimals, odd_numbers)
values = st.one_of(
    numbers,
    numbers.map(lambda number: f'"{number}"'),
    texts,
    st.sampled_from(["null", "true", "false", "[]", '{"x":1}']),
)
names = st.sampled_from(
    ["id", "a", "b", "note", "long_name_of_a_sensor", "long_name_of_a_sensos", "c", "", "A\\u0061"]
)


@st.composite
def elements(draw: st.DrawFn) -> str:
    pairs = [f'"n":{draw(blank)}"{draw(names)}"']
    if draw(st.integers(0, 9)):
        pairs.append(
            f'"{draw(st.sampled_from(["v", "v", "v", "sv"]))}"{draw(blank)}:{draw(values)}'
        )
    if draw(st.booleans()):
        pairs.append(f'"u":{draw(texts)}')
    if not draw(st.integers(0, 4)):
        extra = ['"t":5', '"t":"5"', '"t":-0.5', '"vb":true', '"vb":1', '"vs":"x"', '"sv":"y"']
        pairs.append(draw(st.sampled_from([*extra, '"v":3', '"x":{}', '"n":"a"', '"u":"m"'])))
    gap = draw(blank)
    return "{" + f"{gap},{gap}".join(draw(st.permutations(pairs))) + gap + "}"


@st.composite
def records(draw: st.DrawFn) -> bytes:
    listed = draw(st.lists(elements(), max_size=5))
    gap = draw(blank)
    pairs = [f'"e":{gap}[{gap}' + f"{gap},{gap}".join(listed) + f"{gap}]"]
    if draw(st.integers(0, 4)):
        times = ["1422748800000", '"1422748800000"', "-1", '"007"', "007", "1.5", '"1.5"', "null"]
        more = ['"x"', "true", "99999999999999999999", '"99999999999999999999"', "1e3", '"1e3"']
        pairs.append(f'"bt":{gap}{draw(st.sampled_from(times + times + more))}')
    if not draw(st.integers(0, 4)):
        extra = ['"bn":"a"', '"bn":1', '"bu":"m"', '"bv":2', '"bv":"x"', '"bver":5', '"e":[]']
        pairs.append(draw(st.sampled_from(extra)))
    text = gap + "{" + f"{gap},{gap}".join(draw(st.permutations(pairs))) + gap + "}" + gap
    return text.encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    text = bytearray(draw(records()))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(text) - 1, 0)))
        what = draw(
            st.sampled_from([b"", b'"', b"\\", b",", b"}", b"]", b"0", b"\x00", b"\xff", b" "])
        )
        text[place : place + draw(st.integers(0, 2))] = what
    return bytes(text)


layouts = st.sampled_from(
    [
        LAYOUT,
        LAYOUT.choose({"a", "note"}),
        LAYOUT.choose(set()),
        Layout(LAYOUT.fields, unknown="drop"),
        Layout(LAYOUT.fields, rfc=True, unknown="drop"),
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(records(), damaged()), max_size=6), layouts)
def test_all_levels_agree_with_the_library(lines: list[bytes], layout: Layout) -> None:
    check(lines, layout)


@settings(deadline=None)
@given(st.lists(numbers, min_size=2, max_size=8))
def test_numbers_of_one_layout_are_what_the_library_reads(written: list[str]) -> None:
    for shape in ('{"e":[{"n":"a","v":%s}]}', '{"e":[{"v":"%s","n":"b"}],"bt":1}'):
        check([(shape % number).encode() for number in written])


@settings(deadline=None)
@given(st.lists(texts, min_size=2, max_size=8))
def test_texts_of_one_layout_are_what_the_library_reads(written: list[str]) -> None:
    shape = '{"e":[{"n":"id","sv":%s},{"n":"a","v":1}],"bt":5}'
    check([(shape % text).encode("utf-8", "surrogatepass") for text in written])


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_equal_float_bit_by_bit(value: float) -> None:
    for text in (repr(value), f"{value:.17g}", f"{value:.5f}"[:300].rstrip("."), f"{value:.15e}"):
        if math.isinf(float(text)) or text == "-0":
            continue  # rounded up beyond the largest number; JSON's -0 is the integer 0
        for written in (text, f'"{text}"'):
            found = one(f'{{"e":[{{"n":"a","v":{written}}}]}}')
            assert found[1][1] == struct.pack("d", float(text))


def test_known_hard_numbers() -> None:
    # 9007199254740993 lies half way between two doubles: to even. 5e-324 is the least subnormal.
    written = {
        "9007199254740993": 9007199254740992.0,
        "0.1": 0.1,
        "123456789012345678": 1.2345678901234568e17,
        "1e22": 1e22,
        "1e23": 1e23,
        "5e-324": 5e-324,
        "1.7976931348623157e308": 1.7976931348623157e308,
    }
    for text, value in written.items():
        assert one(f'{{"e":[{{"n":"a","v":"{text}"}}]}}')[1][1] == struct.pack("d", value)


# --- what a record means ---


def values_of(text: str, layout: Layout = LAYOUT) -> dict[str, Any]:
    parsed = Parser(layout).parse_texts(pa.array([text]))
    assert parsed.code.tolist() == [0], parsed.details
    return {name: column[0].as_py() for name, column in parsed.columns.items()} | {
        "bt": int(parsed.time[0])
    }


def reason_of(text: str, layout: Layout = LAYOUT) -> str:
    parsed = Parser(layout).parse_texts(pa.array([text]))
    return reasons(layout)[int(parsed.code[0]) - 1].reason


def test_v_is_a_number_or_the_text_of_one_and_sv_is_text() -> None:
    text = '{"e":[{"n":"a","v":"8"},{"n":"b","v":7.5},{"n":"id","sv":"x"}],"bt":1422748800000}'
    assert values_of(text) == {
        "id": "x",
        "a": 8.0,
        "b": 7.5,
        "note": None,
        "long_name_of_a_sensor": None,
        "bt": 1422748800000,
    }


@pytest.mark.parametrize(
    ("bt", "expected"),
    [("", 0), (',"bt":12', 12), (',"bt":"12"', 12), (',"bt":12.9', 12), (',"bt":"1e3"', 1000)],
)
def test_the_time_is_an_integer_a_text_a_float_or_absent(bt: str, expected: int) -> None:
    assert values_of('{"e":[]' + bt + "}")["bt"] == expected


def test_an_element_without_a_name_takes_the_base_name() -> None:
    assert values_of('{"bn":"a","e":[{"v":1},{"n":"b","v":2}]}')["a"] == 1.0


def test_names_are_joined_to_the_base_name_as_the_rfc_says_on_demand() -> None:
    layout = Layout(read_fields("dev/a"), rfc=True)
    assert values_of('{"bn":"dev/","e":[{"n":"a","v":1}]}', layout)["dev/a"] == 1.0
    assert values_of('{"e":[{"n":"dev/a","v":1}]}', layout)["dev/a"] == 1.0


def test_the_base_value_is_added_and_a_boolean_is_one_or_zero() -> None:
    assert values_of('{"bv":10,"e":[{"n":"a","v":1.5}]}')["a"] == 11.5
    assert values_of('{"e":[{"n":"a","vb":true},{"n":"b","vb":false}]}')["a"] == 1.0


def test_the_last_of_a_name_wins_and_v_wins_over_sv() -> None:
    assert values_of('{"e":[{"n":"a","v":1},{"n":"a","v":2}]}')["a"] == 2.0
    assert values_of('{"e":[{"n":"a","sv":"3","v":"4"}]}')["a"] == 4.0


def test_elements_give_their_own_time_on_demand() -> None:
    layout = Layout(read_fields("a,b"), element_time=True)
    found = values_of('{"bt":1000,"e":[{"n":"a","v":1,"t":-5},{"n":"b","v":2}]}', layout)
    assert found == {"a": 1.0, "a_time": 995, "b": 2.0, "b_time": 1000, "bt": 1000}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ('{"e":[{"n":"a","v":1}]', "not JSON"),
        ('{"e":[{"n":"a","v":NaN}]}', "not JSON"),
        ("[]", "no SenML record: no list `e` of objects"),
        ('{"bt":5}', "no SenML record: no list `e` of objects"),
        ('{"e":[5]}', "no SenML record: no list `e` of objects"),
        ('{"e":[{"v":1}]}', "element without a name"),
        ('{"e":[{"n":"","v":1}]}', "element without a name"),
        ('{"e":[],"bt":"noon"}', "`bt` is no whole number"),
        ('{"e":[{"n":"other","v":1}]}', "element of an unknown name"),
        ('{"e":[{"n":"b","v":"warm"}]}', "`b` is not a number"),
        ('{"e":[{"n":"b","v":true}]}', "`b` is not a number"),
        ('{"e":[{"n":"note","sv":[1]}]}', "`note` is not a text"),
    ],
)
def test_a_bad_record_fails_with_a_reason(text: str, reason: str) -> None:
    assert reason_of(text) == reason


def test_unknown_elements_can_be_dropped() -> None:
    layout = Layout(read_fields("a"), unknown="drop")
    assert values_of('{"e":[{"n":"other","v":[1]},{"n":"a","v":1}]}', layout)["a"] == 1.0


def test_a_record_that_fails_leaves_its_neighbours_alone() -> None:
    texts = [f'{{"e":[{{"n":"a","v":{number}}}]}}' for number in range(6)]
    texts[3] = '{"e":[{"n":"a","v":"x"}]}'
    parsed = Parser(LAYOUT).parse_texts(pa.array(texts))
    assert parsed.code.tolist() == [0, 0, 0, 7, 0, 0]
    assert parsed.columns["a"].to_pylist()[4] == 4.0
    assert parsed.details == {3: "`a`: 'x'"}


def test_layouts_beyond_the_ones_that_are_kept_are_read_as_well() -> None:
    shapes = ['{"e":[{"n":"a","u":"' + "m" * unit + '","v":%d}]}' for unit in range(20)]
    texts = [shapes[row % 20] % row for row in range(20_000)]
    parser = Parser(LAYOUT)
    parsed = parser.parse_texts(pa.array(texts))
    assert not parsed.code.any()
    assert parsed.columns["a"].to_pylist() == [float(row) for row in range(20_000)]


def test_slices_and_other_string_types_are_read() -> None:
    texts = pa.array([f'{{"e":[{{"n":"a","v":{number}}}]}}' for number in range(5)])
    parser = Parser(LAYOUT)
    assert parser.parse_texts(texts.slice(2, 2)).columns["a"].to_pylist() == [2.0, 3.0]
    for kind in (pa.large_string(), pa.string_view()):
        assert parser.parse_texts(texts.cast(kind)).columns["a"].to_pylist()[4] == 4.0
    assert len(parser.parse_texts(texts.slice(0, 0)).code) == 0


def test_fields_are_named_with_their_types() -> None:
    assert [str(field) for field in read_fields(["a", "b:text"])] == ["a:number", "b:text"]
    with pytest.raises(ConfigError, match="twice"):
        read_fields("a,a:text")
    with pytest.raises(UnknownName, match="string"):
        read_fields("a:string")


def test_fields_are_learned_in_order_of_appearance() -> None:
    lines = [
        b'{"e":[{"n":"a","v":"1"},{"n":"id","sv":"5"}]}',
        b'{"e":[{"n":"c","v":"on"},{"n":"a","v":"x"},{"n":"d","vb":true}]}',
    ]
    found = learn_fields(read_elements(line)[1] for line in lines)
    assert [str(each) for each in found] == ["a:number", "id:text", "c:text", "d:number"]


# --- the real streams ---


def real(shared_data: Path, name: str) -> list[bytes]:
    text = (shared_data / f"riotbench/streams/{name}_sample_data_senml.csv").read_bytes()
    return [line.partition(b",")[2].strip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_real_streams_are_read_alike_by_all_levels(shared_data: Path, name: str) -> None:
    lines = real(shared_data, name)
    layout = Layout(learn_fields(read_elements(line)[1] for line in lines))
    parsed = scanned(Parser(layout), lines)
    assert len(parsed.code) == SAMPLES[name]
    assert not parsed.code.any()
    check(lines, layout)


def test_values_of_the_real_streams(shared_data: Path) -> None:
    # worked out by hand from the first line of each file
    found = {}
    for name in SAMPLES:
        lines = real(shared_data, name)
        layout = Layout(learn_fields(read_elements(line)[1] for line in lines))
        parsed = scanned(Parser(layout), lines[:1])
        found[name] = (int(parsed.time[0]), {k: v[0].as_py() for k, v in parsed.columns.items()})
    time, city = found["SYS"]
    assert (time, city["source"], city["dust"]) == (
        1422748800000,
        "ci4lr75sl000802ypo4qrcjda23",
        411.02,
    )
    time, taxi = found["TAXI"]
    assert (time, taxi["pickup_longitude"], taxi["total_amount"]) == (
        1358101800000,
        "-73.982071",
        30.0,
    )
    time, fit = found["FIT"]  # the time is a JSON string in this file
    assert (time, fit["subjectId"], fit["magnetometer_arm_z"]) == (
        1417890600000,
        "subject8",
        -1.081,
    )
    assert [len(found[name][1]) for name in SAMPLES] == [8, 16, 25]
    assert all(math.isfinite(value) for value in fit.values() if isinstance(value, float))
