"""Quotes of venues, and the opportunities that scanners find in them, with their arithmetic."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

BPS = 1e-4


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask of a pair at a venue; USDT, BUSD and USD are different quotes."""

    venue: str
    base: str
    quote: str
    bid: float
    bid_size: float  # in the base
    ask: float
    ask_size: float
    ts: int  # epoch microseconds

    @property
    def symbol(self) -> str:
        """The pair, as in `BTC/USDT`."""
        return f"{self.base}/{self.quote}"

    @property
    def holds(self) -> bool:
        """Whether it can be traded on: a price and a size on both sides, and no crossed book."""
        numbers = self.bid, self.bid_size, self.ask, self.ask_size
        return all(0 < number < math.inf for number in numbers) and self.bid <= self.ask


@dataclass(frozen=True, slots=True)
class Lots:
    """The sizes that a venue takes of a pair."""

    step_size: float = 0.0
    min_notional: float = 0.0

    def cut(self, size: float) -> float:
        """A size cut to a whole number of steps."""
        if self.step_size <= 0:
            return size
        return math.floor(size / self.step_size + 1e-9) * self.step_size


@dataclass(frozen=True, slots=True)
class Leg:
    """One trade of an opportunity."""

    venue: str
    symbol: str
    side: str  # buy or sell
    price: float
    size: float  # in the base
    age_us: int


@dataclass(frozen=True, slots=True)
class Opportunity:
    """What could be earned, from quotes alone, and how that is reckoned."""

    kind: str
    legs: tuple[Leg, ...]
    edge_bps: float
    profit: float  # in `currency`, behind fees and cut sizes
    currency: str
    arithmetic: str
    ts: int
    quotes: tuple[Quote, ...] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)
