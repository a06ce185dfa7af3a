"""Each row of the area `services` on few requests: finite figures, all in the docs."""

import math
from pathlib import Path

import pytest

from raymill.bench.areas import cases
from raymill.bench.measure import Wanted, measure
from raymill.bench.services.soak import growth

# What a row takes of 50,000 records: a hundredth of what is usual.
TAKES = {
    "services.start": 1,
    "services.status.key": 200,
    "services.screen": 20,
    "services.memory": 1,
}


@pytest.mark.system
@pytest.mark.parametrize("name", TAKES)
def test_a_row_gives_a_finite_figure_on_its_requests(name: str) -> None:
    found = measure(Wanted((name,), runs=1, records=50_000))
    assert found["left_out"] == []
    row = next(row for row in found["rows"] if row["name"] == name)
    assert math.isfinite(row["median"])
    assert row["median"] > 0
    assert row["records"] == TAKES[name]


def test_every_row_is_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "concepts" / "speed.md").read_text()
    assert [case.name for case in cases(["services"]) if f"`{case.name}`" not in text] == []


def test_growth_is_told_behind_the_first_third() -> None:
    rising = [(0.0, 100.0), (0.2, 180.0), (0.4, 200.0), (0.5, 202.0), (0.7, 203.0), (0.9, 205.0)]
    assert growth(rising) == 3.0


@pytest.mark.slow
@pytest.mark.system
def test_two_minutes_of_mixed_load_fail_nowhere_and_take_no_more_memory() -> None:
    found = measure(Wanted(("soak",), runs=1, minutes=2.0))
    assert found["left_out"] == []
    assert found["rows"][0]["median"] < 10
