"""Each row of the area `workflows` on few runs: finite figures, all in the docs."""

import math
from pathlib import Path
from typing import Any

import pytest

from raymill.bench.areas import cases
from raymill.bench.measure import Wanted, measure

# What a row takes of 5,000 records: a thousandth of what is usual.
TAKES = {
    "workflows.fsync": 2,
    "workflows.sqlite_full.inflight_64": 10,
    "workflows.sqlite_full.inflight_1": 1,
    "workflows.postgres.inflight_64": 10,
    "workflows.postgres.inflight_1": 1,
    "workflows.ray.inflight_64": 10,
    "workflows.page": 100,
    "workflows.full_store.inflight_64": 10,
    "workflows.status_while_busy": 10,
    "workflows.spread": 4,
}


def marked(name: str) -> Any:
    marks = {
        "postgres": [pytest.mark.postgres],
        "ray": [pytest.mark.ray, pytest.mark.system],
    }
    return pytest.param(name, marks=marks.get(name.split(".")[1], []))


@pytest.mark.parametrize("name", [marked(name) for name in TAKES])
def test_a_row_gives_a_finite_figure_on_its_runs(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "postgres" in name:
        monkeypatch.setenv("RAYMILL_DATABASE_URL", request.getfixturevalue("postgres_url"))
    found = measure(Wanted((name,), runs=1, records=5000))
    assert found["left_out"] == []
    (row,) = found["rows"]
    assert math.isfinite(row["median"])
    assert row["median"] > 0
    assert row["records"] == TAKES[name]


def test_rows_of_a_server_are_left_out_where_none_is_named() -> None:
    found = measure(Wanted(("workflows.postgres.inflight_64",), runs=1, records=5000))
    assert found["rows"] == []
    (left,) = found["left_out"]
    assert not left["failed"]
    assert "RAYMILL_DATABASE_URL" in left["reason"]


def test_every_row_is_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "concepts" / "speed.md").read_text()
    assert [case.name for case in cases(["workflows"]) if f"`{case.name}`" not in text] == []
    assert {case.name for case in cases(["workflows"])} == set(TAKES)
