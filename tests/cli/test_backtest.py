"""`raymill backtest` and `raymill strategies`: what is shown, what is refused."""

import json

import pytest

from cli.running import Shell

HEAD = "date,open,high,low,close,volume"
CLOSES = [10, 10, 10, 8, 9, 11, 12, 13, 11, 9, 9, 10]
FIGURES = [
    "final_equity",
    "total_return",
    "cagr",
    "ann_vol",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "closed_trades",
    "win_rate",
    "periods_per_year",
]
MINE = """
from dataclasses import dataclass
from raymill.market.strategy import Strategy

@dataclass
class Hold(Strategy):
    \"\"\"Buy once and hold.\"\"\"

    def on_bar(self, ctx, bars):
        return 1.0
"""


@pytest.fixture
def prices(sh: Shell) -> Shell:
    """A folder with bars of ABC and factors for them."""
    rows = [
        f"2020-01-{day:02},{close},{close + 1},{close - 1},{close},100"
        for day, close in enumerate(CLOSES, start=6)
    ]
    sh.write("ABC.csv", "\n".join([HEAD, *rows]) + "\n")
    sh.write("f.csv", "date,price_factor,split_factor\n2020-01-09,0.5,0.5\n2050-12-31,1,1\n")
    return sh


def test_figures_come_with_their_formulas(prices: Shell) -> None:
    done = prices(
        "backtest", "sma_cross", "--data", "ABC.csv", "--set", "fast=1", "--set", "slow=2"
    )
    assert done.code == 0
    names = [line.split()[0] for line in done.out.splitlines()]
    assert names[:12] == ["figure", *FIGURES]
    assert "mean(r) / std(r, ddof=1) * sqrt(ppy)" in done.out
    told, _, kept = done.err.partition("kept: ")
    assert kept.startswith("raymill backtests show ")
    assert told == (
        "sma_cross (fast=1, slow=2, short=False)\n"
        "ABC: 12 bars of 1d, 2020-01-06 to 2020-01-17, raw prices\n"
        "costs: none given, trading is free\n"
        "365 periods a year: daily bars, traded at weekends: 365 days\n"
    )


def test_json_has_the_figures_by_name(prices: Shell) -> None:
    arguments = ("--data", "ABC.csv", "--set", "fast=1", "--set", "slow=2", "--json")
    found = json.loads(prices("backtest", "sma_cross", *arguments).out)
    assert list(found)[:11] == FIGURES
    assert found["final_equity"] == pytest.approx(
        9 / 11
    )  # 9 > 8.5: bought at 11; 11 < 12: sold at 9
    assert (found["closed_trades"], found["win_rate"]) == (1, 0.0)
    assert found["periods_per_year"] == 365
    assert found["record"]["parameters"] == {"fast": 1, "slow": 2, "short": False}


def test_the_record_of_a_run_is_the_same_for_the_same_run(prices: Shell) -> None:
    def made(name: str, *more: str) -> dict:
        command = (
            "backtest",
            "sma_cross",
            "--data",
            "ABC.csv",
            "--set",
            "fast=1",
            "--set",
            "slow=2",
        )
        assert prices(*command, "--record", name, *more).code == 0
        return json.loads(prices.read(name))

    one, same, columns, fees = (
        made("1.json"),
        made("2.json"),
        made("3.json", "--path", "on_bar"),
        made("4.json", "--fee-bps", "1"),
    )
    assert one["id"] == same["id"] == columns["id"] != fees["id"]
    assert one["equity_sha256"] == columns["equity_sha256"]
    assert one["files"][0]["data"] == "ABC.csv"
    assert len(one["files"][0]["data_sha256"]) == 64
    assert one["result"]["final_equity"] == pytest.approx(9 / 11)
    assert one["versions"]["raymill"]


def test_prices_are_adjusted_with_factors(prices: Shell) -> None:
    def final(*more: str) -> float:
        command = ("backtest", "mine.py:Hold", "--data", "ABC.csv", "--factors", "f.csv", "--json")
        return json.loads(prices(*command, *more).out)["final_equity"]

    prices.write("mine.py", MINE)
    assert final() == pytest.approx(10 / 10)
    assert final("--adjust", "split") == pytest.approx(10 / 5)
    assert final("--adjust", "total") == pytest.approx(10 / 2.5)
    assert final("--adjust", "split", "--as-of", "2020-01-09") == pytest.approx(8 / 10)


