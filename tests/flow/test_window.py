"""Windows by count and by event time, and what they may compute."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from raymill.errors import ConfigError, UnknownName
from raymill.flow import Skip
from raymill.flow.aggregates import Aggregate
from raymill.flow.declare import Configured
from raymill.flow.window import Window, windowed
from raymill.testing import check_task, outcome


def rows(values: list[float], times: list[int] | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"n": n, "value": v} for n, v in enumerate(values)]
    for row, time in zip(found, times or [], strict=False):
        row["time"] = time
    return found


def answers(window: Configured, records: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    found = outcome(lambda s: s.then(window), records).records
    return [
        tuple(float.fromhex(v) if isinstance(v, str) else v for k, v in row.items() if k != "time")
        for row in found
    ]


@pytest.mark.parametrize(
    ("aggregate", "value"),
    # of 2, 4, 4, 4, 5, 5, 7, 9: mean 5, squared differences 9+1+1+1+0+0+4+16 = 32, over 7
    [
        ("mean", 5.0),
        ("total", 40.0),
        ("minimum", 2.0),
        ("maximum", 9.0),
        ("tally", 8),
        ("spread", pytest.approx((32 / 7) ** 0.5, rel=1e-15)),
    ],
)
def test_aggregates(aggregate: str, value: Any) -> None:
    assert answers(windowed(aggregate, count=8), rows([2, 4, 4, 4, 5, 5, 7, 9])) == [(7, value)]


def test_windows_slide_by_some_records() -> None:
    window = windowed("total", count=3, every=2)  # 1+2+3, 3+4+5
    assert answers(window, rows([1, 2, 3, 4, 5, 6])) == [(2, 6.0), (4, 12.0)]


def test_records_between_windows_are_in_none() -> None:
    window = windowed("total", count=2, every=3)  # 1+2, 4+5; 3 and 6 lie between
    assert answers(window, rows([1, 2, 3, 4, 5, 6])) == [(1, 3.0), (4, 9.0)]


def test_windows_of_time_lie_on_multiples_also_before_zero() -> None:
    window = windowed("total", seconds=1)
    found = answers(window, rows([1, 2, 4, 8], [-1500, -1000, -1, 0]))
    assert found == [(1, 1.0, -2000, -1000), (3, 6.0, -1000, 0)]


def test_windows_of_time_overlap() -> None:
    window = windowed("total", seconds=2, every=1, flush=True)
    found = answers(window, rows([1, 2, 4], [500, 1500, 2500]))
    assert found == [
        (1, 1.0, -1000, 1000),  # the window that began before the first record
        (2, 3.0, 0, 2000),
        (None, 6.0, 1000, 3000),
        (None, 4.0, 2000, 4000),
    ]


def test_a_late_record_is_skipped_and_one_that_is_not_too_late_counts() -> None:
    window = windowed("total", seconds=1, late=1)
    records = rows([1, 2, 4, 8, 16], [500, 1999, 600, 2000, 999])
    records += [{"n": 5, "value": 0.0, "time": 5000}]
    # at 1999 the first window is open still: 600 counts; at 2000 it closes, and 999 is late
    found = outcome(lambda s: s.then(window), records)
    assert [row["n"] for row in found.records] == [3, 5, 5]
    assert found.counts["window"]["skipped"] == {"late": 1, "incomplete window": 1}


def test_each_key_has_a_time_of_its_own() -> None:
    records = [
        {"key": "a", "value": 1.0, "time": 9000},
        {"key": "b", "value": 2.0, "time": 100},
        {"key": "b", "value": 4.0, "time": 1000},
    ]
    found = outcome(lambda s: s.then(windowed("total", seconds=1), key="key"), records).records
    assert [(row["key"], row["value"]) for row in found] == [("b", (2.0).hex())]


@dataclass
class Ends:
    first: float = 0.0
    last: float = 0.0
    n: int = 0


class Change(NamedTuple):
    by: float
    number: int


def add(s: Ends, value: float) -> None:
    if s.n == 0:
        s.first = value
    s.last = value
    s.n += 1


def change(s: Ends) -> Change:
    return Change(s.last - s.first, s.n)


CHANGE = Aggregate(Ends, add, change)


def test_an_aggregate_of_ones_own() -> None:
    # record 2, its own value, 4 - 1, of 3 records
    assert answers(windowed(CHANGE, count=3), rows([1, 5, 4])) == [(2, 4, 3.0, 3)]
    check_task(windowed(CHANGE, count=3, every=1), rows([1, 5, 4, 8, 0, 2]))
    named = windowed(f"{__name__}:CHANGE", count=2)
    assert [row["by"] for row in outcome(lambda s: s.then(named), rows([1, 5])).records] == [
        (4.0).hex()
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "has a `count` or `seconds`"),
        ({"count": 3, "seconds": 1}, "has a `count` or `seconds`"),
        ({"count": 3, "every": 1.5}, "slides by whole records"),
        ({"count": 3, "late": 1}, "knows no lateness"),
        ({"seconds": 0.0001}, "under a millisecond"),
        ({"count": 0}, "greater than 0"),
        ({"aggregate": f"{__name__}:add", "count": 3}, "is no aggregate"),
    ],
)
def test_windows_that_make_no_sense_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        windowed(given.pop("aggregate", "mean"), **given).lift().spec()


def test_an_unknown_aggregate_has_near_matches() -> None:
    with pytest.raises(UnknownName, match="`meen`") as unknown:
        Window(aggregate="meen", count=3).spec()
    assert "`mean`" in str(unknown.value.hint)


def test_trying_a_window_out() -> None:
    found = windowed("total", count=2).declared.try_out(
        rows([1, 2, 3]), aggregate="total", count=2, flush=True
    )
    assert [row["value"] for row in found if not isinstance(row, Skip)] == [3.0, 3.0]
