"""An input that comes at a pace, by a clock of the test."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from connectors.sourcing import drain, put
from raymill.connectors.carried import cut_block
from raymill.connectors.iterable import IterableSource
from raymill.connectors.lines import LinesSource
from raymill.connectors.replay import Replayed
from raymill.errors import ConfigError, UnknownName
from raymill.flow.source import Block, Reject


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


def timed(source: Replayed, clock: Clock, first: int = 0) -> list[tuple[float, list[Any]]]:
    """When each piece came, and what was in it."""
    come = []
    for piece in source.pieces(first):
        come.append((round(clock.now - 100, 6), drain(source, [piece]).values))
    return come


def test_a_rate_spreads_records_over_time() -> None:
    clock = Clock()
    source = Replayed(IterableSource(range(10)), rate=40, clock=clock, sleep=clock.sleep)
    # Slices of 50 ms: two records each.
    assert timed(source, clock) == [
        (0.0, [0, 1]),
        (0.05, [2, 3]),
        (0.1, [4, 5]),
        (0.15, [6, 7]),
        (0.2, [8, 9]),
    ]


def test_a_time_scale_multiplies_the_gaps_to_the_first_time() -> None:
    clock = Clock()
    times = [1000, 1400, 1600, 3000, 2900, None, 5000]
    records = [{"ts": ts, "v": v} for v, ts in enumerate(times)]
    source = Replayed(IterableSource(records), time_scale=0.1, clock=clock, sleep=clock.sleep)
    # A tenth of 400, 600, 2000 and 4000 ms; what comes late or without time follows at once.
    assert [(at, [v for _, v in values]) for at, values in timed(source, clock)] == [
        (0.0, [0]),
        (0.04, [1]),
        (0.06, [2]),
        (0.2, [3, 4, 5]),
        (0.4, [6]),
    ]


def test_gaps_under_ten_milliseconds_are_not_waited_for() -> None:
    clock = Clock()
    records = [{"ts": 100 * number} for number in range(10)]
    source = Replayed(IterableSource(records), time_scale=0.01, clock=clock, sleep=clock.sleep)
    assert [values for _, values in timed(source, clock)] == [[100 * n for n in range(10)]]
    assert clock.slept == []


def test_going_on_later_begins_at_once_and_keeps_the_pace() -> None:
    clock = Clock()
    source = Replayed(IterableSource(range(8)), rate=40, clock=clock, sleep=clock.sleep)
    assert timed(source, clock, first=2) == [(0.0, [4, 5]), (0.05, [6, 7])]


def test_lines_and_rejects_stay_where_they_are(tmp_path: Path) -> None:
    clock = Clock()
    path = put(tmp_path, "x.txt", b"\na\n\xff\nb\n\nc\n\xfe\n\n")
    inner = LinesSource((path,))
    source = Replayed(inner, rate=1, clock=clock, sleep=clock.sleep)
    got = drain(source)
    assert got == drain(inner)
    assert len(list(source.pieces())) == 3


def test_the_column_of_times_is_read_but_not_shown() -> None:
    clock = Clock()
    records = [{"ts": 0, "v": 1}, {"ts": 1000, "v": 2}]
    source = Replayed(IterableSource(records), time_scale=1, clock=clock, sleep=clock.sleep)
    narrow = source.select(frozenset({"v"}))
    assert narrow.schema().names == ["v"]
    assert timed(narrow, clock) == [(0.0, [1]), (1.0, [2])]


def test_times_may_be_timestamps_or_missing_at_first() -> None:
    clock = Clock()
    times = pa.array([None, 5000, 5300], pa.timestamp("ms"))
    source = IterableSource(pa.table({"at": times}))
    replayed = Replayed(source, time_scale=1, column="at", clock=clock, sleep=clock.sleep)
    assert [at for at, _ in timed(replayed, clock)] == [0.0, 0.3]
    empty = IterableSource(pa.table({"ts": pa.array([None, None], "i8")}))
    assert len(drain(Replayed(empty, time_scale=1, sleep=clock.sleep)).rows) == 2


def test_a_pace_that_cannot_be_is_refused() -> None:
    source = IterableSource([{"ts": "x", "time": 1}])
    with pytest.raises(ConfigError, match="either a rate or a time scale"):
        Replayed(source)
    with pytest.raises(ConfigError, match="cannot have the pace 0"):
        Replayed(source, rate=0)
    with pytest.raises(UnknownName, match="Unknown column of times `tim`"):
        Replayed(source, time_scale=1, column="tim").schema()
    with pytest.raises(ConfigError, match="column of times cannot be string"):
        drain(Replayed(source, time_scale=1))


def test_a_block_is_cut_with_its_lines_and_rejects() -> None:
    batch = pa.record_batch({"v": [1, 2, 3]})
    rejects = (Reject(0, "r", "a"), Reject(3, "r", "b"), Reject(6, "r", "c"))
    block = Block(batch, 8, np.array([1, 2, 5], np.int32), rejects, 80)
    parts = list(cut_block(block, [0, 1, 2, 3]))
    assert [part.batch.to_pylist() for part in parts] == [[{"v": 1}], [{"v": 2}], [{"v": 3}]]
    assert [part.span for part in parts] == [2, 1, 5]
    assert [part.lines.tolist() for part in parts] == [[1], [0], [2]]  # type: ignore[union-attr]
    assert [[r.line for r in part.rejects] for part in parts] == [[0], [], [0, 3]]
    assert [part.size_bytes for part in parts] == [20, 10, 50]
