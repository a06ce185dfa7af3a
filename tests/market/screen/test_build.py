"""Snapshots out of bars: figures against the literature, against real prices, against hand work."""

import csv
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from market.screen.barmaking import Row, actions, bars, closes, instrument
from raymill.errors import DataError
from raymill.market.screen import indicators
from raymill.market.screen.build import Inputs, build
from raymill.market.screen.snapshot import Snapshot

# Relative strength of 14 and exponential average of 10 as StockCharts' ChartSchool prints them.
RSI_CLOSES = [
    *(44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826),
    *(45.8931, 46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439),
    *(46.2122, 46.2521, 45.7137, 46.4515, 45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672),
    *(43.4205, 42.6628, 43.1314),
]
RSI = [
    *(70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38, 54.71, 50.42),
    *(39.99, 41.46, 41.87, 45.46, 37.30, 33.08, 37.77),
]
EMA_CLOSES = [
    *(22.27, 22.19, 22.08, 22.17, 22.18, 22.13, 22.23, 22.43, 22.24, 22.29, 22.15, 22.39, 22.38),
    *(22.61, 23.36, 24.05, 23.75, 23.83, 23.95, 23.63),
]
EMA = [22.22, 22.21, 22.24, 22.27, 22.33, 22.52, 22.80, 22.97, 23.13, 23.28, 23.34]


def table(values: list[float]) -> Any:
    return np.array(values)[:, None]


def test_relative_strength_and_averages_are_those_of_the_literature() -> None:
    first = np.array([0])
    strength = indicators.rsi(table(RSI_CLOSES), first).ravel()
    assert np.isnan(strength[:14]).all()
    assert strength[14:].round(2).tolist() == RSI
    average = indicators.ema(table(EMA_CLOSES), first, 10).ravel()
    assert np.isnan(average[:9]).all()
    assert average[9:].round(2).tolist() == EMA


def test_relative_strength_without_losses_or_changes() -> None:
    closes = np.stack([np.arange(20.0), np.ones(20), -np.arange(20.0)], axis=1)
    found = indicators.rsi(closes, np.zeros(3, int))[-1]
    assert found.tolist() == [100.0, 50.0, 0.0]


# Apple and SPY of 2019-06-03 to 2020-10-30, raw, with the split of 2020-08-31 in four: figures
# worked out with lists and `math.fsum` from the definitions in the catalogue.
APPLE = {
    "price": 108.86,
    "prev_close": 115.32,
    "change_pct": -5.601803676725625,
    "gap_pct": -3.7460978147762725,
    "sma_20": 116.56400000000001,
    "sma_50": 117.18295,
    "sma_200": 90.70995,
    "ema_12": 114.70369856742812,
    "ema_26": 115.40074841769045,
    "macd": -0.6970498502623315,
    "macd_signal": 0.189228270277799,
    "rsi_14": 40.36218053719235,
    "atr_14": 4.245379153745355,
    "bb_upper_20_2": 123.48322654637063,
    "bb_lower_20_2": 109.64477345362938,
    "zscore_20": -2.1704536808899624,
    "volatility_20d": 0.4473725843161558,
    "avg_volume_20d": 124178518.9,
    "rel_volume": 1.4798973494171666,
    "avg_dollar_volume_20d": 14522309465.970001,
    "high_52w": 137.98,
    "low_52w": 53.1525,
    "perf_1w": -0.053720445062587,
    "perf_1m": -0.06001208876608244,
    "perf_3m": 0.13171847385383106,
    "perf_6m": 0.4820966643975493,
    "perf_1y": 0.7900189098084354,
    "perf_ytd": 0.4828537374425337,
    "beta_1y": 1.161707796259053,
    "macd_yesterday": -0.1578190750542774,
    "sma_20_yesterday": 116.772,
}


def real(file: Path, number: int) -> Iterator[Row]:
    for row in csv.DictReader(file.read_text().splitlines()):
        day = date.fromisoformat(row["date"])
        if date(2019, 6, 3) <= day <= date(2020, 12, 31):
            prices = (float(row[name]) for name in ("open", "high", "low", "close", "volume"))
            yield number, day, *prices


def test_figures_of_real_prices_are_those_of_their_definitions(shared_data: Path) -> None:
    folder = shared_data / "market" / "equity_daily"
    rows = [*real(folder / "AAPL.csv", 7), *real(folder / "SPY.csv", 3)]
    inputs = Inputs(
        [instrument(7, "AAPL"), instrument(3, "SPY", asset_class="etf")],
        bars(rows),
        actions((7, date(2020, 8, 31), "split", 4.0, None)),
        benchmark=3,
    )
    snapshot = build(inputs, datetime(2020, 10, 30, 20, 0, tzinfo=UTC))
    found = snapshot.rows(list(APPLE), np.array([0]))[0]
    assert found == {name: pytest.approx(value, rel=1e-9) for name, value in APPLE.items()}
    assert snapshot.rows(["last_updated", "beta_1y"], np.array([1])) == [
        {"last_updated": "2020-10-30T20:00:00Z", "beta_1y": pytest.approx(1.0)}
    ]


