"""Scanners: what is left behind fees, in quotes that are young and of one time."""

import math

import pytest

from raymill.errors import ConfigError
from raymill.market.named import find
from raymill.market.quotes import Lots, Quote
from raymill.market.strategies import arbitrage_triangle
from raymill.market.strategies.arbitrage_cross import ArbitrageCross
from raymill.market.strategies.arbitrage_triangle import ArbitrageTriangle

NOW = 1_700_000_000_000_000


def quote(
    venue: str, bid: float, ask: float, *, base: str = "BTC", in_: str = "USDT", age_ms: float = 0
) -> Quote:
    return Quote(venue, base, in_, bid, 2.0, ask, 3.0, NOW - int(age_ms * 1000))


def test_what_one_venue_pays_more_than_another_asks_is_found_with_its_arithmetic() -> None:
    quotes = [quote("a", 99, 100), quote("b", 101, 102)]
    (found,) = ArbitrageCross(fee_bps=10).scan(quotes, NOW)
    # 101 * 0.999 = 100.899 is paid, 100 * 1.001 = 100.1 asked; 2 are wanted, 3 offered
    assert found.edge_bps == pytest.approx(1e4 * (100.899 / 100.1 - 1))
    assert found.profit == pytest.approx(2 * 0.799)
    assert found.currency == "USDT"
    assert [(leg.venue, leg.side, leg.price, leg.size) for leg in found.legs] == [
        ("a", "buy", 100, 2),
        ("b", "sell", 101, 2),
    ]
    assert found.arithmetic == (
        "1e4 * (101 * (1 - 0.001) / (100 * (1 + 0.001)) - 1) = 79.82 bps; "
        "2 * (100.899 - 100.1) = 1.598 USDT"
    )
    assert found.to_dict()["legs"][1]["venue"] == "b"


@pytest.mark.parametrize(
    "quotes",
    [
        [quote("a", 99, 100), quote("b", 100.1, 102)],  # fees take more than is left
        [quote("a", 99, 100), quote("b", 101, 102, age_ms=1001)],  # too old
        [quote("a", 99, 100, age_ms=501), quote("b", 101, 102)],  # of another time
        [quote("a", 99, 100), quote("b", 101, 102, in_="USD")],  # another currency
        [quote("a", 99, 100), quote("a", 101, 102)],  # the same venue, the newer quote holds
        [quote("a", 99, math.nan), quote("b", 101, 102)],
        [quote("a", 99, 100), quote("b", 103, 102)],  # a crossed book
    ],
)
def test_nothing_is_found_where_nothing_can_be_earned(quotes: list[Quote]) -> None:
    assert ArbitrageCross().scan(quotes, NOW) == []


def test_the_newest_quote_of_a_venue_holds() -> None:
    old, new = quote("a", 90, 91, age_ms=10), quote("a", 99, 100)
    for order in ([old, new], [new, old]):
        (found,) = ArbitrageCross().scan([*order, quote("b", 101, 102)], NOW)
        assert found.legs[0].price == 100


def test_an_edge_must_last_for_as_many_looks_as_are_asked() -> None:
    scanner = ArbitrageCross(persist=2)
    there, gone = [quote("a", 99, 100), quote("b", 101, 102)], [quote("a", 99, 100)]
    found = [len(scanner.scan(quotes, NOW)) for quotes in (there, there, gone, there, there)]
    assert found == [0, 1, 0, 0, 1]


def test_fees_lots_and_balances_are_those_of_the_venues() -> None:
    quotes = [quote("a", 99, 100), quote("b", 101, 102)]
    scan = ArbitrageCross().scan
    assert scan(quotes, NOW, fees_bps={"b": 100}) == []
    (cut,) = scan(quotes, NOW, lots={("b", "BTC/USDT"): Lots(step_size=0.75)})
    assert cut.legs[0].size == cut.legs[1].size == 1.5
    assert scan(quotes, NOW, lots={("a", "BTC/USDT"): Lots(min_notional=201)}) == []
    (poor,) = scan(quotes, NOW, balances={("a", "USDT"): 100.1, ("b", "BTC"): 5})
    assert poor.legs[0].size == pytest.approx(1)
    assert scan(quotes, NOW, balances={("a", "USDT"): 100}) == []


def test_two_dollars_are_two_currencies_so_recorded_spreads_are_no_opportunity() -> None:
    quotes = [quote("binance", 17210, 17212, in_="BUSD"), quote("bybit", 17260, 17262)]
    assert ArbitrageCross(fee_bps=0).scan(quotes, NOW) == []


def test_the_threshold_of_the_older_name_is_in_percent() -> None:
    made = find("arbitrage_scanner").make({"threshold": "0.25"})
    assert made == ArbitrageCross(min_edge_bps=25)
    assert find("arbitrage_scanner").make({}).min_edge_bps == 50
    with pytest.raises(ConfigError, match="leaves nothing"):
        find("arbitrage_cross").make({"fee_bps": 10_000})


# 1 USDT buys 0.01 BTC, which buys 0.1 ETH (at 0.1), which sells for 1.02 USDT (at 10.2)
TRIANGLE = [
    quote("a", 99.9, 100),
    quote("a", 0.0999, 0.1, base="ETH", in_="BTC"),
    quote("a", 10.2, 10.3, base="ETH"),
]


def test_a_triangle_that_gains_is_found_in_the_direction_that_gains() -> None:
    (found,) = ArbitrageTriangle(fee_bps=10).scan(TRIANGLE, NOW)
    assert found.edge_bps == pytest.approx(1e4 * (1.02 * 0.999**3 - 1))
    steps = {(leg.symbol, leg.side) for leg in found.legs}
    assert steps == {("BTC/USDT", "buy"), ("ETH/BTC", "buy"), ("ETH/USDT", "sell")}
    # 2 ETH are wanted at the most: 0.2 BTC and a bit for fees, about 20 USDT
    assert max(leg.size for leg in found.legs if leg.symbol == "ETH/USDT") == pytest.approx(2)
    assert found.profit > 0
    assert ArbitrageTriangle(fee_bps=67).scan(TRIANGLE, NOW) == []
    assert ArbitrageTriangle().scan(TRIANGLE[:2], NOW) == []


def test_what_lots_leave_over_is_lost() -> None:
    cut = {"ETH/USDT": Lots(step_size=1.0)}
    (found,) = ArbitrageTriangle(fee_bps=0).scan(TRIANGLE, NOW, lots=cut)
    assert found.edge_bps == pytest.approx(200)
    coarse = {"ETH/USDT": Lots(step_size=1.5)}  # of 2 ETH only 1.5 can be sold
    assert ArbitrageTriangle(fee_bps=0).scan(TRIANGLE, NOW, lots=coarse) == []
    assert ArbitrageTriangle(fee_bps=0).scan(TRIANGLE, NOW, lots={"ETH/BTC": Lots(0, 10)}) == []


def test_with_many_currencies_cycles_are_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arbitrage_triangle, "MOST_TRIANGLES", 2)
    (found,) = ArbitrageTriangle(fee_bps=10).scan(TRIANGLE, NOW)
    assert found.edge_bps == pytest.approx(1e4 * (1.02 * 0.999**3 - 1))
    assert ArbitrageTriangle(fee_bps=100).scan(TRIANGLE, NOW) == []
