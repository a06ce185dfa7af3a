import math
from pathlib import Path

import pytest

from raymill import json
from raymill.errors import ConfigError
from raymill.tasks.distinct_approx_count import DistinctApproxCount
from tasks.recut import run


def counts(values: list[object], **given: object) -> list[int]:
    found = run(
        DistinctApproxCount, [{"source": value} for value in values], value="source", **given
    )
    return [record["value"] for record in found.records]


def ids(data: Path, name: str, field: str) -> list[object]:
    path = data / "riotbench" / "streams" / name
    records = [json.loads(line.partition(",")[2]) for line in path.read_text().splitlines()]
    return [next(e["sv"] for e in record["e"] if e["n"] == field) for record in records]


@pytest.mark.parametrize("k", [5, 10, 14])
def test_the_error_stays_below_four_sigma_from_one_upward(k: int) -> None:
    found = counts([f"sensor {i}" for i in range(20_000)], k=k)
    worst = max(abs(count - n) / n for n, count in enumerate(found, start=1))
    assert worst <= 4 * 1.04 / math.sqrt(2**k)


def test_a_value_seen_before_changes_nothing() -> None:
    assert counts(["a", "b", "a", "b", "a"], k=14) == [1, 2, 2, 2, 2]


def test_numbers_and_text_of_one_look_are_one_value() -> None:
    assert counts([7, 8, 7], k=14) == counts(["7", "8", "7"], k=14) == [1, 2, 2]


# riotbench.md section 2.1, DAC: what the original gives for the ids of its samples.
@pytest.mark.parametrize(
    ("name", "field", "k", "last"),
    [
        ("SYS_sample_data_senml.csv", "source", 10, 1259),
        ("SYS_sample_data_senml.csv", "source", 5, 626),
        ("TAXI_sample_data_senml.csv", "taxi_identifier", 10, 1329),
        ("TAXI_sample_data_senml.csv", "taxi_identifier", 5, 1149),
    ],
)
def test_java_mode_gives_the_original_figures(
    shared_data: Path, name: str, field: str, k: int, last: int
) -> None:
    assert counts(ids(shared_data, name, field), k=k, compat="java")[-1] == last


def test_java_mode_of_two_thousand_integers() -> None:
    assert counts([str(i) for i in range(2000)], k=5, compat="java")[-1] == 2507


def test_the_java_defect_is_not_repeated() -> None:
    # 0.79402 * 1024 = 813 for an empty sketch: the original's first answer
    assert counts(["a"], k=10, compat="java") == [813]
    assert counts(["a"], k=10) == [1]


def test_the_count_of_real_ids_is_near(shared_data: Path) -> None:
    found = counts(ids(shared_data, "SYS_sample_data_senml.csv", "source"), k=10)
    assert abs(found[-1] - 788) / 788 <= 4 * 1.04 / 32  # 788 different ids


def test_the_default_has_32_registers() -> None:
    assert len(DistinctApproxCount().spec().state["registers"][0]) == 32


@pytest.mark.parametrize("wrong", [{"k": 3}, {"k": 21}, {"compat": "c"}])
def test_parameters_have_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        DistinctApproxCount.declared.lift(**wrong)
