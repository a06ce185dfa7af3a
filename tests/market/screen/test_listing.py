"""What can be asked for: the fields of the design, filters of raymill and of users."""

from raymill.market.screen.fields import catalogue, kinds
from raymill.market.screen.listing import listed_fields, listed_filters, listed_operators
from raymill.market.screen.stored import Custom

DESIGN = [
    "symbol",
    "name",
    "venue",
    "asset_class",
    "sector",
    "industry",
    "country",
    "currency",
    "ipo_date",
    "index_membership",
    "price",
    "open",
    "high",
    "low",
    "prev_close",
    "change_abs",
    "change_pct",
    "gap_pct",
    "high_52w",
    "low_52w",
    "pct_from_52w_high",
    "pct_from_52w_low",
    "perf_1w",
    "perf_1m",
    "perf_3m",
    "perf_6m",
    "perf_ytd",
    "perf_1y",
    "volatility_20d",
    "atr_14",
    "beta_1y",
    "volume",
    "avg_volume_20d",
    "rel_volume",
    "dollar_volume",
    "avg_dollar_volume_20d",
    "market_cap",
    "pe_ratio",
    "forward_pe",
    "peg",
    "ps_ratio",
    "pb_ratio",
    "ev_ebitda",
    "eps_ttm",
    "dividend_yield",
    "payout_ratio",
    "roe",
    "roa",
    "gross_margin",
    "operating_margin",
    "net_margin",
    "debt_to_equity",
    "current_ratio",
    "revenue_growth_yoy",
    "eps_growth_yoy",
    "sma_20",
    "sma_50",
    "sma_200",
    "ema_12",
    "ema_26",
    "rsi_14",
    "macd",
    "macd_signal",
    "bb_upper_20_2",
    "bb_lower_20_2",
    "zscore_20",
    "dividend_yield_pct",
]


def test_every_field_of_the_design_is_there() -> None:
    assert set(DESIGN) - set(catalogue()) == set()
    assert set(catalogue()) - set(DESIGN) == {"cik", "earnings_ttm", "last_updated"}


def test_a_field_is_listed_with_all_that_is_said_of_it() -> None:
    fields = {row["id"]: row for row in listed_fields()}
    assert fields["rsi_14"] == {
        "id": "rsi_14",
        "label": "Relative strength, 14",
        "description": (
            "Wilder's: `100 - 100 / (1 + gain / loss)`; 100 without a loss, 50 without a change"
        ),
        "group": "technical",
        "type": "number",
        "unit": "0..100",
        "operators": [
            *("eq", "ne", "gt", "gte", "lt", "lte", "between", "not_between", "is_null"),
            *("not_null", "crosses_above", "crosses_below", "pct_above", "pct_below", "top"),
            *("bottom", "percentile_gte"),
        ],
        "values": [],
        "nullable": True,
        "refresh": "daily",
        "source": "bars",
    }
    assert "crosses_above" not in fields["market_cap"]["operators"]
    assert fields["asset_class"]["values"][0] == "crypto"
    assert not fields["symbol"]["nullable"]
    assert [row["id"] for row in listed_fields() if not row["nullable"]] == ["symbol"]


def test_filters_of_users_stand_behind_the_others() -> None:
    custom = Custom("flt-1", "mine", ({"type": "price_filter"},), "what I like", 3)
    rows = listed_filters([custom])
    assert [row["id"] for row in rows] == [
        *("price_filter", "volume_filter", "market_cap_filter", "pe_ratio_filter"),
        *("dividend_yield_filter", "flt-1"),
    ]
    assert rows[0]["parameters"] == ["min_price", "max_price"]
    assert rows[-1] == {
        "id": "flt-1",
        "name": "mine",
        "description": "what I like",
        "parameters": [],
        "custom": True,
        "criteria": [{"type": "price_filter"}],
        "version": 3,
        "key_id": "",
    }
    assert "fraction" not in rows[4]["description"]
    assert "percent" in rows[4]["description"]


def test_operators_are_listed_with_the_value_they_take() -> None:
    rows = {row["id"]: row for row in listed_operators()}
    assert rows["between"]["value"] == "`[low, high]`"
    assert len(rows) == 22


def test_yesterday_is_kept_of_fields_that_can_cross() -> None:
    kept = {name.removesuffix("_yesterday") for name in kinds() if name.endswith("_yesterday")}
    assert kept == {name for name, field in catalogue().items() if field.history}
