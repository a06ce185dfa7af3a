"""The account on paper: bars in, fills out; for several instruments, and for live runs.

The whole object can be pickled between two bars and goes on as if nothing had happened.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from raymill.compiled import plain
from raymill.errors import ConfigError, unknown
from raymill.market.costs import Costs, Fill, fill
from raymill.market.prices import FIELDS, Numbers
from raymill.market.strategy import Bar, Context, Strategy, Targets, renewed
from raymill.market.trips import Filled

_fill = plain(fill)


class Rolling:
    """The newest bars of each instrument, as many as a strategy looks at."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.bars: dict[str, deque[Bar]] = {}

    def add(self, symbol: str, bar: Bar) -> None:
        """A bar has closed."""
        if symbol not in self.bars:
            self.bars[symbol] = deque(maxlen=self.count)
        self.bars[symbol].append(bar)

    def last(self, symbol: str | None, name: str, count: int) -> Numbers:
        """The newest values of a column. Raises UnknownName, ConfigError."""
        place = FIELDS.index(name) + 1 if name in FIELDS else -1
        if place < 0:
            raise unknown("column", name, FIELDS)
        bars = list(self.bars[only(symbol, self.bars)])[-count:]
        return np.array([bar[place] for bar in bars], np.float64)


def only(symbol: str | None, known: Mapping[str, object]) -> str:
    """The symbol, or that of the only instrument. Raises UnknownName, ConfigError."""
    if symbol is None and len(known) == 1:
        return next(iter(known))
    if symbol is None:
        raise ConfigError("There are several instruments", hint="name one: symbol=...")
    if symbol not in known:
        raise unknown("symbol", symbol, known)
    return symbol


@dataclass
class Step:
    """What became of one step: the fills at its open, and what was decided at its close."""

    fills: list[Filled]
    decided: dict[str, float]
    equity: float


class Paper:
    """An account on paper that follows a strategy, one bar of each instrument at a time."""

    def __init__(
        self,
        strategy: Strategy,
        costs: Costs | None = None,
        *,
        cash: float = 1.0,
        borrow: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.strategy = renewed(strategy)
        self.rules = (costs or Costs()).rules
        self.borrow = borrow  # of a short's value, for each bar
        self.past = Rolling(strategy.history)
        self.ctx = Context(self.past, float(cash), strategy.history, seed)
        self.wanted: dict[str, float] = {}
        self.pending: dict[str, float] = {}
        self.count = 0
        self.left_out = 0
        self.borrowed = 0.0
        self.is_bust = False

    def step(self, bars: Mapping[str, Bar]) -> Step:
        """One closed bar of some instruments, of one time: fill, mark, decide."""
        fills = self._fill(bars)
        ctx = self.ctx
        for symbol, bar in bars.items():
            self.past.add(symbol, bar)
            ctx.bars[symbol] = bar
        self._charge(bars)
        equity = ctx.equity
        if equity <= 0 and not self.is_bust:
            fills += self._close_all()
            equity = 0.0
        decided = {} if self.is_bust else self._decide(bars)
        self.count += 1
        return Step(fills, decided, equity)

    def _close_all(self) -> list[Filled]:
        """Nothing is left: positions are closed at the last closes, and the debt let go."""
        ctx, self.is_bust = self.ctx, True
        closed = [
            Filled(self.count, symbol, -units, ctx.bars[symbol].close, 0.0, 0.0)
            for symbol, units in sorted(ctx.units.items())
        ]
        ctx.units.clear()
        ctx.cash = 0.0
        return closed

    def _decide(self, bars: Mapping[str, Bar]) -> dict[str, float]:
        self.ctx.again = False
        aims = weights(self.strategy.on_bar(self.ctx, bars), self.ctx.bars)
        decided = {
            symbol: aim
            for symbol, aim in aims.items()
            if aim != self.wanted.get(symbol, 0.0) or self.ctx.again
        }
        self.wanted |= decided
        self.pending |= decided
        return decided

    def _fill(self, bars: Mapping[str, Bar]) -> list[Filled]:
        due = {symbol: aim for symbol, aim in self.pending.items() if symbol in bars}
        if not due or self.is_bust:
            return []
        ctx = self.ctx
        opens = {symbol: bar.open for symbol, bar in bars.items()}
        equity = ctx.cash + sum(
            units * (opens[symbol] if symbol in opens else ctx.bars[symbol].close)
            for symbol, units in ctx.units.items()
        )
        fills = []
        for symbol in sorted(due, key=lambda s: (self._grows(s, due[s], equity, opens[s]), s)):
            bar = bars[symbol]
            held = ctx.units.get(symbol, 0.0)
            made = Fill(
                *_fill(equity, ctx.cash, held, due[symbol], bar.open, bar.volume, self.rules)
            )
            self.left_out += int(made.left_out)
            if not made.waits:
                del self.pending[symbol]
            if made.quantity:
                ctx.cash = made.cash
                ctx.units[symbol] = made.units
                if not made.units:
                    del ctx.units[symbol]
                fills.append(Filled(self.count, symbol, *made[2:6]))
        return fills

    def _grows(self, symbol: str, aim: float, equity: float, open: float) -> bool:
        return abs(aim * equity) > abs(self.ctx.units.get(symbol, 0.0) * open)

    def _charge(self, bars: Mapping[str, Bar]) -> None:
        if not self.borrow:
            return
        for symbol, units in self.ctx.units.items():
            if units < 0 and symbol in bars:
                charge = self.borrow * -units * bars[symbol].close
                self.ctx.cash -= charge
                self.borrowed += charge


def weights(aims: Targets | None, known: Mapping[str, object]) -> dict[str, float]:
    """What a strategy decided, by symbol. Raises ConfigError for what is no weight."""
    if aims is None:
        return {}
    given = aims if isinstance(aims, Mapping) else {only(None, known): aims}
    found = {}
    for symbol, aim in given.items():
        if symbol not in known:
            raise unknown("symbol that a strategy wants:", symbol, known)
        if aim == aim:
            found[symbol] = finite(aim)
    return found


def finite(weight: float) -> float:
    """A weight as a float. Raises ConfigError for one without end."""
    if weight in (float("inf"), float("-inf")):
        raise ConfigError(f"A strategy wants the weight {weight}")
    return float(weight)