def test_rows_that_are_no_bars_are_named(prices: Shell) -> None:
    prices.write(
        "BAD.csv", f"{HEAD}\n2020-01-06,1,1,1,1,1\n2020-01-07,1,1,2,1,1\n2020-01-08,1,1,1,1,1\n"
    )
    done = prices("backtest", "sma_cross", "--data", "BAD.csv")
    assert done.code == 0
    assert "1 rows of BAD.csv are left out: low is above open or close (row 2)" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("sma_cros", "--data", "ABC.csv"),
            "Unknown strategy `sma_cros`\nhint: did you mean `sma_cross`",
        ),
        (("sma_cross",), "There are no prices\nhint: name a file of bars: --data FILE.csv"),
        (("sma_cross", "--data", "none.csv"), "`none.csv` cannot be read: No such file"),
        (
            ("sma_cross", "--data", "ABC.csv", "--set", "fast=0"),
            "cannot be '0': Input should be greater",
        ),
        (("sma_cross", "--data", "ABC.csv", "--set", "fats=1"), "did you mean `fast`?"),
        (("sma_cross", "--data", "ABC.csv", "--set", "fast=70"), "`fast` must be below `slow`"),
        (("sma_cross", "--data", "ABC.csv", "--adjust", "split"), "without factors"),
        (("sma_cross", "--data", "ABC.csv", "--as-of", "soon"), "`--as-of soon` is no day"),
        (
            ("sma_cross", "--data", "ABC.csv", "--factors", "f.csv", "--factors", "f.csv"),
            "2 factor files",
        ),
        (("sma_cross", "--data", "ABC.csv", "--data", "ABC.csv"), "bear the same symbol"),
        (("sma_cross", "--data", "ABC.csv", "--path", "vec"), "Unknown path `vec`"),
        (("sma_cross", "--data", "ABC.csv", "--fee-bps=-1"), "`fee_bps` cannot be -1"),
        (("mine.py", "--data", "ABC.csv"), "`mine.py` names no class"),
        (("mine.py:number", "--data", "ABC.csv"), "`mine.py:number` is no strategy"),
    ],
)
def test_what_cannot_be_run_says_why(
    prices: Shell, arguments: tuple[str, ...], message: str
) -> None:
    done = prices("backtest", *arguments)
    assert done.code == 2
    assert message in done.err


def test_a_time_without_a_zone_names_the_row(prices: Shell) -> None:
    prices.write("N.csv", f"{HEAD}\n2020-01-06 10:00,1,1,1,1,1\n")
    done = prices("backtest", "sma_cross", "--data", "N.csv")
    assert done.code == 1
    assert done.err == (
        "error: Time `2020-01-06 10:00` in row 1 of `N.csv` has no zone\n"
        "hint: write a zone, as in 2020-01-31T14:30:00Z, or a bare date\n"
    )


def test_strategies_are_listed_and_shown(prices: Shell) -> None:
    listed = json.loads(prices("strategies", "ls", "--json").out)
    assert {"bollinger_revert", "sma_cross", "tsmom"} <= {row["name"] for row in listed}
    assert "sma_cross" in prices("strategies", "ls").out
    text = prices("strategies", "show", "sma_cross").out
    assert "fast       int   10       >= 1    bars of the fast average." in text
    assert "Trades one instrument; runs over columns and bar by bar." in text
    shown = json.loads(prices("strategies", "show", "sma_cross", "--json").out)
    assert shown["schema"]["properties"]["slow"]["minimum"] == 2
    prices.write("mine.py", MINE)
    assert "Buy once and hold." in prices("strategies", "show", "mine.py:Hold").out


AHEAD = """
from dataclasses import dataclass
import numpy as np
from raymill.market.strategy import Strategy

@dataclass
class Ahead(Strategy):
    \"\"\"Buys above the middle of all closes.\"\"\"

    def on_bar(self, ctx, bars):
        return None

    def vector(self, bars, out):
        out[:] = np.where(bars.close > bars.close.mean(), 1.0, 0.0)
"""


def test_a_strategy_that_looks_ahead_is_found_out(prices: Shell) -> None:
    prices.write("ahead.py", AHEAD)
    done = prices("backtest", "ahead.py:Ahead", "--data", "ABC.csv", "--check-lookahead", "--json")
    assert done.code == 1
    assert json.loads(done.out)["final_equity"] > 0
    assert "looks ahead: ABC at 2020-01-0" in done.err
    assert "depends on `close` of bars from" in done.err
    honest = prices("backtest", "sma_cross", "--data", "ABC.csv", "--check-lookahead")
    assert honest.code == 0
    assert "look-ahead: none in runs" in honest.err


def test_the_older_names_run(prices: Shell) -> None:
    done = prices(
        "backtest", "momentum_strategy", "--data", "ABC.csv", "--set", "period=2", "--json"
    )
    assert json.loads(done.out)["record"]["parameters"]["lookback"] == 2
    named = prices(
        "backtest", "momentum_strategy", "--data", "ABC.csv", "--set", "symbol=XYZ", "--json"
    )
    assert json.loads(named.out)["record"]["data"][0]["symbol"] == "XYZ"
    refused = prices("backtest", "arbitrage_scanner", "--data", "ABC.csv")
    assert refused.code == 2
    assert "looks for opportunities in quotes" in refused.err
