"""What a strategy is: one class that runs in a backtest, in a sweep, on a replayed and on a live
stream.

A strategy is a dataclass. Its fields are parameters, with their bounds; what it keeps from bar to
bar is a field with `init=False`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np

from raymill.errors import ConfigError
from raymill.market.prices import Numbers, Prices

S = TypeVar("S", bound="Strategy")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Targets: TypeAlias = float | Mapping[str, float]
"""Weights of equity: of the only instrument, or by symbol. Below 0 is a short position."""


class Bar(NamedTuple):
    """A closed bar; `ts` is where it began, in epoch microseconds."""

    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    @property
    def time(self) -> datetime:
        """When the bar began, in UTC."""
        return time_of(self.ts)


def time_of(ts: int) -> datetime:
    """A time in epoch microseconds.

    >>> time_of(1_570_752_011_620_000).isoformat()
    '2019-10-11T00:00:11.620000+00:00'
    """
    return EPOCH + timedelta(microseconds=ts)


class Past(Protocol):
    """The closed bars up to now, as an engine keeps them."""

    def last(self, symbol: str | None, name: str, count: int) -> Numbers:
        """The newest values of a column, at most so many, the oldest first."""


class Context:
    """What a strategy may ask beside the bars. There is no clock, no network and no future."""

    __slots__ = ("again", "bars", "cash", "history", "notes", "past", "seed", "units")

    def __init__(self, past: Past, cash: float, history: int, seed: int = 0) -> None:
        self.past = past
        self.history = history
        self.seed = seed
        self.cash = cash
        self.units: dict[str, float] = {}
        self.bars: dict[str, Bar] = {}  # the newest of each instrument
        self.notes: list[tuple[int, str]] = []
        self.again = False

    @property
    def now_us(self) -> int:
        """When the bars of this call began, in epoch microseconds."""
        return max((bar.ts for bar in self.bars.values()), default=0)

    @property
    def now(self) -> datetime:
        """When the bars of this call began, in UTC; they are closed."""
        return time_of(self.now_us)

    @property
    def equity(self) -> float:
        """Cash and positions, at the newest closes."""
        held = (units * self.bars[symbol].close for symbol, units in self.units.items())
        return self.cash + sum(held)

    def position(self, symbol: str | None = None) -> float:
        """How many units are held, below 0 when short; of the only instrument unless named."""
        if symbol is None:
            return sum(self.units.values())
        return self.units.get(symbol, 0.0)

    def last(self, count: int, name: str = "close", symbol: str | None = None) -> Numbers:
        """The newest values of a column, this bar's with them, the oldest first.

        There are fewer at the beginning. Raises ConfigError above the strategy's `history`.
        """
        if count > self.history:
            raise ConfigError(
                f"{count} bars are asked for, and `history` says {self.history}",
                hint="let the strategy's `history` give the longest window that it looks at",
            )
        return self.past.last(symbol, name, count)

    def rebalance(self) -> None:
        """Trade to the weights of this call even where they equal the last ones."""
        self.again = True

    @property
    def rng(self) -> np.random.Generator:
        """Random numbers that depend on the seed and on this bar alone."""
        return np.random.default_rng((self.seed, abs(self.now_us)))

    def log(self, text: str) -> None:
        """Note something about this bar; the result of the run has the notes."""
        self.notes.append((self.now_us, text))


@dataclass
class Strategy:
    """A strategy decides on closed bars; what it decides is filled at the next open.

    Give `on_bar`, and `history`, the bars that its longest window needs. A strategy for sweeps
    may give `vector` too, which must decide the same.
    """

    instruments: ClassVar[int | None] = 1
    """How many instruments it trades at once; None for any number."""

    writes_all: ClassVar[bool] = False
    """Whether `vector` writes every target; else they are made NaN before it is called."""

    @property
    def history(self) -> int:
        """How many bars must have been seen before it can decide."""
        return 1

    def check(self) -> None:
        """Raise ConfigError where parameters do not fit one another."""

    def on_bar(self, ctx: Context, bars: Mapping[str, Bar]) -> Targets | None:
        """Decide on closed bars: weights of equity, or None to keep what is held.

        A weight that equals the last one is kept and not traded again.
        """
        raise NotImplementedError

    def vector(self, bars: Prices, out: Numbers) -> None:
        """Write the target of each bar into `out`, which is NaN: there `on_bar` gives None."""
        raise NotImplementedError


def has_vector(strategy: Strategy) -> bool:
    """Whether a strategy has a path over columns."""
    return type(strategy).vector is not Strategy.vector


def renewed(strategy: S) -> S:
    """The same strategy with nothing seen yet."""
    made: Any = type(strategy)
    return made(**parameters_of(strategy))  # type: ignore[no-any-return]


def parameters_of(strategy: Strategy) -> dict[str, Any]:
    """The parameters of a strategy by name."""
    return {one.name: getattr(strategy, one.name) for one in fields(strategy) if one.init}
