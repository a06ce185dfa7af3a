"""The engine: what is decided on a close is filled at the next open; nothing is lost in between."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.bars import Scripted, ScriptedColumns, ScriptedMany, bars, some_bars, walk
from raymill.errors import ConfigError, DataError, UnknownName
from raymill.market.backtest import PATHS, Result, backtest, together
from raymill.market.costs import Costs
from raymill.market.metrics import basics_of_sums
from raymill.market.paper import Paper
from raymill.market.prices import Prices
from raymill.market.simulate import FILL_COLUMNS, PLACES, SUMS, Sum, simulate
from raymill.market.strategies.sma_cross import SmaCross

EVERY_PATH = pytest.mark.parametrize("path", ["on_bar", "vector"])
FOUR = bars([10, 12, 9, 15], [10, 11, 13, 8])


@EVERY_PATH
def test_a_decision_is_filled_at_the_next_open(path: str) -> None:
    done = backtest(ScriptedColumns((1.0, None, 0.0)), FOUR, cash=110, path=path)
    # bought 10 at 11, marked at 12 and 9, sold at 8
    assert [(one.bar, one.quantity, one.price) for one in done.fills] == [(1, 10, 11), (3, -10, 8)]
    assert done.equity.tolist() == [110, 120, 90, 80]
    assert [(trip.profit, trip.bars) for trip in done.trips] == [(-30, 2)]
    assert done.invested == 2


@EVERY_PATH
def test_fees_are_paid_on_both_sides_from_the_money_that_is_there(path: str) -> None:
    done = backtest(ScriptedColumns((1.0, 0.0)), FOUR, Costs(fee_bps=100), cash=111.1, path=path)
    bought, sold = done.fills
    assert bought.quantity == pytest.approx(10)  # 111.1 / (11 * 1.01)
    assert bought.fee == pytest.approx(1.1)
    assert sold.fee == pytest.approx(1.3)
    assert done.equity[1] == pytest.approx(120)
    assert done.equity[-1] == pytest.approx(128.7)
    assert done.trips[0].profit == pytest.approx(17.6)
    assert done.trips[0].fees == pytest.approx(2.4)
    assert done.more.fees == pytest.approx(2.4)


@EVERY_PATH
def test_a_position_that_is_open_at_the_end_is_marked_and_not_counted(path: str) -> None:
    done = backtest(ScriptedColumns((1.0,)), FOUR, cash=110, path=path)
    assert done.equity.tolist() == [110, 120, 90, 150]
    assert (done.trips, done.basics.closed_trades, done.basics.win_rate) == ((), 0, None)


@EVERY_PATH
def test_a_decision_on_the_last_bar_is_never_filled(path: str) -> None:
    done = backtest(ScriptedColumns((None, None, None, 1.0)), FOUR, path=path)
    assert done.fills == ()
    assert [(one.bar, one.weight) for one in done.decisions] == [(3, 1.0)]


@EVERY_PATH
def test_a_weight_that_stays_the_same_is_not_traded_again(path: str) -> None:
    done = backtest(ScriptedColumns((0.5, 0.5, 0.5, 0.5)), FOUR, cash=100, path=path)
    assert len(done.fills) == 1
    assert done.equity.tolist() == pytest.approx(
        [100, 50 + 50 * 12 / 11, 50 + 50 * 9 / 11, 50 + 50 * 15 / 11]
    )


@EVERY_PATH
def test_a_short_position_gains_when_prices_fall_and_pays_borrow(path: str) -> None:
    plain = backtest(ScriptedColumns((-1.0, None, 0.0)), FOUR, cash=110, path=path)
    assert plain.equity.tolist() == [110, 100, 130, 140]
    assert plain.trips[0].side == -1
    assert plain.trips[0].profit == 30
    costly = backtest(
        ScriptedColumns((-1.0, None, 0.0)), FOUR, Costs(borrow=2.52), cash=110, path=path
    )
    # a hundredth of 10 * 12 and of 10 * 9, charged on the closes
    assert costly.equity.tolist() == pytest.approx([110, 98.8, 127.9, 137.9])
    assert costly.borrow == pytest.approx(2.1)
    assert costly.trips[0].profit == pytest.approx(27.9)


@EVERY_PATH
def test_a_position_whose_side_turns_is_two_trades_and_one_order(path: str) -> None:
    done = backtest(ScriptedColumns((1.0, -1.0, 0.0)), FOUR, cash=110, path=path)
    # 10 bought at 11; at 13 equity is 130, 20 are sold: 10 short; closed at 8
    assert [one.quantity for one in done.fills] == [10, -20, 10]
    assert [trip.profit for trip in done.trips] == [20, 50]
    assert done.equity.tolist() == [110, 120, 170, 180]


@EVERY_PATH
def test_what_is_lost_altogether_is_lost_for_good(path: str) -> None:
    fallen = bars([10, 10, 25, 5, 5], [10, 10, 10, 5, 5])
    done = backtest(ScriptedColumns((-1.0, None, None, 1.0)), fallen, cash=100, path=path)
    assert done.equity.tolist() == [100, 100, 0, 0, 0]
    assert [(one.bar, one.quantity, one.price) for one in done.fills] == [(1, -10, 10), (2, 10, 25)]
    assert [trip.profit for trip in done.trips] == [-150]
    assert [one.weight for one in done.decisions] == [-1.0]
    assert done.basics.total_return == -1
    assert done.basics.cagr == -1
    assert done.basics.max_drawdown == -1


@EVERY_PATH
def test_slippage_and_half_the_spread_are_against_the_order(path: str) -> None:
    costs = Costs(slippage_bps=100, spread_bps=200)
    done = backtest(ScriptedColumns((1.0, 0.0)), FOUR, costs, cash=112.2, path=path)
    assert [one.price for one in done.fills] == pytest.approx([11 * 1.02, 13 * 0.98])
    assert [one.quantity for one in done.fills] == pytest.approx([10, -10])
    assert done.more.slippage == pytest.approx(2.2 + 2.6)


@EVERY_PATH
def test_an_order_takes_its_share_of_the_volume_and_the_rest_waits(path: str) -> None:
    thin = bars([10, 10, 10, 10, 10], volume=100)
    done = backtest(ScriptedColumns((1.0,)), thin, Costs(volume_share=0.1), cash=250, path=path)
    assert [(one.bar, one.quantity) for one in done.fills] == [(1, 10), (2, 10), (3, 5)]


@EVERY_PATH
def test_impact_grows_with_the_root_of_the_share_of_the_volume(path: str) -> None:
    thin = bars([10, 10, 10], volume=400)
    done = backtest(ScriptedColumns((0.1,)), thin, Costs(impact=0.1), cash=40_400, path=path)
    (one,) = done.fills
    assert one.price == pytest.approx(10 * (1 + 0.1 * (one.quantity / 400) ** 0.5), rel=2e-3)
    assert one.quantity * one.price <= 4040


@EVERY_PATH
def test_lots_are_cut_and_small_orders_are_left_out(path: str) -> None:
    done = backtest(ScriptedColumns((1.0,)), FOUR, Costs(step_size=3), cash=110, path=path)
    assert [one.quantity for one in done.fills] == [9]
    small = backtest(ScriptedColumns((1.0,)), FOUR, Costs(min_notional=111), cash=110, path=path)
    assert (small.fills, small.left_out) == ((), 1)


@EVERY_PATH
def test_a_fee_for_each_order_leaves_no_debt(path: str) -> None:
    done = backtest(ScriptedColumns((1.0, 0.0)), FOUR, Costs(fee_fixed=11), cash=121, path=path)
    assert [one.quantity for one in done.fills] == pytest.approx([10, -10])
    assert done.equity.tolist() == pytest.approx([121, 120, 119, 119])


COSTS = st.builds(
    Costs,
    fee_bps=st.sampled_from([0.0, 10.0]),
    fee_fixed=st.sampled_from([0.0, 1.0]),
    slippage_bps=st.sampled_from([0.0, 5.0]),
    spread_bps=st.sampled_from([0.0, 5.0]),
    impact=st.sampled_from([0.0, 0.05]),
    volume_share=st.sampled_from([0.0, 0.1]),
    borrow=st.sampled_from([0.0, 0.3]),
    step_size=st.sampled_from([0.0, 0.25]),
    min_notional=st.sampled_from([0.0, 50.0]),
)
WEIGHTS = st.sampled_from([None, None, -1.0, 0.0, 0.5, 1.0, 1.5])


@given(some_bars(), st.lists(WEIGHTS, max_size=120), COSTS)
def test_both_paths_and_the_paper_account_give_the_same(
    prices: Prices, script: list[float | None], costs: Costs
) -> None:
    strategy = ScriptedColumns(tuple(script))
    bar, column = (backtest(strategy, prices, costs, path=path) for path in ("on_bar", "vector"))
    assert bar.decisions == column.decisions
    assert bar.fills == column.fills
    assert bar.trips == column.trips
    assert bar.equity.tobytes() == column.equity.tobytes()
    assert (bar.invested, bar.left_out) == (column.invested, column.left_out)
    assert on_paper(strategy, prices, costs, bar)


def on_paper(strategy: Scripted, prices: Prices, costs: Costs, done: Result) -> bool:
    """Whether the account on paper, pickled between each two bars, does the same."""
    paper = Paper(strategy, costs, cash=done.cash, borrow=done.borrow_rate)
    fills, equity = [], []
    for step_bars in together([prices], prices.ts):
        step = paper.step(step_bars)
        fills += step.fills
        equity.append(step.equity)
        paper = pickle.loads(pickle.dumps(paper))
    assert fills == list(done.fills)
    assert equity == done.equity.tolist()
    return True


@given(some_bars(), st.lists(WEIGHTS, max_size=120), COSTS)
def test_equity_is_cash_and_positions_and_what_trades_made(
    prices: Prices, script: list[float | None], costs: Costs
) -> None:
    done = backtest(ScriptedColumns(tuple(script)), prices, costs, path="vector")
    if done.equity[-1] == 0:  # lost altogether: the position was taken away
        return
    units = sum(one.quantity for one in done.fills)
    cash = done.cash - sum(one.quantity * one.price + one.fee for one in done.fills) - done.borrow
    tolerance = 1e-9 * max(done.cash, *(one.notional for one in done.fills), 0)
    assert done.equity[-1] == pytest.approx(cash + units * prices.close[-1], abs=tolerance)
    if units == 0:
        profits = sum(trip.profit for trip in done.trips)
        assert done.equity[-1] - done.cash == pytest.approx(profits, abs=tolerance)


@given(some_bars(), st.lists(WEIGHTS, max_size=120), COSTS)
def test_the_sums_of_a_sweep_give_the_figures_of_a_run(
    prices: Prices, script: list[float | None], costs: Costs
) -> None:
    done = backtest(ScriptedColumns(tuple(script)), prices, costs, path="vector")
    targets = np.full(len(prices), np.nan)
    ScriptedColumns(tuple(script)).vector(prices, targets)
    sums, nothing = np.zeros(SUMS), np.empty(0)
    no_fills = np.empty((0, len(FILL_COLUMNS)))
    columns = (targets, prices.open, prices.close, prices.volume)
    simulate(
        *columns,
        done.cash,
        costs.rules,
        done.borrow_rate,
        nothing,
        no_fills,
        sums,
        np.empty(PLACES),
    )
    found = basics_of_sums(sums, len(prices), done.cash, done.periods.per_year)
    for name in ("final_equity", "max_drawdown", "ann_vol", "sharpe", "sortino", "win_rate"):
        left, right = getattr(found, name), getattr(done.basics, name)
        assert (left is None) == (right is None), name
        assert left is None or left == pytest.approx(right, rel=1e-9, abs=1e-12), name
    assert sums[Sum.CLOSED] == len(done.trips)
    assert sums[Sum.FILLS] == len(done.fills)
    assert sums[Sum.FEES] == pytest.approx(done.more.fees)


def test_several_instruments_are_sized_by_one_equity_and_filled_at_their_own_opens() -> None:
    left = bars([10, 20, 20, 20], [10, 10, 20, 20], symbol="L")
    right = bars([10, 10, 10, 5], [10, 10, 10, 10], symbol="R")
    script = ({"L": 0.5, "R": 0.5}, None, {"L": 0.0, "R": 1.0})
    done = backtest(ScriptedMany(script), [left, right], cash=100)
    assert [(one.symbol, one.quantity) for one in done.fills] == [
        ("L", 5),
        ("R", 5),
        ("L", -5),  # what is sold pays for what is bought
        ("R", 10),
    ]
    assert done.equity.tolist() == [100, 150, 150, 75]


def test_an_instrument_without_a_bar_is_filled_at_its_next_one() -> None:
    left = bars([10, 10, 10, 10], symbol="L")
    right = bars([10, 12, 14, 16], symbol="R")
    holes = Prices(
        "R",
        *(
            getattr(right, name)[[0, 3]]
            for name in ("ts", "open", "high", "low", "close", "volume")
        ),
    )
    done = backtest(ScriptedMany(({"L": 0.5, "R": 0.5},)), [left, holes], cash=100)
    assert [(one.bar, one.symbol) for one in done.fills] == [(1, "L"), (3, "R")]
    assert len(done.equity) == 4


class Rebalancing(ScriptedMany):
    def on_bar(self, ctx, bars):
        ctx.rebalance()
        return super().on_bar(ctx, bars)


def test_a_strategy_may_ask_to_trade_to_the_weight_that_it_has() -> None:
    prices = bars([10, 20, 20], [10, 10, 20])
    done = backtest(Rebalancing((0.5, 0.5)), prices, cash=100)
    assert [one.quantity for one in done.fills] == [5, -1.25]  # 150 at 20: 3.75 are half


class Asking(Scripted):
    @property
    def history(self):
        return 3

    def on_bar(self, ctx, bars):
        ctx.log(f"{ctx.now:%d} {ctx.equity:g} {ctx.position():g} {ctx.last(3).tolist()}")
        with pytest.raises(ConfigError, match="4 bars are asked for, and `history` says 3"):
            ctx.last(4)
        with pytest.raises(UnknownName, match="`cloze`"):
            ctx.last(1, "cloze")
        return super().on_bar(ctx, bars)


@pytest.mark.parametrize("count", [1, 2])
def test_a_strategy_sees_its_account_and_the_past_alone(count: int) -> None:
    class Several(Asking):
        instruments = count

    others = [bars([1, 1, 1, 1], symbol="Y")] if count == 2 else []
    if count == 1:
        done = backtest(Several((1.0,)), [FOUR, *others], cash=110)
        assert [text for _, text in done.notes] == [
            "30 110 0 [10.0]",
            "31 120 10 [10.0, 12.0]",
            "01 90 10 [10.0, 12.0, 9.0]",
            "02 150 10 [12.0, 9.0, 15.0]",
        ]
    else:
        with pytest.raises(ConfigError, match="several instruments"):
            backtest(Several((1.0,)), [FOUR, *others], cash=110)


class Dicing(Scripted):
    def on_bar(self, ctx, bars):
        return float(ctx.rng.integers(0, 2))


def test_random_numbers_depend_on_the_seed_and_the_bar() -> None:
    prices = walk(30)
    one, again, other = (backtest(Dicing(), prices, seed=seed).decisions for seed in (1, 1, 2))
    assert one == again
    assert one != other


@pytest.mark.parametrize("wanted", [float("inf"), {"Y": 1.0}])
def test_a_weight_that_means_nothing_is_refused(wanted: object) -> None:
    with pytest.raises((ConfigError, UnknownName)):
        backtest(Scripted((wanted,)), FOUR)


def test_a_run_that_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="trades 1 instruments at once, not 2"):
        backtest(Scripted(), [FOUR, bars([1, 1], symbol="Y")])
    with pytest.raises(ConfigError, match="no path over columns"):
        backtest(Scripted(), FOUR, path="vector")
    with pytest.raises(ConfigError, match="Unknown path `vectors`"):
        backtest(Scripted(), FOUR, path="vectors")
    with pytest.raises(ConfigError, match="no bars"):
        backtest(Scripted(), FOUR.part(0, 0))
    with pytest.raises(ConfigError, match="`fast` must be below `slow`"):
        backtest(SmaCross(5, 5), FOUR)
    with pytest.raises(ConfigError, match="`fee_bps` cannot be -1"):
        Costs(fee_bps=-1)
    with pytest.raises(DataError, match="do not rise in time"):
        Prices(
            "X",
            *(
                getattr(FOUR, name)[::-1]
                for name in ("ts", "open", "high", "low", "close", "volume")
            ),
        )
    assert PATHS == ("auto", "on_bar", "vector")
