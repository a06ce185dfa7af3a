"""The simulated source: the same world whatever is asked for, and in whatever order."""

from typing import Any

import numpy as np
import pytest

from market.asking import request
from raymill.errors import InputError
from raymill.market.instrument import Instrument
from raymill.market.moments import micros
from raymill.market.sources.simulated import Simulated
from raymill.testing import Answers

ONE, TWO = Simulated().instruments(Answers({})).instruments[:2]


def page(begin: str, end: str, *, one: Instrument = ONE, seed: int = 0, **how: Any) -> Any:
    return Simulated(seed).page(request(begin, end, one=one, **how), Answers({}))


def rows(*asked: str, **how: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page(*asked, **how).records.to_pylist()
    return found


def test_everything_bears_the_name() -> None:
    assert all("Simulated" in (one.name or "") for one in (ONE, TWO))
    assert {row["source"] for row in rows("2024-01-01", "2024-01-02", interval="1h")} == {
        "simulated"
    }
    assert Simulated.capabilities.simulated


def test_a_part_of_a_range_is_the_same_as_in_the_whole() -> None:
    whole = rows("2024-01-01T00:00Z", "2024-01-01T12:00Z", interval="1m")
    part = rows("2024-01-01T06:00Z", "2024-01-01T06:30Z", interval="1m")
    assert part == [row for row in whole if row in part]
    assert len(part) == 30


def test_large_bars_are_made_of_the_small_ones() -> None:
    small = rows("2024-01-01", "2024-01-01T03:00Z", interval="1m")
    large = rows("2024-01-01", "2024-01-01T03:00Z", interval="1h")
    assert [row["open"] for row in large] == [row["open"] for row in small[::60]]
    assert [row["close"] for row in large] == [row["close"] for row in small[59::60]]
    assert [row["high"] for row in large] == [
        max(row["high"] for row in small[at : at + 60]) for at in (0, 60, 120)
    ]


def test_another_seed_is_another_world() -> None:
    one, other = (rows("2024-01-01", "2024-01-02", interval="1h", seed=seed) for seed in (0, 1))
    assert [row["close"] for row in one] != [row["close"] for row in other]


def closes(one: Instrument) -> Any:
    found = rows("2021-01-01", "2021-05-01", interval="1d", one=one)
    return np.array([row["close"] for row in found])


def test_instruments_move_together_in_part() -> None:
    first, second = (np.diff(np.log(closes(one))) for one in (ONE, TWO))
    count = min(len(first), len(second))
    together = float(np.corrcoef(first[:count], second[:count])[0, 1])
    assert 0.2 < together < 0.99


def test_some_hours_are_missing_as_where_a_venue_is_down() -> None:
    hours, begin = 0, micros("2024-01-01")
    cursor: str | None = None
    while True:
        asked = request("2024-01-01", "2024-06-01", one=ONE, interval="1h", cursor=cursor)
        found = Simulated().page(asked, Answers({}))
        hours += found.records.num_rows
        cursor = found.next_cursor
        if cursor is None:
            break
    whole = (micros("2024-06-01") - begin) // 3_600_000_000
    assert 0 < whole - hours < 60  # about 4 of 1000


def test_trades_are_numbered_from_the_first_of_all() -> None:
    found = rows("2024-01-01", "2024-01-01T01:00Z", kind="trade")
    ids = [row["trade_id"] for row in found]
    assert ids == list(range(ids[0], ids[0] + 720))
    later = rows("2024-01-01T00:30Z", "2024-01-01T01:00Z", kind="trade")
    assert later == found[360:]


def test_a_quote_has_the_bid_below_the_ask() -> None:
    found = rows("2024-01-01", "2024-01-01T01:00Z", kind="quote")
    assert all(row["bid"] < row["ask"] for row in found)


def test_before_its_first_day_there_is_nothing() -> None:
    found = page("2019-12-30", "2020-01-02", interval="1d")
    assert found.listed_us == micros("2020-01-01")
    assert found.records.num_rows == 1


def test_nothing_is_told_of_the_future() -> None:
    now = micros("2024-01-01T00:30:30Z")
    found = page("2024-01-01", "2024-01-02", interval="1m", now=now)
    assert found.records["closed"].to_pylist() == [True] * 30 + [False]
    assert found.complete_us <= now


def test_an_instrument_that_is_not_simulated_is_unknown() -> None:
    with pytest.raises(InputError, match="is not simulated"):
        page(
            "2024-01-01",
            "2024-01-02",
            interval="1m",
            one=Instrument("SIM99/USD", "simulated", "SIM99USD", "crypto", "USD"),
        )
