"""Pairs: the hedge ratio, the gate, entry, exit and stop; many pairs at once."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from market.bars import bars
from raymill.errors import ConfigError, EngineUnavailable, UnknownName
from raymill.market import cointegration
from raymill.market.backtest import Result, backtest
from raymill.market.cointegration import (
    Cointegration,
    benjamini_hochberg,
    cointegrated,
    half_life,
    hedge_ratio,
    pair_tests,
)
from raymill.market.factors import adjusted, read_factors
from raymill.market.price_files import read_prices
from raymill.market.prices import Prices
from raymill.market.strategies.pairs import HedgeFilter, Pairs


def pair(count: int = 300, beta: float = 0.5, seed: int = 5) -> tuple[Prices, Prices]:
    """Two instruments: log y = 1 + beta log x, and a spread that comes back."""
    rng = np.random.default_rng(seed)
    x = 4 + np.cumsum(rng.normal(0, 0.01, count))
    spread = np.zeros(count)
    for at in range(1, count):
        spread[at] = 0.9 * spread[at - 1] + rng.normal(0, 0.005)
    y = 1 + beta * x + spread
    return bars(np.exp(y).tolist(), symbol="Y"), bars(np.exp(x).tolist(), symbol="X")


def test_the_hedge_ratio_is_the_slope_of_least_squares() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0])
    assert hedge_ratio(np.array([3.0, 5.0, 7.0, 9.0]), x) == pytest.approx(2)
    assert hedge_ratio(np.array([1.0, 0.0, 1.0, 0.0]), x) == pytest.approx(-0.2)
    assert hedge_ratio(x, np.ones(4)) == 0


def test_the_half_life_is_that_of_a_spread_that_comes_back() -> None:
    spread = 0.8 ** np.arange(20)
    assert half_life(spread) == pytest.approx(-math.log(2) / -0.2)
    assert half_life(1.1 ** np.arange(20)) is None


def test_many_tests_at_once_hold_only_where_they_are_sure_enough() -> None:
    # of 5 tests at 5 %: the third smallest lies below 3/5 of it, the fourth does not below 4/5
    ps = [0.9, 0.001, 0.045, 0.029, 0.02]
    assert benjamini_hochberg(ps) == [False, True, False, True, True]
    assert benjamini_hochberg([0.06, 0.5]) == [False, False]
    assert benjamini_hochberg([]) == []


@dataclass
class Gated(Pairs):
    """A pair whose test is written down."""

    p: float = 0.01
    turns: bool = False

    def test(self, y, x):
        asked.append(len(y))
        left, right = (x, y) if self.turns else (y, x)
        return Cointegration(self.p, self.turns, hedge_ratio(left, right), 5.0)


asked: list[int] = []


@pytest.fixture(autouse=True)
def _nothing_asked() -> None:
    asked.clear()


SMALL = {"lookback": 50, "window": 20, "entry": 1.5, "exit": 0.5, "stop": 3.0, "refit": 5}


def ran(strategy: Pairs, seed: int = 5) -> Result:
    return backtest(strategy, pair(seed=seed))


def test_a_pair_is_entered_with_weights_by_the_hedge_ratio_of_that_bar() -> None:
    y, x = pair()
    done = ran(Gated(**SMALL))
    first = [one for one in done.decisions if one.bar == done.decisions[0].bar]
    at = first[0].bar
    logs = [np.log(one.close[at - 49 : at + 1]) for one in (y, x)]
    beta = hedge_ratio(*logs)
    spread = logs[0][-20:] - beta * logs[1][-20:]
    z = (spread[-1] - spread.mean()) / spread.std(ddof=1)
    assert 1.5 < abs(z) <= 3
    side = -np.sign(z)
    weights = {one.symbol: one.weight for one in first}
    assert weights == pytest.approx({"Y": side / (1 + beta), "X": -side * beta / (1 + beta)})


def test_a_position_is_kept_until_the_spread_is_back() -> None:
    done = ran(Gated(**SMALL))
    bars_of_decisions = sorted({one.bar for one in done.decisions})
    entered, left = bars_of_decisions[:2]
    assert {one.weight for one in done.decisions if one.bar == left} == {0.0}
    y, x = pair()
    logs = [np.log(one.close) for one in (y, x)]
    beta = hedge_ratio(*(one[entered - 49 : entered + 1] for one in logs))
    inside = []
    for at in range(entered, left + 1):
        spread = (logs[0] - beta * logs[1])[at - 19 : at + 1]
        z = abs((spread[-1] - spread.mean()) / spread.std(ddof=1))
        inside.append(0.5 <= z <= 3)
    assert inside == [True] * (left - entered) + [False]


def test_a_pair_that_fails_the_test_is_not_traded_and_tested_again_after_a_refit() -> None:
    done = ran(Gated(**SMALL, p=0.2))
    assert done.decisions == ()
    assert 1 < len(asked) <= 250 / 5 + 1
    assert set(asked) == {50}
    assert done.equity.tolist() == [done.cash] * 300


def test_the_order_with_the_smaller_p_is_traded_with_its_own_beta() -> None:
    done = ran(Gated(**SMALL, turns=True))
    first = {one.symbol: one.weight for one in done.decisions if one.bar == done.decisions[0].bar}
    assert abs(first["X"]) < abs(first["Y"])  # x is explained by y with a beta near 2
    assert abs(first["X"]) + abs(first["Y"]) == pytest.approx(1)


def test_without_a_test_nothing_is_asked() -> None:
    assert ran(Pairs(**SMALL, max_p=1.0)).fills
    assert ran(Pairs(**SMALL, max_p=1.0, kalman=True)).fills


def test_the_filter_finds_a_hedge_ratio_that_rests() -> None:
    hedge, rng = HedgeFilter(), np.random.default_rng(3)
    for x in rng.normal(0, 1, 3000):
        hedge.step(2 + 0.7 * x, x)
    assert hedge.beta == pytest.approx(0.7, abs=0.01)


def test_the_pair_may_be_named() -> None:
    done = ran(Gated(**SMALL, y="X"))
    other = ran(Gated(**SMALL, x="Y", y="X"))
    assert done.decisions == other.decisions
    with pytest.raises(UnknownName, match="The pair is `Z`"):
        ran(Gated(**SMALL, y="Z"))
    with pytest.raises(ConfigError, match="no pair with itself"):
        backtest(Pairs(y="Y", x="Y"), pair())
    with pytest.raises(ConfigError, match="trades 2 instruments at once, not 1"):
        backtest(Pairs(), pair()[0])


def test_without_statsmodels_the_hint_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "statsmodels.tsa.stattools", None)
    with pytest.raises(EngineUnavailable) as caught:
        ran(Pairs(**SMALL))
    assert "pip install 'raymill[stats]'" in caught.value.hint


def test_many_pairs_are_tested_together(monkeypatch: pytest.MonkeyPatch) -> None:
    ps = iter([0.04, 0.004, 0.3])
    monkeypatch.setattr(
        cointegration, "cointegrated", lambda y, x: Cointegration(next(ps), False, 1.0, 3.0)
    )
    three = [bars([1, 2, 3, 4], symbol=symbol) for symbol in "ABC"]
    found = pair_tests(three)
    assert [(one.y, one.x, one.holds, one.tests) for one in found] == [
        ("A", "C", True, 3),
        ("A", "B", False, 3),
        ("B", "C", False, 3),
    ]
    with pytest.raises(ConfigError, match="needs two instruments"):
        pair_tests(three[:1])


@pytest.mark.system
def test_the_gate_of_statsmodels_lets_through_what_keeps_together() -> None:
    # statsmodels 0.15.0: coint(y, x, trend="c", autolag="aic") says p = 0.000263278 one way round
    # and 0.002884646 the other; OLS says the slope, and that of the spread's change on the spread
    pytest.importorskip("statsmodels")
    y, x = (np.log(one.close) for one in pair())
    found = cointegrated(y, x)
    assert (found.p, found.beta) == pytest.approx((0.000263278296, 0.389958445), rel=1e-6)
    assert found.half_life == pytest.approx(5.55495248, rel=1e-6)
    assert (found.is_turned, cointegrated(x, y).is_turned) == (False, True)
    assert cointegrated(x, y).beta == found.beta
    wandering = np.cumsum(np.random.default_rng(1).normal(0, 0.01, 300))
    assert cointegrated(wandering, x).p > 0.05
    assert backtest(Pairs(**SMALL), pair()).fills
    others = bars(np.exp(4 + wandering).tolist(), symbol="Y"), pair()[1]
    assert len(backtest(Pairs(**SMALL), others).fills) < len(
        backtest(Pairs(**SMALL, max_p=1.0), others).fills
    )


@pytest.mark.system
def test_two_oil_funds_are_not_cointegrated(shared_data: Path) -> None:
    pytest.importorskip("statsmodels")
    folder = shared_data / "market" / "equity_daily"
    funds = [
        adjusted(
            read_prices(folder / f"{name}.csv").bars,
            read_factors(folder / f"{name}.factors.csv"),
            "total",
        )
        for name in ("USO", "BNO")
    ]
    (found,) = pair_tests(funds)
    assert not found.holds
    assert found.found.p > 0.05
