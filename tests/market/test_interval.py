"""Intervals: names, where bars begin and end, what fits what."""

from datetime import UTC, datetime

import numpy as np
import pytest

from raymill.errors import UnknownName
from raymill.market.interval import INTERVALS, interval, spacing


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e6)


@pytest.mark.parametrize(
    ("name", "time", "start", "end"),
    [
        ("1s", "2020-02-29T10:17:31.5", "2020-02-29T10:17:31", "2020-02-29T10:17:32"),
        ("15m", "2020-02-29T10:17:31", "2020-02-29T10:15", "2020-02-29T10:30"),
        ("4h", "2020-02-29T10:17:31", "2020-02-29T08:00", "2020-02-29T12:00"),
        ("1d", "2020-02-29T23:59:59", "2020-02-29", "2020-03-01"),
        (
            "1w",
            "2020-03-01T23:59:59",
            "2020-02-24",
            "2020-03-02",
        ),  # a Sunday; weeks begin on Monday
        ("1w", "2020-03-02", "2020-03-02", "2020-03-09"),
        ("1M", "2020-02-29T23:59", "2020-02-01", "2020-03-01"),
        ("1M", "1969-12-31T23:59", "1969-12-01", "1970-01-01"),
    ],
)
def test_a_bar_begins_and_ends_by_the_clock(name: str, time: str, start: str, end: str) -> None:
    starts = interval(name).starts(np.array([us(time)]))
    assert starts.tolist() == [us(start)]
    assert interval(name).ends(starts).tolist() == [us(end)]


def test_a_minute_and_a_month_differ_by_their_case_alone() -> None:
    assert interval("1m").length_us == 60_000_000
    assert interval("1M").is_month


def test_an_unknown_interval_names_those_that_are_near() -> None:
    with pytest.raises(UnknownName, match="Unknown interval `10m`") as caught:
        interval("10m")
    assert "`1m`" in caught.value.hint


@pytest.mark.parametrize(
    ("larger", "smaller", "fits"),
    [
        ("5m", "1m", True),
        ("5m", "3m", False),
        ("1w", "1d", True),
        ("1w", "3d", False),
        ("1M", "1d", True),
        ("1M", "1w", False),
        ("1M", "3d", False),
        ("1d", "1M", False),
        ("1h", "1h", True),
    ],
)
def test_bars_are_built_from_smaller_ones_that_fit(larger: str, smaller: str, fits: bool) -> None:
    assert interval(larger).holds(interval(smaller)) is fits


@pytest.mark.parametrize("name", [name for name in INTERVALS if name != "3d"])
def test_the_spacing_of_bars_tells_their_interval(name: str) -> None:
    one = interval(name)
    starts = [one.starts(np.array([us("2020-01-06")]))[0]]
    for _ in range(5):
        starts.append(one.ends(np.array(starts[-1:]))[0])
    del starts[2]  # minutes without a trade have no bar
    assert spacing(np.array(starts)).name == name


def test_times_that_fit_no_interval_are_refused() -> None:
    with pytest.raises(UnknownName, match="fit no interval"):
        spacing(np.array([0, 500_000]))
