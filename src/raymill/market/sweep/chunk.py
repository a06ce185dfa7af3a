"""A chunk of a sweep as a plain function: any engine can call it.

Memory is that of the bars and of one column of targets, however many sets there are.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from raymill.market.backtest import Result, backtest
from raymill.market.costs import Costs
from raymill.market.metrics import returns_of
from raymill.market.prices import Numbers, Prices
from raymill.market.simulate import FILL_COLUMNS, PLACES, SUMS, Sum, simulate
from raymill.market.strategy import Strategy, has_vector
from raymill.market.sweep.muted import muted
from raymill.market.sweep.space import Sets

NOTHING = np.empty(0)
NO_FILLS = np.empty((0, len(FILL_COLUMNS)))


@dataclass(frozen=True)
class Job:
    """What all sets of a sweep share: it is put once where workers find it."""

    bars: tuple[Prices, ...]
    costs: Costs
    cash: float
    per_year: float
    muted: int = 0  # bars at the beginning that only warm a strategy up
    seed: int = 0

    @cached_property
    def counted(self) -> int:
        """The bars that figures are made of."""
        if len(self.bars) == 1:
            return len(self.bars[0]) - self.muted
        return len(np.unique(np.concatenate([one.ts for one in self.bars]))) - self.muted

    def over_columns(self, strategy: Strategy) -> bool:
        """Whether a strategy takes these bars as columns."""
        return len(self.bars) == 1 and has_vector(strategy)


def run_chunk(job: Job, sets: Sets, begin: int, end: int) -> NDArray[np.float64]:
    """Run the sets from one place up to another: a row of sums (`simulate.Sum`) for each."""
    rows = np.zeros((end - begin, SUMS))
    if job.over_columns(sets.strategy(begin)):
        _columns(job, sets, begin, end, rows)
    else:
        for at in range(begin, end):
            rows[at - begin] = sums_of(run_one(job, sets.strategy(at)), job.muted)
    return rows


def _columns(job: Job, sets: Sets, begin: int, end: int, rows: NDArray[np.float64]) -> None:
    (bars,), m = job.bars, job.muted
    targets, now = np.empty(len(bars)), np.empty(PLACES)
    rules, borrow = job.costs.rules, job.costs.borrow / job.per_year
    counted, first, last, volume = targets[m:], bars.open[m:], bars.close[m:], bars.volume[m:]
    writes_all = sets.named.kind.writes_all
    for at in range(begin, end):
        if not writes_all:
            targets[:] = np.nan
        sets.strategy(at).vector(bars, targets)
        simulate(
            counted,
            first,
            last,
            volume,
            job.cash,
            rules,
            borrow,
            NOTHING,
            NO_FILLS,
            rows[at - begin],
            now,
        )


def run_one(job: Job, strategy: Strategy) -> Result:
    """Run one set whole; what is decided on bars that only warm up is not followed."""
    return backtest(
        muted(strategy, job.muted) if job.muted else strategy,
        job.bars,
        job.costs,
        cash=job.cash,
        per_year=job.per_year,
        seed=job.seed,
    )


def sums_of(done: Result, muted: int = 0) -> Numbers:
    """The sums of a run, as `simulate` gives them."""
    equity = done.equity[muted:]
    moves = returns_of(equity, done.cash)
    peaks = np.maximum.accumulate(np.append(done.cash, equity))[1:]
    sums = np.zeros(SUMS)
    sums[Sum.FINAL] = equity[-1]
    sums[Sum.RETURNS] = np.sum(moves)
    sums[Sum.SQUARES] = np.sum(moves**2)
    sums[Sum.DOWN] = np.sum(np.minimum(moves, 0.0) ** 2)
    sums[Sum.DRAWDOWN] = np.min(equity / peaks - 1.0)
    sums[Sum.EQUITY] = np.sum(equity)
    sums[Sum.TRADED] = sum(one.notional for one in done.fills)
    sums[Sum.FEES] = sum(one.fee for one in done.fills)
    sums[Sum.SLIPPAGE] = sum(one.slippage for one in done.fills)
    sums[Sum.BORROW] = done.borrow
    sums[Sum.INVESTED] = done.invested
    sums[Sum.FILLS] = len(done.fills)
    sums[Sum.LEFT_OUT] = done.left_out
    sums[Sum.CLOSED] = len(done.trips)
    sums[Sum.WINS] = sum(trip.profit > 0 for trip in done.trips)
    return sums
