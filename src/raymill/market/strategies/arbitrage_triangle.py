"""Round trips through currencies at one venue that end with more than they began with."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, ClassVar

from annotated_types import Ge, Lt

from raymill.market.quotes import BPS, Leg, Lots, Opportunity, Quote

MOST_TRIANGLES = 200  # currencies; above them cycles are searched for instead


@dataclass(frozen=True, slots=True)
class Edge:
    """A change of one currency into another by a quote."""

    start: str
    end: str
    quote: Quote
    is_buy: bool
    kept: float  # 1 - fee

    @property
    def price(self) -> float:
        """What is paid for the base, or got for it."""
        return self.quote.ask if self.is_buy else self.quote.bid

    @property
    def rate(self) -> float:
        """How much of the end one of the start gives, behind the fee."""
        return (1 / self.quote.ask if self.is_buy else self.quote.bid) * self.kept

    @property
    def most(self) -> float:
        """The most of the start that the quote takes."""
        return self.quote.ask_size * self.quote.ask if self.is_buy else self.quote.bid_size

    def change(self, amount: float, lots: Lots) -> tuple[float, float]:
        """An amount of the start as (size in the base, amount of the end), in whole lots."""
        size = lots.cut(amount / self.quote.ask if self.is_buy else amount)
        if size * self.price < lots.min_notional:
            return 0.0, 0.0
        return size, (size if self.is_buy else size * self.quote.bid) * self.kept


@dataclass
class ArbitrageTriangle:
    """Look for three trades at one venue that end with more of a currency than they began with.

    Each pair is an edge either way: 1 / ask when buying the base, bid when selling it, times
    1 - fee. A cycle is reported if exp(sum of logarithms) - 1 is above `min_edge_bps`, also with
    the size of its thinnest leg, cut to lots along the path. Up to 200 currencies all triangles
    are tried, in both directions; above, negative cycles are searched for (Bellman-Ford).

    min_edge_bps: hundredths of a percent that must be left behind fees.
    fee_bps: what the venue takes of a trade.
    max_age_ms: quotes that are older are not looked at.
    """

    scans_quotes: ClassVar[bool] = True
    scans_by: ClassVar[str] = "venue"

    min_edge_bps: float = 0.0
    fee_bps: Annotated[float, Ge(0), Lt(10_000)] = 10.0
    max_age_ms: Annotated[float, Ge(0)] = 1000.0

    def check(self) -> None:
        """Nothing of it depends on another parameter."""

    def scan(
        self, quotes: Iterable[Quote], now_us: int, *, lots: Mapping[str, Lots] | None = None
    ) -> list[Opportunity]:
        """Look at the newest quotes of one venue; the best opportunity first. `lots` by pair."""
        edges = self._edges(quotes, now_us)
        currencies = sorted({start for start, _ in edges})
        few = len(currencies) <= MOST_TRIANGLES
        cycles = _triangles(currencies, edges) if few else _negative_cycles(currencies, edges)
        found = [self._worth(cycle, now_us, lots or {}) for cycle in cycles]
        return sorted((one for one in found if one), key=lambda one: -one.edge_bps)

    def _edges(self, quotes: Iterable[Quote], now_us: int) -> dict[tuple[str, str], Edge]:
        found: dict[tuple[str, str], Edge] = {}
        kept = 1 - self.fee_bps * BPS
        for one in sorted(quotes, key=lambda quote: quote.ts):
            if one.holds and now_us - one.ts <= self.max_age_ms * 1e3:
                found[one.quote, one.base] = Edge(one.quote, one.base, one, True, kept)
                found[one.base, one.quote] = Edge(one.base, one.quote, one, False, kept)
        return found

    def _worth(
        self, cycle: tuple[Edge, ...], now_us: int, lots: Mapping[str, Lots]
    ) -> Opportunity | None:
        edge_bps = 1e4 * (math.exp(sum(math.log(edge.rate) for edge in cycle)) - 1)
        if edge_bps <= self.min_edge_bps:
            return None
        begun = amount = _thinnest(cycle)
        legs = []
        for edge in cycle:
            size, after = edge.change(amount, lots.get(edge.quote.symbol, Lots()))
            if size <= 0:
                return None
            if edge is cycle[0]:
                begun = size * edge.quote.ask if edge.is_buy else size
            legs.append(_leg(edge, size, now_us))
            amount = after
        left_bps = 1e4 * (amount / begun - 1)
        if left_bps <= self.min_edge_bps:
            return None
        rates = " * ".join(f"{edge.rate:.10g}" for edge in cycle)
        return Opportunity(
            "triangle",
            tuple(legs),
            left_bps,
            amount - begun,
            cycle[0].start,
            f"{rates} - 1 = {edge_bps:.4g} bps; {begun:.10g} becomes {amount:.10g} "
            f"{cycle[0].start} in whole lots",
            now_us,
            quotes=tuple(edge.quote for edge in cycle),
        )


def _leg(edge: Edge, size: float, now_us: int) -> Leg:
    one = edge.quote
    side = "buy" if edge.is_buy else "sell"
    return Leg(one.venue, one.symbol, side, edge.price, size, now_us - one.ts)


def _thinnest(cycle: tuple[Edge, ...]) -> float:
    """The most of the first currency that all legs take."""
    most, rate = math.inf, 1.0
    for edge in cycle:
        most = min(most, edge.most / rate)
        rate *= edge.rate
    return most


def _triangles(
    currencies: list[str], edges: Mapping[tuple[str, str], Edge]
) -> Iterable[tuple[Edge, ...]]:
    for a, b, c in combinations(currencies, 3):
        for path in ((a, b, c), (a, c, b)):
            steps = list(zip(path, (*path[1:], path[0]), strict=True))
            if all(step in edges for step in steps):
                yield tuple(edges[step] for step in steps)


def _negative_cycles(
    currencies: list[str], edges: Mapping[tuple[str, str], Edge]
) -> Iterable[tuple[Edge, ...]]:
    """The cycles that relaxing all edges often enough leaves."""
    far = dict.fromkeys(currencies, 0.0)
    came: dict[str, Edge] = {}
    changed: list[str] = []
    for _ in currencies:
        changed = []
        for edge in edges.values():
            ahead = far[edge.start] - math.log(edge.rate)
            if ahead < far[edge.end] - 1e-12:
                far[edge.end], came[edge.end] = ahead, edge
                changed.append(edge.end)
        if not changed:
            return
    seen: set[frozenset[str]] = set()
    for node in changed:
        cycle = _cycle_before(node, came, len(currencies))
        key = frozenset(edge.end for edge in cycle)
        if key not in seen:
            seen.add(key)
            yield cycle


def _cycle_before(node: str, came: Mapping[str, Edge], steps: int) -> tuple[Edge, ...]:
    for _ in range(steps):
        node = came[node].start
    cycle = [came[node]]
    while cycle[-1].start != node:
        cycle.append(came[cycle[-1].start])
    return tuple(reversed(cycle))
