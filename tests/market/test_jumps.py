"""Jumps like splits. The days are those of the factor files beside the recorded prices."""

from pathlib import Path

import numpy as np
import pytest

from raymill.market.jumps import likely_splits, warnings
from raymill.market.price_files import read_prices
from raymill.market.prices import Prices

DAY = 86_400_000_000


def _days(opens: list[float], closes: list[float], adjust: str = "raw") -> Prices:
    ones, ts = np.ones(len(opens)), np.arange(len(opens)) * DAY
    columns = [np.array(one) for one in (opens, closes, closes, closes)]
    return Prices("ABC", ts, *columns, ones, adjust)  # type: ignore[arg-type]


def test_a_half_and_a_multiple_of_the_close_before_are_found() -> None:
    bars = _days([10, 10, 5.1, 5, 39], [10, 10, 5, 5, 40])
    assert [(one.bar, one.ratio, one.text) for one in likely_splits(bars)] == [
        (2, 2, "1/2 of"),
        (4, 1 / 8, "8 times"),
    ]
    assert warnings([bars])[0] == (
        "ABC opens on 1970-01-03 at 1/2 of the close before, as after a split, and its prices are "
        "not adjusted"
    )


def test_large_moves_that_are_no_whole_parts_are_not() -> None:
    assert likely_splits(_days([10, 6, 8.5, 21], [10, 5.8, 8.2, 21])) == []


def test_adjusted_prices_and_moves_within_a_day_are_not_looked_at() -> None:
    assert likely_splits(_days([10, 5], [10, 5], "split")) == []
    minutes = Prices("ABC", np.arange(2) * 60_000_000, *([np.array([10.0, 5.0])] * 4), np.ones(2))
    assert likely_splits(minutes) == []


def test_the_further_ones_are_counted() -> None:
    values = [float(2**n) for n in range(6)]
    assert warnings([_days(values, values)])[-1] == "ABC does so on 2 further days"


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("AAPL", ["2005-02-28", "2014-06-09", "2020-08-31"]),
        ("USO", ["2020-04-29"]),
        ("BNO", ["2013-08-29"]),
        ("SPY", []),
        ("IBM", []),
    ],
)
def test_the_splits_of_recorded_prices_are_found_and_nothing_else(
    name: str, days: list[str], shared_data: Path
) -> None:
    bars = read_prices(shared_data / "market" / "equity_daily" / f"{name}.csv").bars
    found = [str(np.datetime64(int(bars.ts[one.bar]), "us"))[:10] for one in likely_splits(bars)]
    assert found == days
