"""Quotes through scanners: stretches of opportunities, with counts written down by hand."""

import pytest

from raymill.market.quotes import Quote
from raymill.market.scan import Replay, scan
from raymill.market.strategies.arbitrage_cross import ArbitrageCross
from raymill.market.strategies.arbitrage_triangle import ArbitrageTriangle

S = 1_000_000


def _at(second: float, venue: str, bid: float, ask: float, pair: str = "BTC/USDT") -> Quote:
    base, _, quote = pair.partition("/")
    return Quote(venue, base, quote, bid, 1.0, ask, 2.0, int(second * S))


CHEAP_THEN_NOT = [
    _at(0.0, "a", 99, 100),
    _at(0.1, "b", 100, 101),  # bid 100 against ask 100: nothing left
    _at(0.2, "b", 102, 103),  # 200 bps
    _at(0.3, "b", 103, 104),  # 300 bps
    _at(0.4, "b", 100, 101),
    _at(0.5, "b", 101, 102),  # 100 bps
]


def test_an_opportunity_is_one_stretch_for_as_long_as_it_is_there() -> None:
    found = scan(ArbitrageCross(fee_bps=0), CHEAP_THEN_NOT)
    told = [(one.first_us, one.last_us, one.looks, one.best.edge_bps) for one in found.stretches]
    assert told == [
        (200_000, 300_000, 2, pytest.approx(300.0)),
        (500_000, 500_000, 1, pytest.approx(100.0)),
    ]
    assert (found.quotes, found.opportunities, found.venues) == (6, 3, ("a", "b"))
    assert found.profit == {"USDT": pytest.approx(1.0 * 3 + 1.0 * 1)}
    assert "1e4 * (103 * (1 - 0) / (100 * (1 + 0)) - 1) = 300 bps" in (
        found.stretches[0].best.arithmetic
    )


def test_fees_and_the_threshold_eat_opportunities() -> None:
    assert not scan(ArbitrageCross(fee_bps=200), CHEAP_THEN_NOT).stretches
    assert scan(ArbitrageCross(fee_bps=0, min_edge_bps=250), CHEAP_THEN_NOT).opportunities == 1


def test_what_a_scanner_counts_is_counted_for_each_pair_alone() -> None:
    other = [_at(second, "c", 1, 2, "ETH/USDT") for second in (0.25, 0.35)]
    quotes = sorted([*CHEAP_THEN_NOT, *other], key=lambda one: one.ts)
    found = scan(ArbitrageCross(fee_bps=0, persist=2), quotes)
    assert [(one.first_us, one.looks) for one in found.stretches] == [(300_000, 1)]


def test_a_quote_that_cannot_be_traded_on_is_counted() -> None:
    crossed = Quote("b", "BTC", "USDT", 105, 1.0, 104, 1.0, 600_000)
    found = scan(ArbitrageCross(fee_bps=0), [*CHEAP_THEN_NOT, crossed])
    assert (found.unsound, found.opportunities) == (1, 3)


def test_stretches_beyond_the_most_are_counted() -> None:
    replay = Replay(ArbitrageCross(fee_bps=0), most=1)
    for quote in CHEAP_THEN_NOT:
        replay.look(quote)
    found = replay.result()
    assert (len(found.stretches), found.left_out, found.figures()["stretches"]) == (1, 1, 2)


def test_a_triangle_is_looked_for_at_one_venue() -> None:
    pairs = (("BTC/USDT", 100, 100), ("ETH/USDT", 10, 10), ("ETH/BTC", 0.09, 0.09))
    at_one = [_at(0.1 * n, "a", bid, ask, pair) for n, (pair, bid, ask) in enumerate(pairs)]
    found = scan(ArbitrageTriangle(fee_bps=0), at_one)
    # USDT -> BTC -> ETH -> USDT: 1 / 100 / 0.09 * 10 = 1.1111
    assert [one.best.edge_bps for one in found.stretches] == [pytest.approx(1111.1111, rel=1e-6)]
    apart = [one if one.base == "BTC" else _at(0.2, "b", 1, 1, one.symbol) for one in at_one]
    assert not scan(ArbitrageTriangle(fee_bps=0), apart).stretches
