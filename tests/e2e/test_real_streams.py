"""The recorded streams of RIoTBench run through every task that takes such records."""

import json
from pathlib import Path

import pytest

from raymill.app.streams import run
from raymill.flow import registry
from raymill.flow.pipeline import read

# stream: records, key, a numeric field, and a range that holds part of it (riotbench.md, section 3)
STREAMS = {
    "SYS": (1000, "source", "temperature", "temperature:0.7:35.1"),
    "TAXI": (1000, "taxi_identifier", "fare_amount", "fare_amount:6.00:201.00"),
    "FIT": (45, "subjectId", "ecg_lead_1", "ecg_lead_1:-4.9314:6.1371"),
}
KEYED = {
    "kalman_filter": {},
    "block_window_average": {"window": 3, "flush": True},
    "interpolation": {},
    "sliding_linear_regression": {"window": 2},
    "window": {"aggregate": "mean", "count": 2, "flush": True},
}
OTHERS = ("noop", "pi_by_viete", "distinct_approx_count", "second_order_moment")
APART = (
    "senml_parse",
    "csv_to_senml",
    "xml_parse",
    "range_filter",
    "accumulator",
    "annotate",
    "bloom_filter_train",
    "bloom_filter_check",
)
METADATA = {
    "SYS": "city-metadata.txt",
    "TAXI": "taxi-metadata-sample.txt",
    "FIT": "mhealth_annotation_mapping.csv",
}


@pytest.fixture(params=list(STREAMS))
def stream(request: pytest.FixtureRequest, shared_data: Path) -> tuple[Path, int, str, str, str]:
    name = request.param
    path = shared_data / "riotbench" / "streams" / f"{name}_sample_data_senml.csv"
    return (path, *STREAMS[name])


def test_every_task_stands_in_this_file() -> None:
    assert {*KEYED, *OTHERS, *APART} == set(registry.names(registry.TASKS))


@pytest.mark.parametrize("task", KEYED)
def test_keyed_tasks_answer_hold_or_count_every_record(task: str, stream, tmp_path: Path) -> None:
    path, count, key, field, _ = stream
    out = tmp_path / "out.jsonl"
    steps = read(str(path)).then(task, field=field, key=key, **KEYED[task])
    report = run(steps.write(str(out)), workers=2)
    total = report.metrics.total
    assert total.records_in == count
    assert total.records_failed == 0
    flushed = report.nodes[task]["records_out"] - report.nodes[task]["answered"]
    assert total.records_out == len(out.read_text().splitlines())
    answered = total.records_out - flushed
    assert answered + total.held + total.records_skipped == count


@pytest.mark.parametrize("task", OTHERS)
def test_tasks_without_a_key_answer_every_record(task: str, stream, tmp_path: Path) -> None:
    path, count, key, field, _ = stream
    given = {"distinct_approx_count": {"field": key}, "second_order_moment": {"field": field}}
    settings = {"pi_by_viete": {"iters": 5}}.get(task, {})
    steps = read(str(path)).then(task, **given.get(task, {}), **settings)
    report = run(steps.write(str(tmp_path / "out.parquet")))
    assert report.records_out == count


def test_parsing_the_text_gives_what_the_source_gives(stream, tmp_path: Path) -> None:
    path, count, *_ = stream
    parsed, made = tmp_path / "parsed.jsonl", tmp_path / "made.jsonl"
    run(read(str(path)).then("senml_parse").write(str(parsed)))
    run(read(str(path)).then("noop").write(str(made)))
    records = [json.loads(line) for line in parsed.read_text().splitlines()]
    assert len(records) == count
    for record in records:
        record.pop("timestamp")
    assert records == [json.loads(line) for line in made.read_text().splitlines()]


def test_written_as_senml_and_read_again_nothing_changed(stream, tmp_path: Path) -> None:
    path, count, *_ = stream
    text, back, made = (tmp_path / name for name in ("text.jsonl", "back.jsonl", "made.jsonl"))
    steps = read(str(path)).then("csv_to_senml", as_="senml").select("ts", "senml")
    run(steps.write(str(text)))
    run(read(str(text)).then("senml_parse").write(str(back)))
    run(read(str(path)).write(str(made)))
    records = [json.loads(line) for line in back.read_text().splitlines()]
    assert len(records) == count
    for record in records:
        assert record.pop("timestamp") == record["ts"]
    assert records == [json.loads(line) for line in made.read_text().splitlines()]


def test_the_range_filter_passes_or_counts_every_record(stream, tmp_path: Path) -> None:
    path, count, _, field, valid = stream
    steps = read(str(path)).then("range_filter", valid_range=valid)
    total = run(steps.write(str(tmp_path / "out.csv"))).metrics.total
    assert total.records_out + total.skipped.get(f"out of range: {field}", 0) == count
    assert total.records_out > 0


def test_the_accumulator_collects_every_value(stream, tmp_path: Path) -> None:
    path, count, key, field, _ = stream
    out = tmp_path / "out.jsonl"
    steps = read(str(path)).then(
        "accumulator", series=key, time="ts", value=field, window=20, flush=True
    )
    run(steps.write(str(out)))
    values = [json.loads(line)["values"] for line in out.read_text().splitlines()]
    assert sum(map(len, values)) == count


def test_annotations_of_the_data_set_are_found(stream, shared_data: Path, tmp_path: Path) -> None:
    path, count, key, *_ = stream
    name = METADATA[path.name.split("_")[0]]
    table = shared_data / "riotbench" / "metadata" / name
    out = tmp_path / "out.jsonl"
    run(read(str(path)).then("annotate", field=key, file=str(table)).write(str(out)))
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(records) == count
    assert all(record["annotation_1"] for record in records)


def test_a_bloom_filter_of_the_ids_knows_every_id(stream, tmp_path: Path) -> None:
    path, count, key, *_ = stream
    model, out = tmp_path / "ids.jsonl", tmp_path / "out.jsonl"
    train = read(str(path)).then(
        "bloom_filter_train", field=key, expected_insertions=1000, false_positive_ratio=0.01
    )
    run(train.write(str(model)))
    run(read(str(path)).then("bloom_filter_check", field=key, model=str(model)).write(str(out)))
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [record["might_contain"] for record in records] == [True] * count


def test_the_sample_document_has_the_length_that_is_written_down(
    shared_data: Path, tmp_path: Path
) -> None:
    text = (shared_data / "riotbench" / "xml" / "tempSAX.xml").read_text()
    out: list[dict[str, int]] = []
    run(read([{"value": text}] * 3).then("xml_parse").write(out))
    assert [record["value"] for record in out] == [2512, 2512, 2512]
