"""The tasks over RIoTBench's real sample streams."""

from pathlib import Path
from typing import Any

import pytest

from raymill import json
from tasks.recut import run

CITY = (
    "temperature:-12.5:43.1,humidity:10.7:95.2,light:1345:26282,dust:186.61:5188.21,"
    "airquality_raw:17:363"
)
TAXI = (
    "trip_time_in_secs:140:3155,trip_distance:1.37:29.86,fare_amount:6.00:201.00,"
    "tip_amount:0.65:38.55,tolls_amount:2.50:18.00"
)
FIT = (
    "acc_chest_x:-13.931:4.123,acc_chest_y:-4.6376:5.2361,acc_chest_z:-8.1881:7.8786,"
    "ecg_lead_1:-4.9314:6.1371,ecg_lead_2:-6.786:6.6604,"
)


def stream(data: Path, name: str) -> list[dict[str, Any]]:
    path = data / "riotbench" / "streams" / f"{name}_sample_data_senml.csv"
    lines = [json.loads(line.partition(",")[2]) for line in path.read_text().splitlines()]
    return [{e["n"]: e.get("v", e.get("sv")) for e in line["e"]} for line in lines]


# riotbench.md section 3: 5.4 % of the CITY records, 5.7 % of TAXI and all of FIT pass.
@pytest.mark.parametrize(
    ("name", "ranges", "passed"), [("SYS", CITY, 54), ("TAXI", TAXI, 57), ("FIT", FIT, 45)]
)
def test_as_many_records_pass_the_ranges_as_in_the_original(
    shared_data: Path, name: str, ranges: str, passed: int
) -> None:
    assert len(run("range_filter", stream(shared_data, name), valid_range=ranges).records) == passed


@pytest.mark.parametrize(
    ("task", "parameters", "answers"),
    [
        ("kalman_filter", {"key": "source"}, 1000),
        ("block_window_average", {"window": 4, "key": "source"}, 2),  # two ids have four records
        ("interpolation", {"key": "source"}, 1000),
        ("sliding_linear_regression", {}, 990),
        ("second_order_moment", {}, 1000),
    ],
)
def test_numbers_of_the_city_sensors(
    shared_data: Path, task: str, parameters: dict[str, Any], answers: int
) -> None:
    found = run(task, stream(shared_data, "SYS"), [300, 301], value="temperature", **parameters)
    assert found.counts.answered == answers
    assert not found.counts.failed


def test_windows_of_the_city_sensors(shared_data: Path) -> None:
    records = stream(shared_data, "SYS")
    found = run("accumulator", records, [7, 500], series="source", value="temperature")
    assert found.counts.answered == 50  # 1,000 records in windows of 20
    assert sum(len(record["values"]) for record in found.records) == 1000


def test_ids_of_the_city_sensors(shared_data: Path, tmp_path: Path) -> None:
    records = stream(shared_data, "SYS")
    [model] = run("bloom_filter_train", records, value="source", expected_insertions=788).records
    assert model["members"] == pytest.approx(788, rel=0.01)  # 788 different ids
    path = tmp_path / "ids.jsonl"
    path.write_bytes(json.dumps({"model": model["model"]}))
    found = run("bloom_filter_check", records, value="source", model=str(path), drop=True)
    assert found.records == records


def test_annotations_of_the_taxi_ids(shared_data: Path) -> None:
    table = shared_data / "riotbench" / "metadata" / "taxi-metadata-sample.txt"
    records = stream(shared_data, "TAXI")
    found = run("annotate", records, value="taxi_identifier", file=str(table), unknown="fail")
    assert found.counts.answered == 1000  # the table has all ids of the sample
    assert all(record["annotation_3"] for record in found.records)
