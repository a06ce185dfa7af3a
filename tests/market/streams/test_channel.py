"""A channel against a plain model: whatever is received, stored, lost with its owner and filled,
in the end every number is stored once."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from raymill import json
from raymill.market.streams.channel import Channel, Segment
from raymill.market.streams.gaps import Gap
from raymill.market.streams.made import channels

Row = tuple[Any, ...]
LAST = 40


def trade(number: int) -> Row:
    return (1, number * 10, number, 1.0, 1.0, 1, 0)


@dataclass
class Disk:
    """What survives an owner."""

    rows: list[int] = field(default_factory=list)
    cursor: bytes = b"{}"
    number: int = 0
    gaps: dict[Any, Gap] = field(default_factory=dict)

    def store(self, segment: Segment) -> None:
        self.rows += [row[2] for row in segment.rows]
        self.cursor, self.number = json.dumps(segment.cursor), segment.number
        self.gaps |= {gap.key: gap for gap in segment.gaps}

    def owner(self, folder: Path) -> Channel:
        channel = channels(("trades",), folder, most=6)["trades"]
        channel.resume(json.loads(self.cursor), self.number, len(self.rows))
        channel.reopen(list(self.gaps.values()), 1)
        return channel


def fill(channel: Channel, most: int) -> None:
    """Ask for what is missing, a page at a time; the vendor has everything."""
    for gap in list(channel.gaps.values()):
        for hole in channel.missing(gap)[:1]:
            numbers = range(hole.first, min(hole.last, hole.first + most - 1) + 1)
            channel.fill(gap, [trade(number) for number in numbers], 1)
        if not channel.missing(gap):
            channel.settle(gap, "filled", 2)


def store(channel: Channel, disk: Disk, most: int) -> bool:
    segment = channel.segment(most)
    if segment is not None:
        disk.store(segment)
        channel.is_stored(segment, len(disk.rows))
    return segment is not None


heard = st.tuples(st.just("hear"), st.lists(st.integers(1, LAST), min_size=1, max_size=6))
sized = st.tuples(st.sampled_from(["fill", "store"]), st.integers(1, 5))
died = st.tuples(st.just("die"), st.none())


@example([("hear", [1, 3]), ("fill", 1), ("store", 2), ("die", None)])
@given(st.lists(st.one_of(heard, sized, sized, died), max_size=14))
def test_in_the_end_every_number_is_stored_once(
    tmp_path_factory: pytest.TempPathFactory, happened: list[tuple[str, Any]]
) -> None:
    folder, disk = tmp_path_factory.mktemp("channel"), Disk()
    channel = disk.owner(folder)
    for what, given_ in happened:
        if what == "hear":
            channel.take([trade(number) for number in given_], 1)
        elif what == "fill":
            fill(channel, given_)
        elif what == "store":
            store(channel, disk, given_)
        else:
            channel.buffer.close()
            channel = disk.owner(folder)
        assert len(set(disk.rows)) == len(disk.rows)
    channel.take([trade(LAST + 1)], 1)
    while store(channel, disk, 3) or channel.gaps:
        fill(channel, 4)
    assert sorted(disk.rows) == list(range(min(disk.rows), LAST + 2))
    assert {gap.state for gap in disk.gaps.values()} <= {"filled"}
    channel.buffer.close()


def test_a_gap_is_filled_for_others_when_its_rows_are_stored(tmp_path: Path) -> None:
    disk = Disk()
    channel = disk.owner(tmp_path)
    channel.take([trade(1), trade(5), trade(6), trade(7)], 1)
    fill(channel, 9)
    states = []
    while store(channel, disk, 2):
        states.append([gap.state for gap in disk.gaps.values()])
    assert disk.rows == [1, 5, 6, 7, 2, 3, 4]
    assert states == [["open"], ["open"], ["open"], ["filled"]]


def test_a_gap_that_is_not_reached_by_what_is_stored_is_not_told(tmp_path: Path) -> None:
    disk = Disk()
    channel = disk.owner(tmp_path)
    channel.take([trade(1), trade(2), trade(9)], 1)
    store(channel, disk, 2)
    assert (disk.rows, disk.gaps) == ([1, 2], {})
    again = disk.owner(tmp_path)
    again.take([trade(12)], 1)
    assert [(gap.first, gap.last) for gap in again.gaps.values()] == [(3, 11)]


def test_what_the_vendor_lacks_counts_as_come(tmp_path: Path) -> None:
    disk = Disk()
    channel = disk.owner(tmp_path)
    channel.take([trade(1), trade(5)], 1)
    (gap,) = channel.gaps.values()
    channel.settle(gap, "empty", 2, "the vendor does not have it")
    store(channel, disk, 9)
    assert json.loads(disk.cursor)["1"]["holes"] == []
    assert disk.owner(tmp_path).gaps == {}
