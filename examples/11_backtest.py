"""A strategy of your own over real prices: backtested, checked for look-ahead, and kept.

Google's shares paid no dividend and were not split in these years, so that prices as they were paid
are what an owner got.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import Annotated

from annotated_types import Ge

from raymill.app.demo.sample import sample_file
from raymill.app.market.imports import import_file
from raymill.app.market.prices import find_bars, read_bars
from raymill.app.market.rooms import open_rooms
from raymill.market.backtest import backtest
from raymill.market.costs import Costs
from raymill.market.lookahead import check_lookahead
from raymill.market.strategy import Strategy
from raymill.market.wanted import Wanted


@dataclass
class Breakout(Strategy):
    """Hold from a close that is the highest of the last bars to one that is the lowest."""

    window: Annotated[int, Ge(2)] = 100

    @property
    def history(self):
        return self.window

    def on_bar(self, ctx, bars):
        closes = ctx.last(self.window)
        if len(closes) < self.window:
            return None
        if closes[-1] == closes.max():
            return 1.0
        return 0.0 if closes[-1] == closes.min() else None


with TemporaryDirectory() as home:
    os.environ["RAYMILL_HOME"] = home
    import_file(sample_file("stocks.csv.gz"), "bar")
    wanted = Wanted(("GOOG",))
    rooms = open_rooms()
    (goog,) = read_bars(rooms, find_bars(rooms, wanted), wanted)

begun = datetime.now(UTC)
done = backtest(Breakout(), goog.bars, Costs(fee_bps=10))
first, last = (datetime.fromtimestamp(int(done.ts[at]) / 1e6, UTC) for at in (0, -1))
print(f"{len(goog.bars):,} bars of {goog.bars.symbol}, {first:%Y-%m-%d} to {last:%Y-%m-%d}")
print(f"final equity {done.basics.final_equity:.4f}, {done.basics.closed_trades} closed trades")
print(f"sharpe {done.basics.sharpe:.3f} with {done.periods.per_year:g} periods a year")

cash = done.cash - sum(one.quantity * one.price + one.fee for one in done.fills)
units = sum(one.quantity for one in done.fills)
error = abs((cash + units * goog.bars.close[-1]) / done.equity[-1] - 1)
print("cash and position make the equity:", "yes" if error < 1e-9 else "no")
print("looks ahead:", check_lookahead(Breakout(), goog.bars, cuts=5) or "no")
