"""The market in sum: figures worked out by hand on a small market, then on the real files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from market.screen.tables import AS_OF, NOW, universe
from raymill.market.screen.overview import overview
from raymill.market.screen.universe import read_universe

OLD = datetime(2025, 12, 31, 21, 0, tzinfo=UTC)
ROWS: list[dict[str, Any]] = [
    {
        "symbol": "AAA",
        "sector": "Tech",
        "price": 110.0,
        "change_pct": 10.0,
        "volume": 100.0,
        "dollar_volume": 11000.0,
        "avg_dollar_volume_20d": 2e6,
        "market_cap": 110.0,
        "earnings_ttm": 11.0,
        "pe_ratio": 10.0,
        "dividend_yield": 0.02,
        "high_52w": 110.0,
        "low_52w": 50.0,
        "last_updated": AS_OF,
        "calendar": "XNYS",
        "company": "a",
    },
    {
        "symbol": "AAB",
        "sector": "Tech",
        "price": 55.0,
        "change_pct": 10.0,
        "volume": 10.0,
        "dollar_volume": 550.0,
        "avg_dollar_volume_20d": 1e6,
        "market_cap": 108.0,
        "earnings_ttm": 11.0,
        "pe_ratio": 10.0,
        "dividend_yield": 0.02,
        "last_updated": OLD,
        "calendar": "XNYS",
        "company": "a",
    },
    {
        "symbol": "BBB",
        "sector": "Tech",
        "price": 40.0,
        "change_pct": -20.0,
        "volume": 50.0,
        "dollar_volume": 2000.0,
        "avg_dollar_volume_20d": 5e6,
        "market_cap": 80.0,
        "earnings_ttm": -1.0,
        "high_52w": 60.0,
        "low_52w": 40.0,
        "last_updated": AS_OF,
        "calendar": "XNYS",
    },
    {
        "symbol": "CCC",
        "price": 0.5,
        "change_pct": 0.0,
        "volume": 900.0,
        "dollar_volume": 450.0,
        "avg_dollar_volume_20d": 9e6,
    },
    {"symbol": "DDD", "sector": "Banks"},
    {"symbol": "IDX", "asset_class": "index", "price": 4000.0, "change_pct": 1.0, "volume": 1.0},
]


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return overview(universe(*ROWS), NOW)


# 2026-01-02 is a Friday; the session is over at 21:00 UTC, and AS_OF is that moment.
def test_the_session_of_each_calendar_is_told(found: dict[str, Any]) -> None:
    assert found["sessions"] == {
        "XNYS": {"state": "post", "next_change": "2026-01-03T01:00:00Z", "next_state": "closed"}
    }
    assert (found["as_of"], found["last_updated"]) == (
        "2026-01-02T21:00:00Z",
        "2026-01-02T21:00:00Z",
    )


FIGURES = {
    "instruments_total": 5,  # the index is listed, not counted
    "with_price": 4,
    "stale": 1,  # AAB; CCC does not say when
    "advancers": 2,
    "decliners": 1,
    "unchanged": 1,
    "new_highs_52w": 1,
    "new_lows_52w": 1,
    "up_volume": 110.0,
    "down_volume": 50.0,
    "total_volume": 1060.0,
    "total_dollar_volume": 14000.0,
    "total_market_cap": 190.0,  # 110 once for both classes, and 80
    "average_price": 51.375,
    "median_price": 47.5,
    "price_range": {"min": 0.5, "max": 110.0},
    "market_cap_range": {"min": 80.0, "max": 110.0},
    "cap_weighted_change_pct": -5.0,  # 190 now, 100 + 100 before
    "equal_weighted_change_pct": 0.0,  # (10 + 10 - 20 + 0) / 4
    "median_pe": 10.0,
    "cap_weighted_dividend_yield": 0.02 * 110 / 190,
    "unknown_dividend_yields": 3,
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_the_market_is_what_its_definition_gives(
    found: dict[str, Any], name: str
) -> None:
    expected = FIGURES[name]
    assert found[name] == (pytest.approx(expected) if isinstance(expected, float) else expected)


def test_movers_cost_at_least_one_and_are_traded_enough(found: dict[str, Any]) -> None:
    names = {name: [row["symbol"] for row in found[name]] for name in ("gainers", "losers")}
    assert names == {"gainers": ["AAA", "AAB"], "losers": ["BBB"]}
    assert [row["symbol"] for row in found["most_active"]] == ["AAA", "BBB", "AAB"]
    assert [row["symbol"] for row in found["indices"]] == ["IDX"]


def test_a_sector_is_summed_up_and_the_unknown_one_is_a_row(found: dict[str, Any]) -> None:
    assert list(found["sectors"]) == ["Tech", "Banks", "Unknown"]
    tech = found["sectors"]["Tech"]
    exact = {
        "sector": "Tech",
        "count": 3,
        "with_price": 3,
        "market_cap": 190.0,
        "total_market_cap": 190.0,
        "share_of_market_cap": 1.0,
        "median_change_pct": 10.0,
        "equal_weighted_change_pct": 0.0,
        "advancers": 2,
        "decliners": 1,
        "volume": 160.0,
        "dollar_volume": 13550.0,
        "aggregate_pe": 19.0,  # (110 + 80) / (11 - 1), the loss included
        "median_pe": 10.0,
        "unknown_dividend_yields": 1,
        "leader": {"symbol": "AAA", "change_pct": 10.0},
        "laggard": {"symbol": "BBB", "change_pct": -20.0},
    }
    assert {name: tech[name] for name in exact} == exact
    assert tech["cap_weighted_change_pct"] == pytest.approx(-5.0)
    banks = found["sectors"]["Banks"]
    nothing = ("market_cap", "aggregate_pe", "median_pe", "volume", "leader", "median_change_pct")
    assert [banks[name] for name in ("count", "with_price", *nothing)] == [1, 0, *[None] * 6]
    assert found["sectors"]["Unknown"]["count"] == 1


def test_what_a_universe_does_not_tell_is_null() -> None:
    found = overview(universe({"symbol": "A", "price": 1.0}), NOW)
    names = ("advancers", "unchanged", "new_highs_52w", "up_volume", "total_volume", "stale")
    assert [found[name] for name in names] == [None] * 6
    assert [found[name] for name in ("gainers", "most_active", "median_pe")] == [None] * 3
    assert set(found["sessions"]) == {"XNYS", "24/5", "24/7"}


def test_an_empty_universe_has_an_overview() -> None:
    empty = universe({"symbol": "A", "price": 1.0}).only([])
    found = overview(empty, NOW)
    assert (found["total_stocks"], found["average_price"], found["sectors"]) == (0, None, {})


EXPECTED = {
    "median_pe": 24.1929475,
    "average_price": 228.8648559670782,
    "total_market_cap": 64_401_260_532_921.0,
    "banks_cap": 2_095_581_003_776.0,
    "banks_pe": 14.0349968573921,
}


# Counted apart with `csv`, `float` and `statistics` alone. Caps: of the two classes of Alphabet,
# Fox and News the larger counts. Earnings are EPS x cap / price.
def test_the_real_companies_are_summed_up(shared_data: Path) -> None:
    file = shared_data / "market" / "screener" / "sp500_financials_2026-08.csv"
    found = overview(read_universe(file).snapshot, NOW)
    counts = ("total_stocks", "with_price", "unknown_dividend_yields", "new_highs_52w")
    assert [found[name] for name in counts] == [503, 486, 104, 0]
    assert len(found["sectors"]) == 127
    assert found["median_pe"] == pytest.approx(EXPECTED["median_pe"])
    assert found["total_market_cap"] == EXPECTED["total_market_cap"]
    assert found["average_price"] == pytest.approx(EXPECTED["average_price"])
    assert found["price_range"] == {"min": 1.3, "max": 6358.51}
    banks = found["sectors"]["Diversified Banks"]
    assert (banks["count"], banks["market_cap"]) == (7, EXPECTED["banks_cap"])
    assert banks["aggregate_pe"] == pytest.approx(EXPECTED["banks_pe"])
