"""Figures of a curve of equity: values written down, edges, and another library's word."""

import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.bars import Scripted, ScriptedMany, bars
from raymill.market.backtest import backtest
from raymill.market.costs import Costs
from raymill.market.metrics import (
    FORMULAS,
    Held,
    More,
    basics,
    basics_of_sums,
    deepest_drawdown,
    more,
)
from raymill.market.simulate import SUMS, Sum
from raymill.market.sweep.table import figures

CASH = 100.0
CURVE = [102, 101, 103, 99, 100, 104, 104, 96, 98, 105, 107, 103]
NOTHING = Held(0, 0.0, 0.0)


def further(curve: list[float], per_year: float = 252) -> More:
    equity = np.array(curve, float)
    return more(equity, CASH, per_year, [], 0.0, NOTHING, (0.0, 0.0, 0.0))


# empyrical-reloaded 0.7.1 says these, but for skew and kurtosis, which are scipy's, and ulcer,
# which is the root of the mean of the squares of 0, 1/102, 0, 4/103, 3/103, 0, 0, 8/104, 6/104,
# 0, 0, 4/107.
WRITTEN = {
    "cagr": 0.8602945717094972,
    "ann_vol": 0.6275393497287184,
    "sharpe": 1.2805812396413845,
    "sortino": 1.856872238529309,
    "max_drawdown": -0.07692307692307679,
    "calmar": 11.183829432223483,
    "omega": 1.234848302451956,
    "ulcer": 0.033034919335924964,
    "var_95": -0.05597460791635546,
    "cvar_95": -0.07692307692307687,
    "skew": -0.41589208029027813,
    "kurtosis": -0.12132060415546775,
    "tail_ratio": 0.9672753264080818,
}


def test_the_figures_of_a_curve_are_those_of_others() -> None:
    found = asdict(basics(np.array(CURVE, float), CASH, 252, [])) | asdict(further(CURVE))
    assert {name: found[name] for name in WRITTEN} == pytest.approx(WRITTEN, rel=1e-12)
    assert found["total_return"] == pytest.approx(0.03)


def test_a_figure_without_a_meaning_is_none() -> None:
    flat = basics(np.full(5, 100.0), CASH, 252, [])
    assert (flat.ann_vol, flat.sharpe, flat.sortino, flat.calmar) == (0.0, None, None, None)
    assert flat.win_rate is None
    one = basics(np.array([101.0]), CASH, 252, [])
    assert (one.ann_vol, one.sharpe) == (None, None)
    rising = further([110, 121])
    assert (rising.omega, rising.skew, rising.kurtosis) == (None, None, None)
    assert (rising.profit_factor, rising.expectancy, rising.mean_win) == (None, None, None)


def test_a_gain_that_no_number_can_tell_for_a_year_is_infinite() -> None:
    found = basics(np.array([100.0, 5.5e6]), CASH, 252, [])
    assert (found.cagr, found.final_equity) == (math.inf, 55_000)
    sums = np.zeros(SUMS)
    sums[Sum.FINAL] = 5.5e6
    assert basics_of_sums(sums, 2, CASH, 252).cagr == math.inf
    assert figures(sums[None], 2, CASH, 252)["cagr"].tolist() == [math.inf]


def test_the_worst_returns_are_as_many_as_five_percent_however_many_are_equal() -> None:
    curve = 100 * np.cumprod([0.9] + [0.95] * 19 + [1.0] * 20)  # 40 bars: 2 of them
    assert further(curve.tolist()).cvar_95 == pytest.approx(-(0.1 + 0.05) / 2)


def test_a_drawdown_says_from_where_to_where_and_whether_it_is_over() -> None:
    found = deepest_drawdown(np.array(CURVE, float), CASH)
    assert (found.peak, found.valley, found.recovery) == (5, 7, 9)
    first = deepest_drawdown(np.array([90.0, 95.0]), CASH)
    assert (first.depth, first.peak, first.valley, first.recovery) == (
        pytest.approx(-0.1),
        -1,
        0,
        None,
    )


