"""senml_parse: texts to columns."""

import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from raymill.errors import ConfigError, PipelineError
from raymill.flow import Fail, Rows
from raymill.flow.parameters import read_config
from raymill.tasks.senml_parse import SenmlParse
from raymill.testing import check_task

RECORD = '{"e":[{"n":"id","sv":"s1","u":"string"},{"v":"7.5","u":"far","n":"temp"}],"bt":5}'
task = SenmlParse.declared


def tried(*texts: str, **given: Any) -> list[Any]:
    return task.try_out([{"row": row, "senml": text} for row, text in enumerate(texts)], **given)


def test_the_text_becomes_a_time_and_a_column_for_each_element() -> None:
    assert tried(RECORD) == [{"row": 0, "timestamp": 5, "id": "s1", "temp": 7.5}]


def test_a_record_without_an_element_has_null_there() -> None:
    found = tried(RECORD, '{"e":[{"n":"temp","v":8}]}')
    assert found[1] == {"row": 1, "timestamp": 0, "id": None, "temp": 8.0}


def test_bad_records_fail_with_a_reason_that_names_the_element() -> None:
    bad = ['{"e":[{"n":"temp","v":"warm"}]}', '{"e":[{"n":"dust","v":1}]}', "{}", "x"]
    assert tried(*bad, fields="id:text,temp") == [
        Fail("`temp` is not a number"),
        Fail("element of an unknown name: `dust`"),
        Fail("no SenML record: no list `e` of objects"),
        Fail("not JSON"),
    ]


def test_elements_that_are_no_field_can_be_dropped() -> None:
    assert tried(RECORD, fields=["temp"], unknown="drop") == [
        {"row": 0, "timestamp": 5, "temp": 7.5}
    ]


def test_more_unknown_names_than_there_are_codes_still_fail() -> None:
    texts = [f'{{"e":[{{"n":"x{n}","v":1}}]}}' for n in range(300)]
    found = tried(*texts, fields="a")
    assert found[0] == Fail("element of an unknown name: `x0`")
    assert found[299] == Fail("element of an unknown name")


def test_more_fields_than_there_are_codes_are_read() -> None:
    names = [f"f{n}" for n in range(300)]
    text = '{"e":[{"n":"f299","v":"x"}]}'
    assert tried(text, fields=names) == [Fail("a later field has a value of the wrong type")]


def test_base_names_and_times_of_elements_on_demand() -> None:
    text = '{"bn":"a/","bt":10,"e":[{"n":"b","v":1,"t":-3}]}'
    assert tried(text, rfc=True, element_time=True) == [
        {"row": 0, "timestamp": 10, "a/b": 1.0, "a/b_time": 7}
    ]


def test_the_invariants_of_tasks_hold() -> None:
    odd = ["{}", "x", '{"e":[{"n":"new","v":1}]}', '{"e":[{"n":"temp","v":"0.1e1"}]}', "", RECORD]
    texts = [RECORD, RECORD.replace("temp", "te\\u006dp"), *odd] * 5
    records = [{"row": n, "senml": text} for n, text in enumerate(texts)]
    found = check_task(task, records, fields="id:text,temp")
    assert len(found.records) == 20


def test_parameters_are_checked() -> None:
    with pytest.raises(ConfigError, match="unknown"):
        task.lift(unknown="maybe")
    with pytest.raises(PipelineError, match="timestamp"):
        task.lift(fields="timestamp").spec()


def test_spec_is_the_same_after_learning_and_pickling() -> None:
    learned = SenmlParse().learn(pa.record_batch({"senml": [RECORD]}))
    learned.open()
    again = pickle.loads(pickle.dumps(learned))
    assert again == learned
    assert again.spec() == learned.spec()
    assert learned.fields == ("id:text", "temp:number")
    rows = Rows({"senml": pa.array([RECORD])}, 1)
    assert again.apply(rows, None).columns["temp"].to_pylist() == [7.5]


def test_a_riotbench_properties_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tasks_TAXI.properties"
    path.write_text("PARSE.SENML.USE_MSG_FIELD=0\nMATH.PI_VIETE.ITERS=1600\n")
    assert read_config(path, task.options.properties) == {}


@pytest.mark.parametrize(("name", "count"), [("SYS", 1000), ("TAXI", 1000), ("FIT", 45)])
def test_the_real_streams_are_parsed_whole(shared_data: Path, name: str, count: int) -> None:
    text = (shared_data / f"riotbench/streams/{name}_sample_data_senml.csv").read_text()
    lines = [line.partition(",") for line in text.splitlines() if line]
    found = task.try_out([{"ts": int(ts), "senml": record} for ts, _, record in lines])
    assert len(found) == count
    assert all(record["timestamp"] == record["ts"] for record in found)
