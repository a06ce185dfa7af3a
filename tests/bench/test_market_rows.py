"""Each row of the area `market` on few symbols: finite figures, all in the docs."""

import math
from pathlib import Path

import pytest

from raymill.bench.areas import cases
from raymill.bench.measure import Wanted, measure

ROWS = [case.name for case in cases(["market"], large=True) if ".screen" in case.name] + [
    "market.overview",
    "market.snapshot",
]
LIVE = [case.name for case in cases(["market.stream"])]
# What a row takes of 50,000 records: a hundredth of 10,000 symbols, of 1,000 with 260 bars.
TAKES = {"market.snapshot": 10 * 260}


@pytest.mark.system
@pytest.mark.parametrize("name", ROWS)
def test_a_row_gives_a_finite_figure_on_its_symbols(name: str) -> None:
    (row, *_) = measure(Wanted((name,), runs=1, records=50_000))["rows"]
    assert math.isfinite(row["median"])
    assert row["records"] == TAKES.get(name, 100)


@pytest.mark.system
@pytest.mark.parametrize("name", LIVE[1:])
def test_a_row_of_live_trades_gives_a_finite_figure_on_its_messages(name: str) -> None:
    (row, *_) = measure(Wanted((name,), runs=1, records=50_000))["rows"]
    assert math.isfinite(row["median"])
    assert row["records"] == 2000  # a hundredth of 200,000


BACKTESTS = {
    "market.on_bar": 5_000,
    "market.on_bar.python": 5_000,
    "market.vector": 50_000,
    "market.sweep.daily": 10,
    "market.sweep.minutes": 10,
    "market.sweep.minutes.two_threads": 10,
    "market.sweep.on_bar.one_process": 8,
}
MEMORY = "market.sweep.minutes.memory"


@pytest.mark.system
@pytest.mark.parametrize("name", BACKTESTS)
def test_a_row_gives_a_finite_figure_on_its_bars(name: str) -> None:
    rows = measure(Wanted((name,), runs=1, records=50_000))["rows"]
    row = next(row for row in rows if row["name"] == name)
    assert math.isfinite(row["median"])
    assert row["records"] == BACKTESTS[name]


def finite_on_eight_sets(row: str) -> bool:
    rows = measure(Wanted((f"market.sweep.on_bar.{row}",), runs=1, records=50_000))["rows"]
    return [one["records"] for one in rows] == [8] and math.isfinite(rows[0]["median"])


@pytest.mark.system
def test_a_row_gives_a_finite_figure_of_two_processes() -> None:
    assert finite_on_eight_sets("two_processes")


@pytest.mark.ray
def test_a_row_gives_a_finite_figure_of_two_actors(ray_cluster: None) -> None:
    assert finite_on_eight_sets("ray")


@pytest.mark.system
def test_a_sweep_takes_less_than_300_mb() -> None:
    (row,) = measure(Wanted((MEMORY,), runs=1))["rows"]
    assert row["records"] == 1_000
    assert row["median"] < 300


def test_every_row_is_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "concepts" / "speed.md").read_text()
    every = [case.name for case in cases(["market"], large=True)]
    assert [name for name in every if f"`{name}`" not in text] == []