def test_trades_and_what_was_held_are_counted_by_hand() -> None:
    # buys 10 at 10, sells at 12; sells 10 short at 10, buys back at 15; buys 7 at 10 of 70
    prices = bars([10, 11, 12, 10, 15, 10, 10], [10, 10, 12, 10, 15, 10, 10])
    script = (1.0, 0.0, -100 / 120, 0.0, 0.5, None)
    done = backtest(Scripted(script), prices, cash=100.0, per_year=7)
    assert [one.quantity for one in done.fills] == pytest.approx([10, -10, -10, 10, 3.5])
    assert done.equity.tolist() == pytest.approx([100, 110, 120, 120, 70, 70, 70])
    found = done.more
    assert (found.profit_factor, done.basics.win_rate) == (pytest.approx(20 / 50), 0.5)
    assert found.expectancy == pytest.approx((0.2 - 0.5) / 2)
    assert (found.mean_win, found.mean_loss) == (pytest.approx(0.2), pytest.approx(-0.5))
    assert (found.best_trade, found.worst_trade) == (pytest.approx(0.2), pytest.approx(-0.5))
    assert found.mean_bars_held == 1
    assert found.turnover == pytest.approx((100 + 120 + 100 + 150 + 35) / (660 / 7))
    assert found.exposure == pytest.approx(4 / 7)  # bars 1, 3, 5 and 6
    assert found.gross_exposure == pytest.approx((1 + 100 / 120 + 0.5 + 0.5) / 7)
    assert found.net_exposure == pytest.approx((1 - 100 / 120 + 0.5 + 0.5) / 7)


def test_a_position_of_several_instruments_is_gross_and_net() -> None:
    pair = [bars([10, 10, 10], symbol="L"), bars([5, 5, 5], symbol="R")]
    done = backtest(ScriptedMany(({"L": 0.5, "R": -0.25},)), pair, cash=100.0)
    assert done.more.exposure == pytest.approx(2 / 3)
    assert done.more.gross_exposure == pytest.approx(0.75 * 2 / 3)
    assert done.more.net_exposure == pytest.approx(0.25 * 2 / 3)


def test_costs_are_summed() -> None:
    prices = bars([10, 10, 10, 10])
    costs = Costs(fee_bps=100, slippage_bps=100, borrow=0.4)
    done = backtest(Scripted((-1.0, None, 0.0)), prices, costs, cash=100.0, per_year=4)
    sold = 100 / (10 * 1.01 * 1.01)
    assert done.more.fees == pytest.approx(0.01 * sold * (9.9 + 10.1))
    assert done.more.slippage == pytest.approx(sold * 0.2)
    assert done.more.borrow == pytest.approx(0.1 * sold * 10 * 2)


def test_every_figure_says_how_it_is_made() -> None:
    done = backtest(Scripted((1.0,)), bars([10, 11, 12]))
    plain = {"best_trade", "worst_trade", "mean_bars_held", "fees", "slippage", "borrow"}
    assert done.figures().keys() - plain == FORMULAS.keys()


MOVES = st.integers(-5000, 5000) | st.sampled_from([-3000, -200, -100, 0, 0, 100, 500])


@given(st.lists(MOVES, min_size=2, max_size=60).filter(lambda moves: len(set(moves)) > 1))
def test_empyrical_says_the_same(moves: list[int]) -> None:
    empyrical = pytest.importorskip("empyrical")
    curve = CASH * np.cumprod(1 + np.array(moves) / 10_000)
    made = curve / np.append(CASH, curve[:-1]) - 1
    ours = asdict(basics(curve, CASH, 365, [])) | asdict(further(curve.tolist(), 365))
    year = {"annualization": 365}
    theirs = {
        "total_return": empyrical.cum_returns_final(made),
        "cagr": empyrical.annual_return(made, **year),
        "ann_vol": empyrical.annual_volatility(made, **year),
        "max_drawdown": empyrical.max_drawdown(made),
        "var_95": empyrical.value_at_risk(made),
        "cvar_95": empyrical.conditional_value_at_risk(made),
        "sharpe": empyrical.sharpe_ratio(made, **year),
        "sortino": empyrical.sortino_ratio(made, **year),
        "calmar": empyrical.calmar_ratio(made, **year),
        "omega": empyrical.omega_ratio(made),
    }
    for name, said in theirs.items():
        assert (ours[name] is None) == (not math.isfinite(said)), name
        assert ours[name] is None or ours[name] == pytest.approx(said, rel=1e-9, abs=1e-12), name
