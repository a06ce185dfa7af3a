"""Each row of the area `streams` on few records: finite figures, on the records that it says."""

import math
from pathlib import Path
from typing import Any

import pytest

from raymill.bench.areas import cases
from raymill.bench.case import Case
from raymill.bench.measure import Wanted, measure

pytestmark = pytest.mark.system

RECORDS = 5000  # a thousandth of what is usual
# By how a row begins, the longest that fits: how many records it takes of 5 million, by hand
# from the sizes that its text or the docs name.
TAKES = {
    "streams.": 5_000_000,
    "streams.senml_parse": 200_000,
    "streams.senml_csv": 200_000,
    "streams.csv_to_senml": 200_000,
    "streams.xml_parse": 4_000,
    "streams.record_": 1_000_000,
    "streams.senml_to_": 1_000_000,
    "streams.memory": 550_000,
    "streams.memory.large": 5_500_000,
    "streams.memory_parquet": 4_000_000,
    "streams.memory_parquet.large": 40_000_000,
    "streams.growth": 5_500_000,
    "streams.first_batch": 20_000,
    "streams.ray_": 2_000_000,
    "streams.ray_record": 500_000,
    "streams.ray_recovery": 500_000,
}
LOOPS = {"streams.senml_parse": 20_000, "streams.csv_to_senml": 20_000, "streams.xml_parse": 4_000}
LOOPS |= {"streams.record_field": 1_000_000, "streams.record_dict": 1_000_000}
SLOW = (
    "streams.first_batch.uncompiled",
    "streams.memory.large",
    "streams.memory_parquet",
    "streams.memory_parquet.large",
    "streams.growth",
)


def takes(name: str) -> int:
    """How many records a row takes of 5,000."""
    if name.endswith(".python"):
        usual = LOOPS.get(name.removesuffix(".python"), 200_000)
    else:
        usual = TAKES[max((start for start in TAKES if name.startswith(start)), key=len)]
    return usual // 1000


EVERY = cases(["streams"], large=True)
ON_RAY = [case for case in EVERY if case.needs == "ray"]  # together: their workers are the same


def marked(case: Case) -> Any:
    marks = [pytest.mark.slow] if case.name in SLOW else []
    if case in ON_RAY:
        marks += [pytest.mark.ray]
    return pytest.param(case, marks=marks, id=case.name)


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """The rows that were measured, by name."""
    return {}


@pytest.mark.parametrize("case", [marked(case) for case in EVERY])
def test_a_row_gives_a_finite_figure_on_its_records(
    case: Case,
    measured: dict[str, Any],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if case in ON_RAY:
        request.getfixturevalue("ray_cluster")
    if case.name not in measured:
        chosen = ON_RAY if case in ON_RAY else [case]
        monkeypatch.setattr("raymill.bench.measure.cases", lambda names, large: chosen)
        rows = measure(Wanted(runs=1, records=RECORDS))["rows"]
        measured |= {row["name"]: row for row in rows}
    row = measured[case.name]
    assert all(math.isfinite(row[name]) for name in ("median", "min", "max"))
    assert row["median"] > 0 or case.name == "streams.ray_overhead"
    if case.name in ("streams.checkpoint", "streams.restore"):
        assert 0 < row["records"] <= 200  # keys that came up in 200 records
    else:
        assert row["records"] == takes(case.name)


def test_real_files_are_taken_where_they_are_and_said_so(shared_data: Path) -> None:
    names = ("streams.senml_parse", "streams.xml_parse", "streams.kalman_filter")
    wanted = Wanted(names, runs=1, records=RECORDS, data=shared_data / "riotbench")
    assert {row["data"] for row in measure(wanted)["rows"]} == {"real"}


def test_made_data_is_taken_where_the_folder_lacks_a_file(tmp_path: Path) -> None:
    wanted = Wanted(("streams.xml_parse",), runs=1, records=RECORDS, data=tmp_path)
    assert {row["data"] for row in measure(wanted)["rows"]} == {"made"}


def test_every_row_is_in_the_docs() -> None:
    page = Path(__file__).parents[2] / "docs" / "concepts" / "speed.md"
    text = page.read_text()
    assert [one.name for one in EVERY if f"`{_documented(one.name)}`" not in text] == []


def _documented(name: str) -> str:
    """Comparisons are documented together."""
    return "streams.<task>.python" if name.endswith(".python") else name
