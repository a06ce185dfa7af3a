"""Strategies that look ahead are found out, with the bar and the column; others are not."""

from dataclasses import dataclass

import numpy as np
import pytest

from market.bars import ScriptedMany, walk
from raymill.market.lookahead import check_lookahead
from raymill.market.named import find
from raymill.market.strategy import Strategy


@dataclass
class Normed(Strategy):
    """Holds above the middle of all closes, those that are still to come among them."""

    column: str = "close"

    def on_bar(self, ctx, bars):
        return None

    def vector(self, bars, out):
        values = getattr(bars, self.column)
        out[:] = np.where(values > values.mean(), 1.0, 0.0)


@dataclass
class Counting(Strategy):
    """Buys in the second half of the data."""

    def on_bar(self, ctx, bars):
        return 1.0 if len(ctx.past.bars) > 50 else 0.0


@pytest.mark.parametrize("column", ["close", "volume"])
def test_a_mean_over_all_bars_is_found_out_with_its_column(column: str) -> None:
    bars = walk(100)
    if column == "volume":
        bars = walk(100).__class__(
            "X", bars.ts, bars.open, bars.high, bars.low, bars.close, bars.close
        )
    found = check_lookahead(Normed(column), bars)
    assert found
    assert {one.path for one in found} == {"vector"}
    assert {one.field for one in found} == {f"`{column}`"}
    first = found[0]
    assert first.bar < first.cut
    assert str(first).startswith(f"X at {first.time} (bar {first.bar}, vector): decided ")


def test_looking_at_how_many_bars_there_are_is_found_out() -> None:
    found = check_lookahead(Counting(), walk(100))
    assert {one.field for one in found} == {"the number"}
    assert {(one.bar, one.decided, one.alone) for one in found} == {(0, 1.0, None)}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sma_cross", {"fast": 3, "slow": 9}),
        ("tsmom", {"lookback": 10, "vol_target": 0.2}),
        ("bollinger_revert", {"window": 9}),
        ("zscore_revert", {"window": 9}),
        ("rsi_revert", {"window": 5}),
    ],
)
def test_the_strategies_that_come_along_do_not_look_ahead(name: str, values: dict) -> None:
    assert check_lookahead(find(name).make(values), walk(150)) == []


def test_several_instruments_are_cut_at_one_time() -> None:
    two = [walk(80, symbol="A"), walk(80, seed=2, symbol="B")]
    told = []
    strategy = find("xsmom").make({"lookback": 5, "skip": 1, "rebalance": 3})
    assert (
        check_lookahead(strategy, two, cuts=4, tell=lambda done, of: told.append((done, of))) == []
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    pair = find("pairs").make({"lookback": 20, "window": 10, "entry": 1.0, "max_p": 1.0})
    assert check_lookahead(pair, two, cuts=4) == []
    assert check_lookahead(ScriptedMany(({"A": 1.0}, None)), two, cuts=3) == []
