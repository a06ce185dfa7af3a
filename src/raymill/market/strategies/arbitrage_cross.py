"""One pair at two venues: bought where it is cheap and sold where it is dear, if fees allow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Annotated, ClassVar

from annotated_types import Ge

from raymill.errors import ConfigError
from raymill.market.quotes import BPS, Leg, Lots, Opportunity, Quote

Key = tuple[str, str, str]  # pair, bought at, sold at
ALL = "*"


@dataclass
class ArbitrageCross:
    """Look for a pair that is bought at one venue for less than another one pays, behind fees.

    edge = 1e4 * (bid_b (1 - fee_b) / (ask_a (1 + fee_a)) - 1), from quotes of one pair that are
    young and of nearly one time; reported when it is above `min_edge_bps` for `persist` looks in a
    row. The size is the lesser of both quotes, cut to the lots of both venues.

    min_edge_bps: hundredths of a percent that must be left behind fees.
    fee_bps: what a venue takes of a trade.
    max_age_ms: quotes that are older are not looked at.
    max_skew_ms: two quotes whose times are further apart are not compared.
    persist: looks in a row at which the edge must be there.
    """

    scans_quotes: ClassVar[bool] = True
    scans_by: ClassVar[str] = "symbol"

    min_edge_bps: float = 0.0
    fee_bps: Annotated[float, Ge(0)] = 10.0
    max_age_ms: Annotated[float, Ge(0)] = 1000.0
    max_skew_ms: Annotated[float, Ge(0)] = 500.0
    persist: Annotated[int, Ge(1)] = 1
    _seen: dict[Key, int] = field(default_factory=dict, init=False, repr=False)

    def check(self) -> None:
        """Raise ConfigError for a fee that eats everything."""
        if self.fee_bps >= 10_000:
            raise ConfigError(f"A fee of {self.fee_bps:g} bps leaves nothing", hint="10 is 0.1 %")

    def scan(
        self,
        quotes: Iterable[Quote],
        now_us: int,
        *,
        fees_bps: Mapping[str, float] | None = None,
        lots: Mapping[tuple[str, str], Lots] | None = None,
        balances: Mapping[tuple[str, str], float] | None = None,
    ) -> list[Opportunity]:
        """Look at the newest quote of each venue; the best opportunity first.

        `fees_bps` are those of venues that take another fee, `lots` by venue and pair, `balances`
        by venue and currency: without them everything is there.
        """
        fees = {ALL: self.fee_bps, **(fees_bps or {})}
        found: dict[Key, Opportunity] = {}
        for left, right in self._comparable(quotes, now_us):
            made = self._compare(left, right, now_us, fees, lots or {}, balances)
            if made is not None:
                found[left.symbol, left.venue, right.venue] = made
        self._seen = {key: self._seen.get(key, 0) + 1 for key in found}
        lasting = [one for key, one in found.items() if self._seen[key] >= self.persist]
        return sorted(lasting, key=lambda one: -one.edge_bps)

    def _comparable(self, quotes: Iterable[Quote], now_us: int) -> Iterable[tuple[Quote, Quote]]:
        newest: dict[tuple[str, str], Quote] = {}
        for one in quotes:
            before = newest.get((one.symbol, one.venue))
            if before is None or before.ts <= one.ts:
                newest[one.symbol, one.venue] = one
        young = [
            one for one in newest.values() if one.holds and now_us - one.ts <= self.max_age_ms * 1e3
        ]
        for left, right in permutations(young, 2):
            near = abs(left.ts - right.ts) <= self.max_skew_ms * 1e3
            if left.symbol == right.symbol and left.venue != right.venue and near:
                yield left, right

    def _compare(
        self,
        buy: Quote,
        sell: Quote,
        now_us: int,
        fees: Mapping[str, float],
        lots: Mapping[tuple[str, str], Lots],
        balances: Mapping[tuple[str, str], float] | None,
    ) -> Opportunity | None:
        fee_buy, fee_sell = (fees.get(one.venue, fees[ALL]) * BPS for one in (buy, sell))
        pays, gets = buy.ask * (1 + fee_buy), sell.bid * (1 - fee_sell)
        edge = 1e4 * (gets / pays - 1)
        if edge <= self.min_edge_bps:
            return None
        size = min(buy.ask_size, sell.bid_size)
        if balances is not None:
            size = min(size, balances.get((buy.venue, buy.quote), 0.0) / pays)
            size = min(size, balances.get((sell.venue, sell.base), 0.0))
        for one in (buy, sell):
            size = lots.get((one.venue, one.symbol), Lots()).cut(size)
        for one, price in ((buy, buy.ask), (sell, sell.bid)):
            if size * price < lots.get((one.venue, one.symbol), Lots()).min_notional:
                return None
        if size <= 0:
            return None
        legs = (
            Leg(buy.venue, buy.symbol, "buy", buy.ask, size, now_us - buy.ts),
            Leg(sell.venue, sell.symbol, "sell", sell.bid, size, now_us - sell.ts),
        )
        reckoned = (
            f"1e4 * ({sell.bid:.10g} * (1 - {fee_sell:g}) / "
            f"({buy.ask:.10g} * (1 + {fee_buy:g})) - 1) = {edge:.4g} bps; "
            f"{size:.10g} * ({gets:.10g} - {pays:.10g}) = {size * (gets - pays):.6g} {buy.quote}"
        )
        profit = size * (gets - pays)
        return Opportunity(
            "cross", legs, edge, profit, buy.quote, reckoned, now_us, quotes=(buy, sell)
        )
