"""Tables of bars: from trades, from smaller bars, filled up, checked."""

import csv
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.bars import bars as written
from raymill.errors import ConfigError
from raymill.market.bars import bars_of_trades, checked, filled, prices_of, resampled
from raymill.market.factors import adjusted, factors_of
from raymill.market.price_files import read_prices
from raymill.market.schemas import BAR, CORPORATE_ACTION, TRADE

NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def trades(*rows: tuple[float, int | None, float, float], instrument: int = 1) -> pa.Table:
    """Trades as (seconds after noon, number, price, size)."""
    return pa.Table.from_pylist(
        [
            {
                "instrument_id": instrument,
                "ts": at(seconds),
                "trade_id": number,
                "price": price,
                "size": size,
                "side": 0,
                "source": "file",
            }
            for seconds, number, price, size in rows
        ],
        schema=TRADE,
    )


def test_a_bar_holds_the_trades_of_its_time() -> None:
    rows = trades((0, 1, 10, 2), (59.999999, 2, 12, 1), (60, 3, 11, 4), (200, 4, 9, 1))
    made = bars_of_trades(rows, "1m").to_pylist()
    assert [(bar["ts"], bar["open"], bar["close"]) for bar in made] == [
        (at(0), 10, 12),
        (at(60), 11, 11),
        (at(180), 9, 9),  # in the third minute nothing was traded
    ]
    first = made[0]
    assert (first["high"], first["low"], first["volume"], first["trades"]) == (12, 10, 3, 2)
    assert (first["quote_volume"], first["vwap"]) == (32, pytest.approx(32 / 3))
    assert (first["interval"], first["adj"], first["source"]) == ("1m", "raw", "file")
    assert [bar["closed"] for bar in made] == [True, True, False]


def test_trades_of_one_moment_are_in_the_order_of_their_numbers() -> None:
    rows = trades((1, 12, 3, 1), (1, 11, 2, 1), (1, 10, 1, 1))
    (bar,) = bars_of_trades(rows, "1m").to_pylist()
    assert (bar["open"], bar["close"]) == (1, 3)
    unnumbered = trades((1, None, 3, 1), (1, None, 2, 1))
    (bar,) = bars_of_trades(unnumbered, "1m").to_pylist()
    assert (bar["open"], bar["close"]) == (3, 2)  # as they came


def test_a_bar_is_closed_once_all_its_trades_are_known() -> None:
    rows = trades((0, 1, 1, 1), (60, 2, 1, 1))
    known = int(at(120).timestamp() * 1e6)
    for until, closed in ((known, [True, True]), (known - 1, [True, False])):
        made = bars_of_trades(rows, "1m", known_until_us=until)
        assert made["closed"].to_pylist() == closed


def test_instruments_are_kept_apart() -> None:
    rows = pa.concat_tables(
        [trades((5, 1, 7, 1), instrument=2), trades((3, 9, 8, 1), (65, 10, 9, 1))]
    )
    made = bars_of_trades(rows, "1m").to_pylist()
    assert [(bar["instrument_id"], bar["close"], bar["closed"]) for bar in made] == [
        (1, 8, True),
        (1, 9, False),
        (2, 7, False),
    ]


def test_no_trades_make_no_bars() -> None:
    assert bars_of_trades(trades(), "5m").num_rows == 0
    assert filled(resampled(bars_of_trades(trades(), "1m"), "5m")).schema == BAR


ROWS = st.lists(
    st.tuples(st.integers(0, 900), st.sampled_from([1.0, 1.5, 2.0]), st.integers(1, 5)), max_size=40
)


