"""JSON lines: columns, types, and lines that do not fit."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sourcing import Drained, drain, put
from raymill.connectors.jsonl import JsonLinesSource
from raymill.connectors.objects import infer, parse
from raymill.errors import UnknownName

SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_columns_are_the_keys_in_order_of_appearance(tmp_path: Path) -> None:
    body = '{"b": 1, "a": "x"}\n{"c": [1, 2.5], "b": 2.5}\n{"d": {"e": [1]}, "f": true}\n'
    source = JsonLinesSource((put(tmp_path, "x.jsonl", body),))
    assert source.schema() == pa.schema(
        [
            ("b", pa.float64()),
            ("a", pa.string()),
            ("c", pa.list_(pa.float64())),
            ("d", pa.string()),
            ("f", pa.bool_()),
        ]
    )
    assert drain(source).rows == [
        (1, (1.0, "x", None, None, None)),
        (2, (2.5, None, [1.0, 2.5], None, None)),
        (3, (None, None, None, '{"e":[1]}', True)),
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2"], "int64"),
        (["1", "2.0"], "double"),
        (["18446744073709551615"], "double"),
        (["true", "null"], "bool"),
        (["true", "1"], "string"),
        (["1", '"x"'], "string"),
        (["[1]", "[]"], "list<item: double>"),
        (["[1]", "[2]"], "list<item: int64>"),
        (['["x"]'], "string"),
        (["null"], "string"),
        (["NaN"], "double"),
    ],
)
def test_types_widen_in_the_sample(values: list[str], kind: str) -> None:
    schema = infer(parse(b'{"v":' + value.encode() + b"}") for value in values)
    assert str(schema.field("v").type) == kind


def test_a_line_that_does_not_fit_is_rejected_with_its_line_and_reason(tmp_path: Path) -> None:
    first = put(tmp_path, "1.jsonl", '{"v":1,"w":2.5,"t":"x"}\n' + " " * 70_000)
    lines = [
        '{"v":1.5}',
        '{"v":2.0,"t":7}',
        "",
        '{"v":',
        "[1]",
        '{"v":"3"}',
        '{"w":true}',
        '{"z":1}',
        '{"v":4} {"v":5}',
        '{"w":NaN}',
        '{"v":6}\r',
        '{"t":"é"}',
    ]
    body = "\n".join(lines).encode().replace("é".encode(), b"\xe9")
    # Behind what is looked at of a further file, so that its types and fields come late.
    late = put(tmp_path, "2.jsonl", b'{"v":0}\n' + b" " * 70_000 + b"\n" + body)
    got = drain(JsonLinesSource((first, late)))
    assert str(got.rows) == str(
        [
            (1, (1, 2.5, "x")),
            (3, (0, None, None)),
            (6, (2, None, "7")),
            (14, (None, float("nan"), None)),
            (15, (6, None, None)),
        ]
    )
    assert [(line, reason) for line, reason, _ in got.rejects] == [
        (5, "column `v`: `1.5` is no int64"),
        (8, "no JSON: unexpected end of data: line 1 column 6 (char 5)"),
        (9, "`[1]` is no JSON object"),
        (10, 'column `v`: `"3"` is no int64'),
        (11, "column `w`: `true` is no double"),
        (12, "unknown field `z`"),
        (13, "no JSON: unexpected content after document: line 1 column 9 (char 8)"),
        (16, "no valid UTF-8 at byte 7"),
    ]
    assert got.rejects[-1][2] == r'{"t":"\xe9"}'


def test_unknown_fields_can_be_dropped(tmp_path: Path) -> None:
    first = put(tmp_path, "1.jsonl", '{"v":1}\n')
    second = put(tmp_path, "2.jsonl", '{"v":2}\n' + " " * 70_000 + '\n{"v":3,"late":1}\n')
    assert len(drain(JsonLinesSource((first, second))).rejects) == 1
    assert drain(JsonLinesSource((first, second), unknown="drop")).values == [1, 2, 3]
    with pytest.raises(UnknownName, match="Unknown value of `unknown` `drip`"):
        JsonLinesSource((first,), unknown="drip")  # type: ignore[arg-type]


def test_fields_of_every_file_are_known(tmp_path: Path) -> None:
    paths = [put(tmp_path, f"{name}.jsonl", f'{{"{name}":1}}\n') for name in "ab"]
    assert drain(JsonLinesSource(tuple(paths))).values == [(1, None), (None, 1)]


def test_a_type_can_be_given(tmp_path: Path) -> None:
    path = put(tmp_path, "x.jsonl", '{"v":1}\n')
    assert JsonLinesSource((path,), types={"v": "double"}).schema().field("v").type == pa.float64()
    with pytest.raises(UnknownName, match="Unknown column `w`"):
        JsonLinesSource((path,), types={"w": "double"}).schema()


@pytest.mark.parametrize("body", ["", "\n \n", "no json\n"])
def test_a_file_without_objects_has_no_rows(tmp_path: Path, body: str) -> None:
    got = drain(JsonLinesSource((put(tmp_path, "x.jsonl", body),)))
    assert got.rows == []
    assert len(got.rejects) == (body == "no json\n")


VALUES = [
    *("1", "-0", "2.5", "-0.0", '"x"', '"1"', "null", "true", "[1,2]", "[1.5]", "[]", "[null]"),
    *('{"k":1}', '["a"]', "NaN", "Infinity", "Inf", "1e400", "99999999999999999999", "1.0"),
    *("9007199254740993", '"\\u00e9"', '"\\ud800"', "1e2", "[-0]", "[NaN]", "007", '"\t"'),
]
ODD = ["", " ", '  {"a":1}', '{"a":1}{"a":2}', '{"a":', "1", "{}", '{"a":1,"a":2}', "\r", "\xe9"]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Lines of which some are no objects, of few kinds of values so that types are found."""
    pool = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=3))
    cell = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(pool))
    record = st.lists(cell, min_size=1, max_size=2, unique_by=lambda pair: pair[0]).map(
        lambda cells: "{" + ",".join(f'"{key}":{value}' for key, value in cells) + "}"
    )
    lines = draw(st.lists(record | st.sampled_from(ODD) | record | record, max_size=8))
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines).encode("latin-1")


@SAME_FOLDER
@given(body=bodies(), drop=st.booleans(), narrow=st.booleans())
def test_any_text_gives_the_same_in_any_unit(
    tmp_path: Path, body: bytes, drop: bool, narrow: bool
) -> None:
    plain, packed = put(tmp_path, "x.jsonl", body), str(tmp_path / "x.jsonl.gz")
    Path(packed).write_bytes(gzip.compress(body))
    results = set()
    for path in (plain, packed):
        for unit in (1, 20, 10_000):
            results.add(str(_drained(path, unit, drop, narrow)))
    assert len(results) == 1


def _drained(path: str, unit: int, drop: bool, narrow: bool) -> Drained:
    source = JsonLinesSource((path,), unit=unit, unknown="drop" if drop else "reject")
    if narrow and "a" in source.schema().names:
        source = source.select(frozenset({"a"}))
    got = drain(source)
    return Drained(got.rows, got.rejects, got.lines, 0)
