"""Each row of the area `workflows` on few runs: finite figures, all in the docs."""

import math
from pathlib import Path

import pytest

from raymill.bench.areas import cases
from raymill.bench.measure import Wanted, measure

# What a row takes of 5,000 records: a thousandth of what is usual.
TAKES = {
    "workflows.fsync": 2,
    "workflows.sqlite_full.inflight_64": 10,
    "workflows.sqlite_full.inflight_1": 1,
    "workflows.page": 100,
    "workflows.spread": 4,
}


@pytest.mark.parametrize("name", TAKES)
def test_a_row_gives_a_finite_figure_on_its_runs(name: str) -> None:
    found = measure(Wanted((name,), runs=1, records=5000))
    assert found["left_out"] == []
    (row,) = found["rows"]
    assert math.isfinite(row["median"])
    assert row["median"] > 0
    assert row["records"] == TAKES[name]


def test_every_row_is_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "concepts" / "speed.md").read_text()
    assert [case.name for case in cases(["workflows"]) if f"`{case.name}`" not in text] == []
    assert {case.name for case in cases(["workflows"])} == set(TAKES)