def slow_bars(rows: list[tuple[int, int, float, float]], length: int) -> list[tuple[Any, ...]]:
    """Bars by a loop that anybody can follow."""
    found = []
    for start, group in groupby(sorted(rows), key=lambda row: row[0] // length * length):
        part = list(group)
        prices = [price for _, _, price, _ in part]
        volume = sum(size for *_, size in part)
        found.append(
            (at(start), prices[0], max(prices), min(prices), prices[-1], volume, len(part))
        )
    return found


FIELDS = ("ts", "open", "high", "low", "close", "volume", "trades")


@given(ROWS)
def test_bars_of_trades_and_of_smaller_bars_are_those_of_a_loop(
    drawn: list[tuple[int, float, int]],
) -> None:
    rows = [(seconds, number, price, size) for number, (seconds, price, size) in enumerate(drawn)]
    minutes = bars_of_trades(trades(*rows), "1m")
    for made, length in ((minutes, 60), (resampled(minutes, "5m"), 300)):
        assert [tuple(bar[name] for name in FIELDS) for bar in made.to_pylist()] == slow_bars(
            rows, length
        )
    whole = bars_of_trades(trades(*rows), "5m")
    assert resampled(minutes, "5m").drop(["closed", "vwap"]) == whole.drop(["closed", "vwap"])


def test_a_larger_bar_is_closed_if_its_end_is_known() -> None:
    minutes = bars_of_trades(trades(*((60 * at, at, 1, 1) for at in range(7))), "1m")
    assert resampled(minutes, "5m")["closed"].to_pylist() == [True, False]
    assert resampled(minutes, "3m")["closed"].to_pylist() == [True, True, False]
    six = minutes.slice(0, 6)
    assert resampled(six, "3m")["closed"].to_pylist() == [True, True]  # 12:06 is known


def test_bars_that_do_not_fit_are_not_made() -> None:
    threes = bars_of_trades(trades((0, 1, 1, 1)), "3m")
    with pytest.raises(ConfigError, match="Bars of 5m cannot be built from bars of 3m"):
        resampled(threes, "5m")
    both = pa.concat_tables([threes, bars_of_trades(trades((0, 1, 1, 1)), "1m")])
    with pytest.raises(ConfigError, match="several intervals: 3m, 1m"):
        resampled(both, "15m")


def test_filled_bars_rest_at_the_close_before() -> None:
    minutes = bars_of_trades(trades((0, 1, 1, 2), (10, 2, 3, 1), (190, 3, 5, 1)), "1m")
    made = filled(minutes).to_pylist()
    assert [tuple(bar[name] for name in FIELDS[1:]) for bar in made] == [
        (1, 3, 1, 3, 3, 2),
        (3, 3, 3, 3, 0, 0),
        (3, 3, 3, 3, 0, 0),
        (5, 5, 5, 5, 1, 1),
    ]
    assert [bar["vwap"] for bar in made] == [5 / 3, None, None, 5]
    assert [bar["closed"] for bar in made] == [True, True, True, False]
    assert filled(minutes, "none") is minutes


def test_months_are_filled_by_the_calendar() -> None:
    months = bars_of_trades(trades((0, 1, 1, 1), (86_400 * 70, 2, 2, 1)), "1M")
    assert [bar["ts"].month for bar in filled(months).to_pylist()] == [1, 2, 3]


def test_bars_that_break_a_rule_are_set_aside_with_the_reason() -> None:
    good = bars_of_trades(trades(*((60 * at, at, 2, 1) for at in range(6))), "1m").to_pylist()
    good[1]["high"] = 1.0
    good[2]["volume"] = -1.0
    good[3]["ts"] += timedelta(seconds=1)
    good[4] = dict(good[0])
    bars = pa.Table.from_pylist(good, schema=BAR)
    found = checked(bars, now_us=int(at(3600).timestamp() * 1e6))
    assert found.good["ts"].to_pylist() == [at(0), at(300)]
    assert found.quarantined["reason"].to_pylist() == [
        "high is below open or close",
        "the volume is below 0",
        "the time is not where a bar of this interval begins",
        "a bar of the same time came before",
    ]
    early = checked(bars, now_us=int(at(59).timestamp() * 1e6))
    assert early.quarantined["reason"].to_pylist()[0] == "the bar has not ended yet"
    assert early.good["closed"].to_pylist() == [False]  # an open bar may end later


def test_one_instrument_may_have_a_bar_at_the_time_of_anothers() -> None:
    rows = pa.concat_tables([trades((0, 1, 1, 1), instrument=n) for n in (1, 2)])
    assert checked(bars_of_trades(rows, "1m")).quarantined.num_rows == 0


def test_closed_bars_become_prices() -> None:
    minutes = bars_of_trades(trades((0, 1, 1, 1), (60, 2, 2, 1), (120, 3, 3, 1)), "1m")
    prices = prices_of(minutes, "ABC")
    assert (prices.symbol, prices.close.tolist(), prices.adjust) == ("ABC", [1, 2], "raw")
    two = pa.concat_tables(
        [minutes, bars_of_trades(trades((0, 1, 1, 1), (99, 1, 1, 1), instrument=2), "1m")]
    )
    with pytest.raises(ConfigError, match="Bars of 2 instruments"):
        prices_of(two, "ABC")
    with pytest.raises(ConfigError, match="no closed bar"):
        prices_of(minutes.slice(2), "ABC")


def test_splits_and_dividends_give_factors() -> None:
    raw = written([100, 100, 50, 40], [100, 100, 50, 40])  # 30 December to 2 January
    rows = [
        {"ex_date": date(2020, 1, 1), "kind": "split", "ratio": 2.0},
        {"ex_date": date(2020, 1, 2), "kind": "dividend", "amount": 10.0},
        {"ex_date": date(2019, 12, 1), "kind": "split", "ratio": 7.0},
    ]
    actions = pa.Table.from_pylist(rows, schema=CORPORATE_ACTION)
    factors = factors_of(actions, raw)
    assert adjusted(raw, factors, "split").close.tolist() == [50, 50, 50, 40]
    assert adjusted(raw, factors, "total").close.tolist() == [40, 40, 40, 40]
    known = adjusted(raw, factors, "total", date(2020, 1, 1))
    assert known.close.tolist() == pytest.approx([50, 50, 50])


@pytest.mark.parametrize("every", ["1m", "5m"])
def test_each_recorded_bar_follows_from_the_trades(shared_data: Path, every: str) -> None:
    folder = shared_data / "market" / "binance" / "trades_to_bars"
    with open(folder / "XRPETH_trades_2019-10-11.csv") as file:
        rows = list(csv.DictReader(file))
    table = pa.table(
        {
            "instrument_id": np.ones(len(rows), np.int32),
            "ts": pa.array(
                [int(row["timestamp"]) * 1000 for row in rows], pa.timestamp("us", "UTC")
            ),
            "trade_id": [int(row["id"]) for row in rows],
            "price": [float(row["price"]) for row in rows],
            "size": [float(row["amount"]) for row in rows],
            "source": pa.array(["binance"] * len(rows)).dictionary_encode(),
        }
    )
    shuffled = table.take(np.random.default_rng(7).permutation(len(rows)))
    made = bars_of_trades(shuffled, every)
    recorded = read_prices(folder / f"XRPETH_{every}_2019-10-11.csv", every=every).bars
    assert made["ts"].cast(pa.int64()).to_pylist() == recorded.ts.tolist()
    for name in ("open", "high", "low", "close", "volume"):
        assert made[name].to_pylist() == getattr(recorded, name).tolist()
    assert checked(made).quarantined.num_rows == 0
