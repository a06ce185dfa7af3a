"""SenML-CSV out."""

import json
import math
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.sinking import through
from raymill.connectors.senml_csv_sink import SenmlCsvSink
from raymill.errors import SinkError, UnknownName


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "out.senml.csv")


def test_the_raw_text_is_written_as_it_is(path: str) -> None:
    raw = '{"e":[{"v":"8","u":"far","n":"temperature"}],"bt":1422748800000}'
    batch = pa.record_batch({"ts": [1422748800000], "senml": [raw], "temperature": [8.0]})
    assert through(SenmlCsvSink(path), batch) == f"1422748800000,{raw}\n".encode()


def test_columns_become_elements_and_null_is_left_out(path: str) -> None:
    batch = pa.record_batch(
        {
            "source": [None, 'ci"4', "x"],
            "ts": [5, 6, 7],
            "dust": [411.02, None, math.nan],
            "light": [0, 1, None],
            "night": [None, True, None],
        }
    )
    assert through(SenmlCsvSink(path), batch).decode().splitlines() == [
        '5,{"e":[{"n":"dust","v":411.02},{"n":"light","v":0}],"bt":5}',
        '6,{"e":[{"n":"source","sv":"ci\\"4"},{"n":"light","v":1},{"n":"night","vb":true}],"bt":6}',
        '7,{"e":[{"n":"source","sv":"x"}],"bt":7}',
    ]


def test_records_without_a_value_have_no_element(path: str) -> None:
    batch = pa.record_batch({"ts": [5, 6], "a": pa.nulls(2, pa.float64())})
    assert through(SenmlCsvSink(path), batch) == b'5,{"e":[],"bt":5}\n6,{"e":[],"bt":6}\n'


def test_elements_are_json_whatever_the_names(path: str) -> None:
    batch = pa.record_batch({"when": [5], 'a"b': [1.5], "é": ["\\"]})
    (line,) = through(SenmlCsvSink(path, time="when"), batch).decode().splitlines()
    elements = [{"n": 'a"b', "v": 1.5}, {"n": "é", "sv": "\\"}]
    assert json.loads(line.removeprefix("5,")) == {"e": elements, "bt": 5}


def test_a_missing_time_column_is_told(path: str) -> None:
    with pytest.raises(UnknownName, match="Unknown time column `ts`") as caught:
        SenmlCsvSink(path).open(pa.schema({"tss": pa.int64()}))
    assert str(caught.value.hint).startswith("did you mean `tss`?")


def test_a_time_that_is_no_whole_number_is_told(path: str) -> None:
    with pytest.raises(SinkError, match="time column `ts` is `double`"):
        SenmlCsvSink(path).open(pa.schema({"ts": pa.float64()}))


def test_a_list_is_no_senml_value(path: str) -> None:
    with pytest.raises(SinkError, match=r"Column `a` of type `list<.*>` is no SenML value"):
        SenmlCsvSink(path).open(pa.schema({"ts": pa.int64(), "a": pa.list_(pa.int64())}))


@pytest.mark.parametrize("column", ["ts", "senml"])
def test_a_record_without_time_or_text_is_told(path: str, column: str) -> None:
    columns = {"ts": [1, 2], "senml": ["{}", "{}"]}
    columns[column] = [columns[column][0], None]  # type: ignore[list-item]
    with pytest.raises(SinkError, match=f"column `{column}` is null"):
        through(SenmlCsvSink(path), pa.record_batch(columns))


def test_raw_text_over_two_lines_is_refused(path: str) -> None:
    with pytest.raises(SinkError, match="`senml-csv` cannot hold a line break"):
        through(SenmlCsvSink(path), pa.record_batch({"ts": [1], "senml": ["{\n}"]}))


@pytest.mark.parametrize("name", ["SYS", "TAXI", "FIT"])
def test_real_streams_are_written_as_they_were_read(
    path: str, shared_data: Path, name: str
) -> None:
    data = (shared_data / "riotbench" / "streams" / f"{name}_sample_data_senml.csv").read_bytes()
    lines = [line.split(",", 1) for line in data.decode().splitlines()]
    batch = pa.record_batch(
        {"ts": [int(time) for time, _ in lines], "senml": [raw for _, raw in lines]}
    )
    assert through(SenmlCsvSink(path), batch) == data.rstrip(b"\n") + b"\n"
