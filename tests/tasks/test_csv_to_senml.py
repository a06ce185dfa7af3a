"""csv_to_senml: columns to SenML texts, and back."""

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymill.errors import ConfigError, InputError, PipelineError
from raymill.flow import Fail, Rows
from raymill.flow.parameters import read_config
from raymill.tasks.csv_to_senml import CsvToSenml, Element, read_schema
from raymill.tasks.senml_parse import SenmlParse
from raymill.testing import check_task

task = CsvToSenml.declared
SCHEMA = "timestamp,id,temp\nsecond,string,far\nsv,sv,v\n"


def values(records: list[dict[str, Any]], **given: Any) -> list[str]:
    return [found["value"] for found in task.try_out(records, **given)]


def schema(folder: Path, text: str = SCHEMA) -> str:
    path = folder / "schema.csv"
    path.write_text(text)
    return str(path)


def test_a_record_is_written_as_riotbench_does(tmp_path: Path) -> None:
    record = {"timestamp": "5", "id": "s1", "temp": "8", "more": "x"}
    assert values([record], schema_file=schema(tmp_path)) == [
        '{"e":[{"n":"id","sv":"s1","u":"string"},{"n":"temp","v":"8","u":"far"}],"bt":"5"}'
    ]


def test_numbers_can_be_json_numbers_as_in_the_rfc() -> None:
    record = {"ts": 5, "a": 7.5, "b": 3, "id": "s1", "on": True}
    assert values([record], numbers="number") == [
        '{"e":[{"n":"a","v":7.5},{"n":"b","v":3},{"n":"id","sv":"s1"},{"n":"on","vb":true}],"bt":5}'
    ]
    assert values([{"a": "29.00"}], numbers="number", columns=["a:v"]) == [
        '{"e":[{"n":"a","v":29.0}]}'
    ]


def test_fields_without_a_value_are_left_out() -> None:
    records = [
        {"a": None, "b": 1.0, "c": None},
        {"a": "x", "b": None, "c": 2.0},
        {"a": None, "b": None, "c": None},
    ]
    assert values(records) == [
        '{"e":[{"n":"b","v":"1.0"}]}',
        '{"e":[{"n":"a","sv":"x"},{"n":"c","v":"2.0"}]}',
        '{"e":[]}',
    ]
    assert values([{"ts": None, "a": 1}, {"ts": 3, "a": 1}]) == [
        '{"e":[{"n":"a","v":"1"}]}',
        '{"e":[{"n":"a","v":"1"}],"bt":"3"}',
    ]


def test_text_is_escaped() -> None:
    (text,) = values([{'q"': 'a"b\\c\n😀'}])
    assert json.loads(text) == {"e": [{"n": 'q"', "sv": 'a"b\\c\n😀'}]}


def test_what_is_no_finite_number_is_text_or_fails() -> None:
    records = [{"a": math.nan}, {"a": math.inf}, {"a": 1.0}]
    assert values(records)[:2] == ['{"e":[{"n":"a","v":"nan"}]}', '{"e":[{"n":"a","v":"inf"}]}']
    assert task.try_out(records, numbers="number")[:2] == [Fail("a number has no JSON form")] * 2
    found = task.try_out([{"a": "x"}, {"a": "1"}], numbers="number", columns=["a:v"])
    assert found[0] == Fail("a number has no JSON form")
    assert found[1]["value"] == '{"e":[{"n":"a","v":1.0}]}'


def apply(columns: dict[str, Any], **given: Any) -> list[str]:
    batch = pa.record_batch(columns)
    lifted = CsvToSenml(**given).learn(batch)
    rows = Rows({name: batch.column(name) for name in batch.schema.names}, batch.num_rows)
    return lifted.apply(rows, None).columns["value"].to_pylist()  # type: ignore[union-attr]


