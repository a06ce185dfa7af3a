"""Arbitrage in quotes of two venues: each opportunity with its arithmetic, to be redone by hand.

The quotes are written down here: at 2.2 s venue `b` bids more than `a` asks, behind both fees.
"""

from raymill.market.quotes import Quote
from raymill.market.scan import scan
from raymill.market.strategies.arbitrage_cross import ArbitrageCross
from raymill.market.strategies.arbitrage_triangle import ArbitrageTriangle

SECOND = 1_000_000


def quote(second: float, venue: str, pair: str, bid: float, ask: float) -> Quote:
    base, _, currency = pair.partition("/")
    return Quote(venue, base, currency, bid, 2.0, ask, 3.0, int(second * SECOND))


quotes = [
    quote(0.0, "a", "BTC/USDT", 99.9, 100.0),
    quote(0.2, "b", "BTC/USDT", 100.1, 100.2),
    quote(2.0, "a", "BTC/USDT", 99.9, 100.0),
    quote(2.2, "b", "BTC/USDT", 100.5, 100.6),
    quote(2.4, "b", "BTC/USDT", 100.4, 100.5),
    quote(2.6, "b", "BTC/USDT", 100.1, 100.2),
]
found = scan(ArbitrageCross(fee_bps=10), quotes)
print(f"{found.quotes} quotes of {', '.join(found.venues)}: {len(found.stretches)} opportunity")
for one in found.stretches:
    print(f"{one.first_us / SECOND:g} s to {one.last_us / SECOND:g} s, {one.looks} looks")
    print(f"  {one.best.arithmetic}")

at_one = [
    quote(0.0, "a", "BTC/USDT", 100.0, 100.0),
    quote(0.1, "a", "ETH/USDT", 10.0, 10.0),
    quote(0.2, "a", "ETH/BTC", 0.099, 0.099),
]
for one in scan(ArbitrageTriangle(fee_bps=10), at_one).stretches:
    print(" then ".join(f"{leg.side} {leg.symbol}" for leg in one.best.legs))
    print(f"  {one.best.arithmetic}")
