"""A task over files and items in this process.

Kalman filter by hand with q = 0, r = 1, p0 = 1, x = 0: the result is the sum of the values so far
over one more than their number.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from raymill.engines.standalone import StandaloneRunner
from raymill.errors import ConfigError, InputError, PipelineError, UnknownName
from raymill.flow import task
from raymill.tasks import BlockWindowAverageTask, KalmanFilterTask

MEANS = {"q": 0.0, "r": 1.0, "p0": 1.0}
LINES = "3\n3\n\nsix\n6\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "sensor.txt"
    path.write_text(LINES)
    return path


def test_lines_go_in_and_the_results_come_out_as_lines(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "smooth.txt"
    totals = StandaloneRunner("kalman_filter", MEANS).run_file(source, output)
    assert [float(line) for line in output.read_text().split()] == pytest.approx([1.5, 2.0, 3.0])
    assert (totals["total_records"], totals["processed_records"], totals["errors"]) == (4, 3, 1)
    letter = json.loads((tmp_path / "smooth.txt.dead.jsonl").read_text())
    assert (letter["line"], letter["reason"]) == (4, "`value` is not a number")


def test_a_task_is_a_name_a_declared_task_or_a_task_object(source: Path, tmp_path: Path) -> None:
    from raymill.tasks.block_window_average import block_window_average
    from raymill.tasks.range_filter import RangeFilter

    for one in ("block_window_average", block_window_average, BlockWindowAverageTask(window=3)):
        config = None if not isinstance(one, str) else {"window": 3}
        wanted = 1 if one is not block_window_average else 0
        assert StandaloneRunner(one, config).run_file(source)["valid_results"] == wanted
    low = RangeFilter({"value": (0, 4)})
    assert StandaloneRunner(low).run_stream([3, 5, 4])["results"] == [3, None, 4]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("one.properties", "AGGREGATE.BLOCK_COUNT.WINDOW_SIZE=3\nIO.AZURE.KEY=none\n"),
        ("one.yaml", "window: 3\n"),
    ],
)
def test_configuration_comes_from_a_file(
    name: str, text: str, source: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    output = tmp_path / "mean.txt"
    StandaloneRunner("block_window_average", tmp_path / name).run_file(source, output)
    assert output.read_text() == "4.0\n"


def test_a_mapping_may_hold_properties() -> None:
    config = {"AGGREGATE.BLOCK_COUNT.WINDOW_SIZE": "2", "IO.AZURE.KEY": "none"}
    assert StandaloneRunner("block_window_average", config).run_stream([1, 3])["results"] == [
        None,
        2.0,
    ]


def test_an_unknown_parameter_or_task_is_named_before_anything_runs() -> None:
    with pytest.raises(UnknownName) as caught:
        StandaloneRunner("kalman_filter", {"qq": 1}).run_stream([1])
    assert "`q`" in str(caught.value.hint)
    with pytest.raises(UnknownName):
        StandaloneRunner("kalman").run_stream([1])
    with pytest.raises(ConfigError):
        StandaloneRunner("kalman_filter", {"r": 0}).run_stream([1])


def test_a_result_of_several_fields_is_json_in_each_line(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text('{"e":[{"n":"light","v":"7.5"}],"bt":1422748800000}\n')
    StandaloneRunner("senml_parse").run_file(tmp_path / "in.txt", tmp_path / "out.txt")
    found = json.loads((tmp_path / "out.txt").read_text())
    assert found == {"timestamp": 1422748800000, "light": 7.5}


def test_several_files_are_run_each_for_itself(source: Path, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("3\n")
    runner = StandaloneRunner(KalmanFilterTask(**MEANS))
    totals = runner.run_batch([source, tmp_path / "other.txt"], tmp_path / "out" / "deep")
    assert (totals["files_processed"], totals["total_records"], totals["errors"]) == (2, 5, 1)
    assert (tmp_path / "out" / "deep" / "other.txt").read_text() == "1.5\n"


def test_inputs_of_one_name_would_meet_in_a_folder(source: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    twin = tmp_path / "deep" / "sensor.txt"
    twin.write_text("1\n")
    with pytest.raises(ConfigError, match="would both be written"):
        StandaloneRunner("noop").run_batch([source, twin], tmp_path / "out")


def test_a_missing_input_stops_a_batch_before_it_begins(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.txt"):
        StandaloneRunner("noop").run_batch([source, tmp_path / "missing.txt"], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_items_of_a_stream_keep_their_places() -> None:
    runner = StandaloneRunner("block_window_average", {"window": 2, "flush": True})
    found = runner.run_stream([1, 3, "x", 5])
    assert found["results"] == [None, 2.0, None, None, 5.0], "the open rest comes behind"
    assert found["metrics"]["failed"] == {"`value` is not a number": 1}


def test_a_key_gives_each_series_its_state() -> None:
    records = [{"who": who, "value": 3} for who in "aab"]
    runner = StandaloneRunner("kalman_filter", {**MEANS, "key": "who"})
    results = runner.run_stream(records)["results"]
    assert [one["value"] for one in results] == pytest.approx([1.5, 2.0, 1.5])


@task
def counted(record: dict[str, Any]) -> dict[str, Any]:
    """Count the fields of a record."""
    return {**record, "fields": len(record)}


def test_a_function_of_a_record_sees_the_fields_of_the_items_and_no_other() -> None:
    assert StandaloneRunner(counted).run_stream([{"n": 1, "m": 2}])["results"] == [
        {"n": 1, "m": 2, "fields": 2}
    ]


def test_plain_values_of_every_kind_pass_a_task_that_adds_nothing() -> None:
    assert StandaloneRunner("noop").run_stream(["", None, 3, "x"])["results"] == ["", None, 3, "x"]


def test_a_field_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n1,2\n")
    with pytest.raises(PipelineError, match="No field"):
        StandaloneRunner("kalman_filter").run_file(tmp_path / "in.csv")


def test_metrics_are_exported_after_a_run(tmp_path: Path) -> None:
    runner = StandaloneRunner("noop")
    with pytest.raises(ConfigError, match="before the first run"):
        runner.export_metrics(tmp_path / "metrics.json")
    runner.run_stream([1, 2])
    runner.export_metrics(tmp_path / "metrics.json")
    assert json.loads((tmp_path / "metrics.json").read_text())["total_items"] == 2
    runner.export_metrics(tmp_path / "metrics.csv")
    assert (tmp_path / "metrics.csv").read_text().startswith("metric,value\ntotal_items,2\n")