LATER = datetime(2027, 1, 1, tzinfo=UTC)
DAYS = [date(2026, 1, 5) + timedelta(days=at) for at in range(40)]


def one(snapshot: Snapshot, *names: str) -> list[Any]:
    return list(snapshot.rows(names, np.array([0]))[0].values())


def built(prices: list[float], as_of: datetime | None = None, **about: Any) -> Snapshot:
    inputs = Inputs(
        [instrument(1, "AAA", **{"calendar": "24/7"} | about)],
        bars(closes(1, DAYS[: len(prices)], prices)),
    )
    return build(inputs, as_of or datetime(2026, 6, 1, tzinfo=UTC))


def test_a_figure_is_unknown_until_its_window_is_full() -> None:
    assert one(built([1.0] * 19), "sma_20", "bb_upper_20_2", "avg_volume_20d") == [None] * 3
    assert one(built([1.0] * 20), "sma_20", "zscore_20", "sma_20_yesterday") == [1.0, None, None]
    assert one(built([1.0] * 20), "volatility_20d", "rel_volume") == [None, None]
    assert one(built([1.0] * 21), "volatility_20d", "rel_volume") == [0.0, 1.0]
    assert one(built([1.0] * 14), "rsi_14") == [None]
    assert one(built([1.0] * 15), "rsi_14", "atr_14", "perf_1w") == [50.0, 0.0, 0.0]
    assert one(built([1.0] * 33), "macd", "macd_signal") == [0.0, None]
    assert one(built([1.0] * 34), "macd_signal", "macd_signal_yesterday") == [0.0, None]
    assert one(built([1.0]), "price", "prev_close", "change_pct", "perf_ytd") == [1.0, *[None] * 3]
    assert one(built([1.0] * 7), "perf_1w", "high_52w") == [None, None]


def test_52_weeks_are_364_days_and_need_a_bar_before_them() -> None:
    for first, expected in ((date(2025, 1, 6), [5.0, 5.0]), (date(2025, 1, 7), [None, None])):
        rows = bars(closes(1, [first, date(2026, 1, 5)], [9.0, 5.0]))
        found = build(Inputs([instrument(1, "AAA", calendar="24/7")], rows), LATER)
        assert one(found, "high_52w", "low_52w") == expected


def test_volatility_counts_every_day_where_trading_never_stops() -> None:
    prices = [100.0, 101.0] * 11
    spread = np.array([0.01, 100 / 101 - 1] * 10).std(ddof=1)
    assert one(built(prices), "volatility_20d") == [pytest.approx(spread * math.sqrt(365))]
    assert one(built(prices, calendar="24/5"), "volatility_20d") == [
        pytest.approx(spread * math.sqrt(252))
    ]


def test_a_bar_counts_once_its_session_is_over() -> None:
    rows = bars(closes(1, [date(2026, 11, 25), date(2026, 11, 27)], [1.0, 2.0]))
    inputs = Inputs([instrument(1, "AAA")], rows)
    before = build(inputs, datetime(2026, 11, 27, 17, 59, 59, tzinfo=UTC))
    assert one(before, "price", "last_updated") == [1.0, "2026-11-25T21:00:00Z"]
    after = build(inputs, datetime(2026, 11, 27, 18, 0, tzinfo=UTC))
    assert one(after, "price", "prev_close", "change_pct") == [2.0, 1.0, 100.0]


def test_a_bar_of_an_unknown_calendar_counts_from_midnight() -> None:
    inputs = Inputs(
        [instrument(1, "AAA", calendar="XTKS")], bars(closes(1, [date(2026, 11, 27)], [1.0]))
    )
    before = build(inputs, datetime(2026, 11, 27, 23, 59, tzinfo=UTC))
    assert one(before, "price", "last_updated") == [None, None]
    after = build(inputs, datetime(2026, 11, 28, tzinfo=UTC))
    assert one(after, "price", "last_updated") == [1.0, "2026-11-28T00:00:00Z"]


def test_a_universe_without_instruments_is_empty() -> None:
    assert len(build(Inputs([], bars([])), LATER)) == 0


def test_a_split_of_the_future_changes_nothing() -> None:
    days = [date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)]
    split = actions((1, date(2026, 1, 7), "split", 4.0, None))
    inputs = Inputs([instrument(1, "AAA")], bars(closes(1, days, [40.0, 44.0, 12.0])), split)
    before = build(inputs, datetime(2026, 1, 7, 12, 0, tzinfo=UTC))
    assert one(before, "price", "prev_close", "volume") == [44.0, 40.0, 100.0]
    after = build(inputs, datetime(2026, 1, 7, 21, 0, tzinfo=UTC))
    assert one(after, "price", "prev_close", "volume_yesterday") == [12.0, 11.0, 400.0]


