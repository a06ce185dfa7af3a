"""The page of a backtest: everything is in it; nothing comes from elsewhere or is executed."""

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from market.bars import walk
from raymill.app.backtest_page import POINTS, TRADES, backtest_page
from raymill.app.backtests import Asked, Done, run
from raymill.app.demo.chart import ticks
from raymill.market.costs import Costs
from raymill.market.months import monthly

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def write(folder: Path, name: str, count: int) -> str:
    bars = walk(count)
    rows = ["date,open,high,low,close,volume"]
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    days = bars.ts.astype("datetime64[us]").astype("datetime64[D]")
    for day, *numbers in zip(days, *(column.tolist() for column in columns), strict=True):
        rows.append(",".join([str(day), *map(repr, numbers)]))
    path = folder / name
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def ran(file: str, **values: int) -> Done:
    asked = Asked("sma_cross", (file,), costs=Costs(fee_bps=10))
    return run(asked, values, "auto", NOW)


@pytest.fixture
def done(tmp_path: Path) -> Done:
    return ran(write(tmp_path, "A<b>&.csv", 500), fast=2, slow=5)


def test_the_page_holds_curves_months_figures_trades_and_origin(done: Done) -> None:
    page = backtest_page(done)
    assert page.count("<svg") == 2
    for part in ("Months", "Figures", "Trades", "Record"):
        assert f"<h2>{part}</h2>" in page
    assert "fee_bps 10" in page
    assert "365 bars: daily bars, traded at weekends: 365 days" in page
    assert f"{len(done.result.trips):,} closed trades" in page
    assert page.count("<tr>") > len(done.result.trips) + 20
    assert done.record["id"] in page
    assert done.result.bars[0].sha256 in page
    assert f"{done.result.basics.final_equity:,.6g}" in page


def test_nothing_in_the_page_comes_from_elsewhere_or_is_executed(done: Done) -> None:
    page = backtest_page(done)
    assert not re.search(r"https?:|//|<script|<link|<img|url\(|@import|\son\w+=", page)
    assert "A<b>" not in page
    assert "A&lt;b&gt;&amp;" in page
    assert "default-src 'none'" in page


def test_a_long_run_has_a_page_of_bounded_size(tmp_path: Path) -> None:
    done = ran(write(tmp_path, "LONG.csv", 12_000), fast=1, slow=2)
    page = backtest_page(done)
    assert len(done.result.trips) > TRADES
    assert f"the last {TRADES:,} are shown" in page
    longest = max(len(path) for path in re.findall(r'd="([^"]*)"', page))
    assert longest < 2.2 * POINTS * 14
    assert len(page) < 400_000


def test_a_run_without_trades_has_a_page(tmp_path: Path) -> None:
    page = backtest_page(ran(write(tmp_path, "S.csv", 30), fast=10, slow=50))
    assert "0 closed trades" in page
    assert "There was none." in page


def test_returns_of_months_multiply_to_that_of_the_year() -> None:
    days = np.array(
        ["2019-12-30", "2019-12-31", "2020-01-02", "2020-01-31", "2020-03-02"], "datetime64[us]"
    )
    rows = monthly(days.astype(np.int64), np.array([100.0, 110, 99, 121, 60.5]), 100)
    assert [row.year for row in rows] == [2019, 2020]
    assert rows[0].months[11] == pytest.approx(0.1)
    assert rows[1].months[:3] == (pytest.approx(0.1), None, pytest.approx(-0.5))
    assert rows[1].whole == pytest.approx(1.1 * 0.5 - 1)


def test_what_is_lost_altogether_has_months_too() -> None:
    days = np.array(["2020-01-01", "2020-02-01", "2020-03-01"], "datetime64[us]")
    rows = monthly(days.astype(np.int64), np.array([50.0, 0, 0]), 100)
    assert rows[0].months[:3] == (-0.5, -1.0, 0.0)


@pytest.mark.parametrize("years", [2, 5, 16, 40, 150])
def test_the_axis_of_time_is_never_crowded(years: int) -> None:
    first = datetime(1950, 6, 1, tzinfo=UTC).timestamp() * 1000
    found = [*ticks(first, first + years * 365.25 * 86_400_000, months=True)]
    assert 1 <= len(found) <= 12
