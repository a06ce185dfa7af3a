"""What is new, what came before, and what is missing: against plain sets."""

import json
from datetime import datetime
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from raymill.market.streams.ids import Hole, Ids
from raymill.market.streams.made import bar_number, bar_start
from raymill.market.streams.tracks import Found, Numbered, Rising, Timed, Track, tracked

Row = tuple[Any, ...]


def trade(number: int, ts: int | None = None, instrument: int = 1, price: float = 1.0) -> Row:
    return (instrument, number * 10 if ts is None else ts, number, price, 1.0, 1, 0)


def quote(number: int | None, ts: int, instrument: int = 1) -> Row:
    return (instrument, ts, 1.0, 1.0, 2.0, 1.0, number, ts)


def numbered() -> Numbered:
    return Numbered(lambda row: int(row[2]), 1)


def saved(track: Track) -> dict[str, Any]:
    return dict(json.loads(json.dumps(track.saved())))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(1, 30))
def test_numbers_are_new_once_and_the_rest_is_a_hole(numbers: list[int], cut: int) -> None:
    ids, seen = Ids(), set[int]()
    first = numbers[0]
    for number in numbers:
        is_new = number not in seen and number >= first
        assert ids.take(number) is is_new
        seen |= {number} if is_new else set()
    missing = {n for hole in ids.holes for n in range(hole.first, hole.last + 1)}
    assert missing == set(range(first, max(seen) + 1)) - seen
    ids.close(cut, cut + 5)
    left = {n for hole in ids.holes for n in range(hole.first, hole.last + 1)}
    assert left == missing - set(range(cut, cut + 6))
    assert Ids.restored(ids.saved()) == ids


def test_a_jump_is_found_with_the_times_around_it() -> None:
    track = numbered()
    fresh, found = track.new([trade(1), trade(2), trade(7), trade(2), trade(5), trade(8)])
    assert [row[2] for row in fresh] == [1, 2, 7, 5, 8]
    assert found == [Found(1, Hole(3, 6), 20, 70)]
    assert track.ids[1].holes == [Hole(3, 4), Hole(6, 6)]
    assert track.time(1) == 80


def test_instruments_are_numbered_apart() -> None:
    fresh, found = numbered().new([trade(5), trade(9, instrument=2), trade(6), trade(10, 1, 2)])
    assert (len(fresh), found) == (4, [])


def test_numbers_that_begin_anew_are_no_repetitions() -> None:
    track = numbered()
    track.new([trade(900_000, ts=10)])
    fresh, found = track.new([trade(3, ts=5)])  # an old one
    assert (fresh, found) == ([], [])
    fresh, found = track.new([trade(3, ts=20), trade(4, ts=21)])
    assert len(fresh) == 2
    assert found == [Found(1, Hole(3, 3), 10, 20, began_anew=True)]


def test_a_quote_is_new_if_its_update_is() -> None:
    track = Rising(6, 1)
    fresh, _ = track.new([quote(5, 1), quote(9, 2), quote(9, 3), quote(7, 4), quote(10, 5)])
    assert [row[6] for row in fresh] == [5, 9, 10]
    fresh, _ = track.new([quote(None, 6, 2), quote(None, 6, 2), quote(None, 7, 2)])
    assert [row[1] for row in fresh] == [6, 7]


def test_records_without_numbers_are_told_apart_by_how_often_they_came() -> None:
    track = Timed(1, slice(3, 5))
    first, _ = track.new([trade(0, ts=1), trade(0, ts=2), trade(0, ts=2, price=3.0)])
    assert len(first) == 3
    page = [trade(0, ts=1), trade(0, ts=2), trade(0, ts=2), trade(0, ts=2, price=3.0)]
    second, _ = track.new([*page, trade(0, ts=3)])
    assert [(row[1], row[3]) for row in second] == [(2, 1.0), (3, 1.0)]


@pytest.mark.parametrize(
    ("track", "rows"),
    [
        (numbered(), [trade(1), trade(5), trade(3), trade(9, 100, 2)]),
        (Rising(6, 1), [quote(3, 1), quote(7, 5), quote(None, 9, 2)]),
        (Timed(1, slice(3, 5)), [trade(0, ts=1), trade(0, ts=2), trade(0, ts=2)]),
    ],
)
def test_a_cursor_brings_back_what_came(track: Track, rows: list[Row]) -> None:
    further = tracked(track, rows)
    assert saved(track) == {}
    again = track.copy()
    again.restore(saved(further))
    assert again == further
    assert again.new(rows)[0] == []


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("1m", ["2026-11-29T23:59:00Z", "2026-11-30T00:00:00Z"]),
        ("1w", ["2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"]),
        ("1M", ["2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"]),
    ],
)
def test_bars_that_follow_one_another_have_numbers_that_do(name: str, starts: list[str]) -> None:
    times = [int(datetime.fromisoformat(text).timestamp()) * 1_000_000 for text in starts]
    before, after = (bar_number(name)((1, name, time)) for time in times)
    assert after == before + 1
    assert [bar_start(name, number) for number in (before, after)] == times
