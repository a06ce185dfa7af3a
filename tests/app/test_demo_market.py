"""The demo's prices: 12,154 days of five companies, 2,148 of them of Google, as `zcat | awk` counts
them."""

from pathlib import Path

import pytest

from raymill.app.demo import run_demo
from raymill.app.demo.sample import sample_file
from raymill.app.demo.shares import Bars, above_their_mean, bars_of, curves, equity_of_a_plain_loop


def test_the_sample_prices_are_read_by_company() -> None:
    found = bars_of(sample_file("stocks.csv.gz"))
    counts = {name: len(one.close) for name, one in found.items()}
    assert counts == {"AAPL": 3270, "FB": 196, "GOOG": 2148, "IBM": 3270, "MSFT": 3270}
    assert (found["GOOG"].days[0], found["AAPL"].close[-1]) == ("2004-08-19", 430.47)


def test_the_plain_loop_decides_on_a_close_and_trades_at_the_next_open() -> None:
    # Flat for 200 days, then up: the fast mean is above the slow one at the close of day 200, so
    # that the open of day 201 is paid; the fee of 10 bps is taken off what is bought.
    close = [10.0] * 200 + [12.0, 12.0, 15.0]
    opens = [10.0] * 200 + [10.0, 12.0, 12.0]
    equity = equity_of_a_plain_loop(Bars([], opens, close))
    assert equity[:202] == [1.0] * 201 + [pytest.approx(1 / 1.001)]
    assert equity[202] == pytest.approx(15 / 12 / 1.001)


def test_a_company_with_too_few_days_is_not_above_its_mean() -> None:
    bars = {"A": Bars(close=[1.0, 2.0, 3.0]), "B": Bars(close=[3.0]), "C": Bars(close=[3.0, 2, 1])}
    assert above_their_mean(bars, 3) == ["A"]


def test_the_drawing_has_a_line_for_holding_and_one_for_the_rule() -> None:
    days = [f"2020-01-0{day}" for day in range(1, 4)]
    svg = curves(Bars(days, [1.0, 2, 3], [1.0, 2, 3]), [1.0, 1.0, 1.5])
    assert svg.count('class="line c') == 4  # and one of each in the legend


@pytest.mark.system
def test_the_prices_are_stored_screened_and_traded_on_as_plain_python_says(tmp_path: Path) -> None:
    done = run_demo(lambda text: None, ["raymill.app.demo.market:market"], tmp_path / "demo")
    (part,) = done.parts
    assert [fact.text for fact in part.facts if not fact.holds] == []
    assert len(part.facts) == 5
    assert [row[:3] for row in part.rows] == [
        ("import", "five companies", "12,154 daily bars"),
        ("crawl", "two simulated pairs", "1,462 daily bars"),
        ("screen", "as of 2013-03-02", "2 of 5 match"),
        ("backtest", "GOOG, 2,148 days", "1.65 times the cash, in 5 trades"),
    ]
    (report,) = part.files
    assert "sma_cross: GOOG" in report.read_text()
    assert '<a href="market/backtest.html">' in done.page.read_text()
