"""The strategies: their maths on bars written by hand, and one answer on both paths."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.bars import bars, some_bars, walk
from raymill.errors import ConfigError, UnknownName
from raymill.market.backtest import backtest
from raymill.market.costs import Costs
from raymill.market.factors import adjusted, read_factors
from raymill.market.named import find
from raymill.market.price_files import read_prices
from raymill.market.prices import Prices
from raymill.market.strategies.bollinger_revert import BollingerRevert
from raymill.market.strategies.rsi_revert import RsiRevert
from raymill.market.strategies.sma_cross import BLOCK, SmaCross
from raymill.market.strategies.tsmom import TsMom
from raymill.market.strategies.xsmom import XsMom
from raymill.market.strategies.zscore_revert import ZscoreRevert
from raymill.market.strategy import Strategy


def decided(strategy: Strategy, prices: Prices) -> list[tuple[int, float]]:
    """What a strategy decides, found on both paths."""
    one, other = (backtest(strategy, prices, path=path) for path in ("on_bar", "vector"))
    assert one.decisions == other.decisions
    return [(each.bar, each.weight) for each in one.decisions]


def test_a_fast_average_above_the_slow_one_holds() -> None:
    # from the third on, means of 2 and of 3: 2.5 and 2, 2.5 and 7/3, 2 and 7/3, 2.5 and 7/3
    prices = bars([1, 2, 3, 2, 2, 3])
    assert decided(SmaCross(2, 3), prices) == [(2, 1.0), (4, 0.0), (5, 1.0)]
    assert decided(SmaCross(2, 3, short=True), prices) == [(2, 1.0), (4, -1.0), (5, 1.0)]


def test_averages_of_a_price_that_rests_are_equal() -> None:
    restless = walk(500, step=0.05).close.tolist()
    prices = bars([*restless, *[restless[-1]] * 300])
    last = decided(SmaCross(3, 50), prices)[-1]
    assert last[1] == 0.0
    assert last[0] <= 550


def test_momentum_follows_the_sign_of_the_return() -> None:
    prices = bars([8, 9, 7, 10, 6, 6, 6])
    # over 2 bars: 7/8, 10/9, 6/7, 6/10, 6/6
    assert decided(TsMom(lookback=2), prices) == [(3, 1.0), (4, 0.0)]
    assert decided(TsMom(2, long_only=False), prices) == [(2, -1.0), (3, 1.0), (4, -1.0), (6, 0.0)]
    assert decided(TsMom(2, skip=1), prices) == [(4, 1.0), (5, 0.0)]


def test_a_volatility_target_sizes_momentum() -> None:
    prices = walk(64, seed=3)
    strategy = TsMom(5, vol_target=0.1, long_only=False, max_leverage=2)
    moves = prices.close[1:61] / prices.close[:60] - 1
    weight = min(2, 0.1 / (np.std(moves, ddof=1) * 252**0.5))
    at, first = decided(strategy, prices)[0]
    assert at == 60
    assert first == pytest.approx(np.sign(prices.close[60] / prices.close[55] - 1) * weight)


def test_bands_are_bought_below_and_sold_at_the_mean() -> None:
    # four at 10 and one at 5: mean 9, deviation 2, the lower band at 1.5 deviations is 6
    prices = bars([10, 10, 10, 10, 5, 8, 9, 10])
    assert decided(BollingerRevert(5, 1.5), prices) == [(4, 1.0), (6, 0.0)]
    upside = bars([10, 10, 10, 10, 15, 12, 11, 10])
    assert decided(BollingerRevert(5, 1.5, short=True), upside) == [(4, -1.0), (6, 0.0)]
    assert decided(BollingerRevert(5, 1.5), upside) == []


def test_a_window_without_any_move_gives_no_signal() -> None:
    assert decided(BollingerRevert(4, 0.1), bars([7.1, 7.3, 7.1] + [0.1] * 12)) == [(3, 1.0)]
    assert decided(BollingerRevert(3, 0.1), bars([7.3] * 10)) == []


def test_far_from_the_mean_is_traded_against() -> None:
    # four closes at 10 and one at 15: z = 4 / 2.236 = 1.789; the next one is 1 / 2.236
    prices = bars([10, 10, 10, 10, 15, 12.5, 11, 10])
    assert decided(ZscoreRevert(5, 1.7, 0.5), prices) == [(4, -1.0), (5, 0.0)]
    assert decided(ZscoreRevert(5, 1.7, 0.5, short=False), prices) == []
    assert decided(ZscoreRevert(5, 1.8, 0.5), prices) == []


def test_after_a_stop_nothing_is_entered_before_the_close_is_near_again() -> None:
    down = bars([10, 10, 10, 10, 5, 5, 6, 8, 8, 8, 8, 3])
    z = []
    for at in range(4, len(down)):
        window = down.close[at - 4 : at + 1]
        z.append(round((window[-1] - window.mean()) / window.std(ddof=1), 2))
    assert z == [-1.79, -1.1, -0.46, 0.55, 1.06, 0.71, 0.45, -1.79]
    assert decided(ZscoreRevert(5, 1.0, 0.5, 1.75, short=False), down) == []
    assert decided(ZscoreRevert(5, 1.0, 0.5, 1.8, short=False), down) == [
        (4, 1.0),
        (6, 0.0),
        (11, 1.0),
    ]


def test_the_strength_index_is_wilders() -> None:
    closes = [44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.10, 45.42, 45.84, 46.08, 45.89, 46.03]
    closes += [45.61, 46.28, 46.28, 46.00, 46.03, 46.41, 46.22, 45.64, 46.21]
    # published for these closes: 70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93
    assert decided(RsiRevert(14, 20, 66.4, 66, short=True), bars(closes)) == [
        (14, -1.0),
        (19, 0.0),
    ]
    assert decided(RsiRevert(14, 20, 70.6, 60, short=True), bars(closes)) == []
    assert decided(RsiRevert(14, 58, 90, 62), bars(closes)) == [(19, 1.0), (20, 0.0)]


def test_the_strength_of_a_price_that_rests_is_in_the_middle() -> None:
    assert decided(RsiRevert(3, 49.9, 50.1, 50, short=True), bars([5] * 9)) == []
    rising = decided(RsiRevert(3, 10, 99.9, 50, short=True), bars([1, 2, 3, 4, 4, 4]))
    assert rising == [(3, -1.0)]


def test_the_best_instruments_are_held_in_equal_parts() -> None:
    given = {"A": [10, 11, 12, 13, 13], "B": [10, 12, 14, 14, 10], "C": [10, 9, 8, 8, 20]}
    three = [bars(closes, symbol=symbol) for symbol, closes in given.items()]
    done = backtest(XsMom(2, 0, top=1, rebalance=2), three)
    weights = [(one.bar, one.symbol, one.weight) for one in done.decisions if one.weight]
    assert weights == [(2, "B", 1.0), (4, "C", 1.0)]
    short = backtest(XsMom(2, 0, top=1, rebalance=9, short=True), three)
    assert {(one.symbol, one.weight) for one in short.decisions} == {
        ("A", 0.0),
        ("B", 1.0),
        ("C", -1.0),
    }


def test_equal_instruments_are_ranked_by_symbol() -> None:
    two = [bars([1, 2, 4], symbol=symbol) for symbol in "BA"]
    done = backtest(XsMom(1, 0, top=1), two)
    assert [one.symbol for one in done.decisions if one.weight] == ["A"]


def test_older_names_stand_for_strategies() -> None:
    momentum = find("momentum_strategy")
    assert momentum.make({"symbol": "AAPL", "period": "14"}) == TsMom(lookback=14)
    assert find("mean_reversion").make({"lookback_period": 30}) == ZscoreRevert(window=30)
    assert momentum.make({}) == TsMom(lookback=14)
    with pytest.raises(UnknownName, match="parameter of strategy `momentum_strategy`: `lookback`"):
        momentum.make({"lookback": 3})
    with pytest.raises(ConfigError, match="`period` of strategy `momentum_strategy` cannot be 0"):
        momentum.make({"period": 0})
    assert list(momentum.schema()["properties"]) == ["symbol", "period"]


ANY = st.one_of(
    st.builds(
        ZscoreRevert,
        st.integers(3, 20),
        st.floats(1, 2.5),
        st.floats(0, 0.9),
        st.none() | st.floats(2.6, 4),
        st.booleans(),
    ),
    st.builds(
        RsiRevert, st.integers(2, 15), st.just(30.0), st.just(70.0), st.just(50.0), st.booleans()
    ),
    st.builds(SmaCross, st.integers(1, 6), st.integers(7, 20), st.booleans()),
    st.builds(TsMom, st.integers(1, 20), st.integers(0, 4), st.booleans()),
    st.builds(TsMom, st.integers(1, 20), st.integers(0, 4), st.booleans(), st.just(0.2)),
    st.builds(BollingerRevert, st.integers(2, 25), st.floats(0.1, 3), st.booleans()),
)


@given(some_bars(), ANY)
def test_the_path_over_columns_decides_as_the_bars_do(prices: Prices, strategy: Strategy) -> None:
    decided(strategy, prices)


def test_a_block_of_bars_ends_and_the_next_begins_on_both_paths_alike() -> None:
    long = walk(2 * BLOCK + 700, seed=8)  # sums are made anew after a block, two run side by side
    for strategy in (SmaCross(3, 9), SmaCross(7, 30, short=True), SmaCross(5, BLOCK + 100)):
        assert decided(strategy, long)


@given(some_bars(), some_bars(), ANY, st.integers(1, 119))
def test_changing_the_future_never_changes_the_past(
    prices: Prices, other: Prices, strategy: Strategy, cut: int
) -> None:
    cut = min(cut, len(prices) - 1)
    future = np.resize(other.close, len(prices) - cut)
    changed = bars([*prices.close[:cut], *future], [*prices.open[:cut], *future])
    for path in ("on_bar", "vector"):
        one, two = (backtest(strategy, each, path=path) for each in (prices, changed))
        for name in ("decisions", "fills"):
            before = [[x for x in getattr(run, name) if x.bar < cut] for run in (one, two)]
            assert before[0] == before[1]
        assert one.equity[:cut].tolist() == two.equity[:cut].tolist()


def expected(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "market" / "expected_backtests_SPY.json").read_text())["cases"]


@pytest.mark.parametrize("path", ["on_bar", "vector"])
@pytest.mark.parametrize("number", range(10))
def test_the_recorded_backtests_of_spy_are_met(shared_data: Path, number: int, path: str) -> None:
    case = expected(shared_data)[number]
    folder = shared_data / "market" / "equity_daily"
    raw = read_prices(folder / "SPY.csv").bars
    prices = adjusted(raw, read_factors(folder / "SPY.factors.csv"), case["adjust"])
    strategy = find(case["strategy"]).make(case["params"])
    done = backtest(strategy, prices, Costs(fee_bps=case["fee"] * 1e4), path=path)
    figures, wanted = done.figures(), dict(case["reference"])
    assert len(done.fills) == wanted.pop("turnover_legs")
    assert bool(len(done.fills) % 2) is wanted.pop("open_at_end")
    assert figures["closed_trades"] == wanted.pop("closed_trades")
    for name, value in wanted.items():
        assert figures[name] == pytest.approx(value, rel=1e-9), name
    for name, value in case["empyrical"].items():
        assert figures[name] == pytest.approx(value, rel=1e-9), name


def test_names_and_parameters_are_checked_with_near_matches() -> None:
    with pytest.raises(UnknownName) as caught:
        find("sma_cros")
    assert "did you mean `sma_cross`?" in caught.value.hint
    with pytest.raises(UnknownName, match="parameter of strategy `sma_cross`: `fats`") as caught:
        find("sma_cross").make({"fats": 3})
    assert "did you mean `fast`?" in caught.value.hint
    with pytest.raises(
        ConfigError, match="cannot be 0: Input should be greater than or equal to 1"
    ):
        find("sma_cross").make({"fast": 0})
    with pytest.raises(ConfigError, match="cannot be 'x'"):
        find("sma_cross").make({"fast": "x"})
    with pytest.raises(ConfigError, match="`fast` must be below `slow`, not 60 and 50"):
        find("sma_cross").make({"fast": 60})
    with pytest.raises(ConfigError, match="is no strategy"):
        find("raymill.market.costs:Costs")


def test_a_strategy_has_a_json_schema() -> None:
    schema = find("sma_cross").schema()
    assert schema["properties"]["fast"] == {
        "default": 10,
        "minimum": 1,
        "title": "Fast",
        "type": "integer",
    }