def test_dictionaries_and_times_are_written() -> None:
    times = pa.array([1422748800000], pa.timestamp("ms"))
    found = apply({"ts": times, "id": pa.array(["x"]).dictionary_encode(), "day": times})
    day = '{"n":"day","sv":"2015-02-01 00:00:00.000"}'
    assert found == ['{"e":[{"n":"id","sv":"x"},' + day + '],"bt":"1422748800000"}']


def test_a_column_that_is_no_value_is_refused() -> None:
    with pytest.raises(PipelineError, match="`a`"):
        CsvToSenml().learn(pa.record_batch({"a": [[1]]}))
    with pytest.raises(ConfigError, match="value key"):
        CsvToSenml(columns=("a",)).spec()


@given(
    st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(allow_nan=False),
            st.none() | st.text(max_size=8),
            st.none() | st.floats(-1e6, 1e6),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["text", "number"]),
)
def test_senml_parse_gives_the_input_back(rows: list[Any], numbers: Any) -> None:
    if numbers == "number":
        rows = [row for row in rows if row[1] is None or math.isfinite(row[1])]
    time, a, text, b = ([row[n] for row in rows] for n in range(4))
    kinds = (pa.int64(), pa.float64(), pa.string(), pa.float64())
    pairs = zip((time, a, text, b), kinds, strict=True)
    columns = dict(
        zip(("timestamp", "a", "id", "b"), (pa.array(c, k) for c, k in pairs), strict=True)
    )
    written = apply(columns, numbers=numbers)
    parse = SenmlParse(fields=("a", "id:text", "b"))
    found = parse.apply(Rows({"senml": pa.array(written, pa.string())}, len(written)), None)
    assert found.code is None
    assert list(found.columns["timestamp"]) == time
    for name, column in (("a", a), ("id", text), ("b", b)):
        assert found.columns[name].to_pylist() == column  # type: ignore[union-attr]


@pytest.mark.parametrize("numbers", ["text", "number"])
def test_the_invariants_of_tasks_hold(numbers: str) -> None:
    cells = [1.5, None, math.nan, -0.0, 1e300]
    records = [{"ts": n, "a": cells[n % 5], "id": None if n % 3 else "x"} for n in range(30)]
    found = check_task(task, records, numbers=numbers)
    assert len(found.records) == (30 if numbers == "text" else 24)


def test_a_schema_file_is_three_lines(tmp_path: Path) -> None:
    assert read_schema(schema(tmp_path))[2] == Element("temp", "v", "far")
    for text in ("a,b\nx,y\n", "a,b\nx\nv,v\n", "a\nx\ny\n"):
        with pytest.raises(InputError, match="Schema file"):
            read_schema(schema(tmp_path, text))
    with pytest.raises(InputError, match="absent"):
        task.lift(schema_file=str(tmp_path / "absent")).spec()


def test_a_riotbench_properties_file_names_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "tasks.properties"
    path.write_text(f"PARSE.CSV_SCHEMA_WITH_ANNOTATEDFIELDS_FILEPATH={schema(tmp_path)}\n")
    given = read_config(path, task.options.properties)
    assert values([{"timestamp": 1, "id": "x", "temp": 2}], **given) == [
        '{"e":[{"n":"id","sv":"x","u":"string"},{"n":"temp","v":"2","u":"far"}],"bt":"1"}'
    ]


def test_the_schemas_of_riotbench_are_read(shared_data: Path) -> None:
    files = sorted((shared_data / "riotbench/schemas").iterdir())
    assert [len(read_schema(str(file))) for file in files] == [26, 28, 11, 9, 17, 20]


@pytest.mark.parametrize("name", ["SYS", "TAXI", "FIT"])
def test_the_real_streams_come_back(shared_data: Path, name: str) -> None:
    text = (shared_data / f"riotbench/streams/{name}_sample_data_senml.csv").read_text()
    records = [{"senml": line.partition(",")[2]} for line in text.splitlines() if line]
    parsed = SenmlParse.declared.try_out(records)
    written = [{"senml": text} for text in values(parsed)]
    assert SenmlParse.declared.try_out(written) == parsed
