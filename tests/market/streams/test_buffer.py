"""Rows that wait: what gives way, what goes to the disk, and in which order it comes back."""

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from raymill.errors import StoreError
from raymill.market.streams.buffer import Every, Newest, Spill


def rows(*numbers: int) -> list[tuple[Any, ...]]:
    return [(1, number) for number in numbers]


def test_of_too_many_quotes_the_newest_of_each_instrument_stay() -> None:
    buffer = Newest(4)
    buffer.add([(1, 1), (2, 1), (1, 2), (3, 1)])
    assert (buffer.depth, buffer.dropped) == (4, 0)
    buffer.add([(2, 2), (1, 3)])
    assert (buffer.depth, buffer.dropped) == (3, 3)
    assert buffer.take(10) == [(1, 3), (2, 2), (3, 1)]


def test_rows_that_must_not_be_lost_wait_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "spill" / "trades.jsonl"
    buffer = Every(Spill(path), 2)
    buffer.add(rows(1, 2))
    assert not path.exists()
    buffer.add(rows(3, 4))
    assert (buffer.depth, buffer.spilled) == (2, 2)
    buffer.add(rows(5))  # behind those on the disk
    assert (buffer.depth, buffer.spilled) == (2, 3)
    assert buffer.take(1) == rows(1)
    assert buffer.take(3) == rows(2, 3, 4)
    assert buffer.take(9) == rows(5)
    assert (buffer.depth, buffer.spilled, path.exists()) == (0, 0, False)
    assert buffer.dropped == 0


def test_numbers_come_back_from_the_disk_as_they_were(tmp_path: Path) -> None:
    row = (7, 1_700_000_000_000_123, 9_007_199_254_740_993, 0.1 + 0.2, 1e-8, -1, None)
    buffer = Every(Spill(tmp_path / "s"), 0)
    buffer.add([row])
    assert buffer.spilled == 1
    assert buffer.take(1) == [row]


@given(st.lists(st.one_of(st.integers(1, 4), st.integers(-4, -1)), max_size=30))
def test_rows_come_out_in_the_order_in_which_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int]
) -> None:
    buffer = Every(Spill(tmp_path_factory.mktemp("spill") / "s"), 3)
    sent, got = 0, list[tuple[Any, ...]]()
    for step in steps:
        if step > 0:
            buffer.add(rows(*range(sent, sent + step)))
            sent += step
        else:
            got += buffer.take(-step)
    got += buffer.take(1000)
    assert got == rows(*range(sent))


def test_where_the_disk_takes_nothing_the_memory_does_and_no_more_should_come(
    tmp_path: Path,
) -> None:
    wall = tmp_path / "wall"
    wall.write_text("a file where a folder should be")
    buffer = Every(Spill(wall / "trades.jsonl"), 2)
    buffer.add(rows(1, 2))
    assert buffer.full == ""
    buffer.add(rows(3, 4))
    assert "No room for rows that wait" in buffer.full
    buffer.add(rows(5))
    assert buffer.take(2) == rows(1, 2)
    assert buffer.full
    assert buffer.take(9) == rows(3, 4, 5)
    assert buffer.full  # they are on their way to a disk that may still be full
    assert buffer.take(9) == []
    assert buffer.full == ""


def test_a_file_that_was_taken_away_is_said(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "s")
    spill.add(rows(1))
    (tmp_path / "s").unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        spill.take()