def test_bars_that_are_split_adjusted_already_stay_as_they_are() -> None:
    days = [date(2026, 1, 6), date(2026, 1, 7)]
    split = actions((1, date(2026, 1, 7), "split", 4.0, None))
    rows = bars(closes(1, days, [11.0, 12.0]), adj="split")
    found = build(Inputs([instrument(1, "AAA")], rows, split), datetime(2026, 2, 1, tzinfo=UTC))
    assert one(found, "price", "prev_close") == [12.0, 11.0]


# Two dividends of the last 365 days: 0.40 before a split in two, which is 0.20 of now, and 0.30.
def test_a_dividend_yield_counts_dividends_of_a_year_in_shares_of_now() -> None:
    rows = bars(closes(1, [date(2026, 1, 5), date(2026, 1, 6)], [20.0, 10.0]))
    paid = actions(
        (1, date(2024, 12, 31), "dividend", None, 9.0),
        (1, date(2025, 6, 1), "dividend", None, 0.4),
        (1, date(2026, 1, 6), "split", 2.0, None),
        (1, date(2026, 1, 6), "dividend", None, 0.3),
        (1, date(2026, 1, 20), "dividend", None, 9.0),
    )
    inputs = Inputs([instrument(1, "AAA"), instrument(2, "BBB")], rows, paid)
    found = build(inputs, datetime(2026, 1, 7, tzinfo=UTC))
    assert one(found, "dividend_yield", "dividend_yield_pct") == [pytest.approx(0.05), 5.0]
    assert found.rows(["price", "dividend_yield"], np.array([1])) == [
        {"price": None, "dividend_yield": None}
    ]


def test_pence_are_shown_in_pounds() -> None:
    found = built([150.0, 300.0], currency="GBp", price_scale=0.01)
    assert one(found, "price", "prev_close", "currency") == [3.0, 1.5, "GBP"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (bars(closes(1, DAYS[:2], [1.0, math.nan])), "A price of `AAA` on 2026-01-06 is no number"),
        (bars(closes(1, [DAYS[0]] * 2, [1.0, 2.0])), "two bars of `AAA` on 2026-01-05"),
        (bars(closes(1, DAYS[:1], [1.0]), adj="total"), "adjusted as `total`"),
    ],
)
def test_bars_that_cannot_be_computed_with_are_refused(rows: pa.Table, message: str) -> None:
    with pytest.raises(DataError, match=message):
        build(
            Inputs([instrument(1, "AAA", calendar="24/7")], rows), datetime(2027, 1, 1, tzinfo=UTC)
        )


def test_open_bars_other_intervals_and_unknown_instruments_are_left_out() -> None:
    day = DAYS[:1]
    rows = pa.concat_tables(
        [
            bars(closes(1, day, [1.0])),
            bars(closes(1, DAYS[1:2], [9.0]), closed=False),
            bars(closes(1, DAYS[2:3], [9.0]), interval="1h"),
            bars(closes(5, day, [9.0])),
        ],
        promote_options="permissive",
    ).unify_dictionaries()
    found = build(
        Inputs([instrument(1, "AAA", calendar="24/7")], rows), datetime(2027, 1, 1, tzinfo=UTC)
    )
    assert one(found, "symbol", "price", "prev_close") == ["AAA", 1.0, None]


PRICES = st.lists(st.floats(1, 1000, width=32), min_size=2, max_size=40)


@given(PRICES, st.integers(1, 38))
def test_what_comes_after_a_moment_changes_nothing_before_it(prices: list[float], cut: int) -> None:
    cut = min(cut, len(prices) - 1)
    as_of = datetime.combine(DAYS[cut], datetime.min.time(), UTC)
    whole, known = built(prices, as_of), built(prices[:cut], as_of)
    assert whole.id == known.id


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


@given(st.lists(st.floats(1, 1000, width=32), min_size=21, max_size=40))
def test_windows_are_what_lists_give(prices: list[float]) -> None:
    window, before = prices[-20:], prices[-21:-1]
    middle = mean(window)
    spread = math.sqrt(mean([(price - middle) ** 2 for price in window]))
    found = one(
        built(prices), "sma_20", "sma_20_yesterday", "bb_upper_20_2", "change_pct", "change_abs"
    )
    expected = [middle, mean(before), middle + 2 * spread, 100 * (prices[-1] / prices[-2] - 1)]
    assert found == pytest.approx([*expected, prices[-1] - prices[-2]], rel=1e-9, abs=1e-7)
