"""A strategy on paper over stored bars as they become complete: past ones first, then live ones.

What is traded follows from the bars since a moment alone, so nothing needs to be kept: the same
bars bring back the same account after a crash, and a backtest over them makes the same trades.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from raymill.app.market.prices import Found, find_bars, read_bars
from raymill.app.market.rooms import MarketRooms
from raymill.errors import ConfigError, NotStored
from raymill.market import notes
from raymill.market.asked import LAST_US, is_traded
from raymill.market.backtest import CASH, check_fits, together
from raymill.market.costs import Costs
from raymill.market.interval import interval
from raymill.market.paper import Paper
from raymill.market.prices import Prices
from raymill.market.strategy import Bar, Strategy
from raymill.market.trips import Filled
from raymill.market.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Account:
    """What an account is traded with, and what trading costs. `per_year`: bars of a year, for what
    is borrowed."""

    costs: Costs = field(default_factory=Costs)
    cash: float = CASH
    per_year: float | None = None
    seed: int = 0


class Moved(NamedTuple):
    """One time at which bars closed: what was filled at their open, decided at their close."""

    ts_us: int
    fills: tuple[Filled, ...]
    decided: dict[str, float]
    equity: float


class Follower:
    """A strategy that follows stored bars from a moment on.

    Bars are taken in order of time, each once it is known that none before it lacks. Whoever fills
    the lake (a stream, a crawl, an import) does so in another process, or before.

    Raises NotStored with the crawl to do, ConfigError, UnknownName.
    """

    def __init__(
        self,
        rooms: MarketRooms,
        strategy: Strategy,
        wanted: Wanted,
        account: Account | None = None,
    ) -> None:
        self._rooms, self._wanted = rooms, wanted
        self._account = account or Account()
        self._found = find_bars(rooms, replace(wanted, end_us=None))
        self._begin_us = max(self._first(one) for one in self._found)
        self._every = interval(wanted.interval)
        self.paper = _paper(strategy, self._account, self._started())
        self.last_us = -1

    def advance(self) -> Iterator[Moved]:
        """Take all bars that became complete since, one time after another."""
        for now_us, bars in self._new():
            step = self.paper.step(bars)
            self.last_us = now_us
            yield Moved(now_us, tuple(step.fills), step.decided, step.equity)

    def _new(self) -> Iterator[tuple[int, dict[str, Bar]]]:
        until_us = min(self._known(one) for one in self._found)
        bars = [one for one in self._read(until_us) if len(one)]
        if bars:
            ts = np.unique(np.concatenate([one.ts for one in bars]))
            yield from zip(ts.tolist(), together(bars, ts), strict=True)

    def _read(self, until_us: int) -> Iterator[Prices]:
        """The bars of each instrument that are complete."""
        begin_us = max(self._begin_us, self.last_us + 1)
        for one in self._found if until_us > begin_us else ():
            of, asked = (
                replace(x, begin_us=begin_us, end_us=until_us) for x in (one.of, one.asked)
            )
            part = Found(one.instrument, asked, of)
            try:
                (found,) = read_bars(self._rooms, [part], self._wanted)
            except NotStored:
                continue  # nothing of it was traded
            yield found.bars if of == asked else self._whole(found.bars, until_us)

    def _whole(self, bars: Prices, until_us: int) -> Prices:
        """Those whose end is known; bars that are stored themselves have ended."""
        ended = self._every.ends(bars.ts) <= until_us
        return bars.part(0, int(np.count_nonzero(ended)))

    def _first(self, one: Found) -> int:
        """Where what is stored begins, not before what is wanted."""
        with self._rooms.database.reading() as execute:
            spans = notes.coverage(execute, one.of.series)
        since_us = self._wanted.begin_us or 0
        return next((max(since_us, s.begin) for s in spans if s.end > since_us), since_us)

    def _known(self, one: Found) -> int:
        """Up to when all is known of an instrument, from the beginning on."""
        end_us = LAST_US if self._wanted.end_us is None else self._wanted.end_us
        at_us = self._begin_us
        with self._rooms.database.reading() as execute:
            spans = notes.coverage(execute, one.of.series)
        for span in spans:
            if span.end <= at_us:
                continue
            if span.begin > at_us and is_traded(one.instrument, one.of, at_us, span.begin):
                break
            at_us = span.end
        return min(at_us, end_us)

    def _started(self) -> list[Prices]:
        """A bar of each instrument, for the checks that a backtest makes."""
        at, one = np.array([self._begin_us]), np.ones(1)
        return [Prices(x.instrument.symbol, at, one, one, one, one, one) for x in self._found]


def _paper(strategy: Strategy, account: Account, bars: Sequence[Prices]) -> Paper:
    check_fits(strategy, bars, "on_bar", account.cash)
    costs, per_year = account.costs, account.per_year
    if costs.borrow and per_year is None:
        raise ConfigError(
            "What is borrowed costs by the year, and how many bars that has is not known yet",
            hint="--periods-per-year 252",
        )
    borrow = costs.borrow / per_year if per_year else 0.0
    return Paper(strategy, costs, cash=account.cash, borrow=borrow, seed=account.seed)
