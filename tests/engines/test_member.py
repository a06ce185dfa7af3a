"""One worker among several: what it sends, what it keeps, whose state it saves."""

from typing import Any

import pyarrow as pa
import pytest
from tests.conformance.tasks import add_all, halfway, warm

from raymill.engines.exchange import owned
from raymill.engines.hashing import hash_texts
from raymill.engines.keys import group_of
from raymill.engines.member import Member
from raymill.engines.run import Job, Options
from raymill.flow.pipeline import read
from raymill.flow.plan import plan
from raymill.flow.source import Piece
from raymill.testing import TestingSource

RECORDS = [{"key": f"k{n % 10}", "value": float(n)} for n in range(40)]


def job(workers: int) -> Job:
    stream = read(RECORDS).then(warm, low=1.0).then(halfway, key="key").then(add_all)
    source = TestingSource(RECORDS, size=20)
    return Job(plan(stream.write([]), source), source, (_Sink(),), None, Options(workers=workers))


class _Sink:
    """Counts."""

    def encode(self, batch: pa.RecordBatch) -> int:
        return batch.num_rows


@pytest.fixture
def members() -> list[Member]:
    shared = job(2)
    return [Member(shared, number, 2) for number in range(2)]


def step(members: list[Member], pieces: list[list[Piece]]) -> tuple[list[Any], list[Any]]:
    """One step; gives what was sent at each stage, and what was settled."""
    sent = []
    given = [m.load(0, mine) for m, mine in zip(members, pieces, strict=True)]
    for stage in range(2):
        sent.append(given)
        own = [m.own(0, stage, [parts[m.number] for parts in given]) for m in members]
        given = [m.proceed(0, stage, [found[m.number] for found in own]) for m in members]
    return sent, given


def test_what_is_its_own_does_not_travel(members: list[Member]) -> None:
    (keyed, _), _ = step(members, [[Piece(0)], [Piece(1)]])
    for member, parts in zip(members, keyed, strict=True):
        assert parts[member.number] is None
        (part,) = parts[1 - member.number]
        assert list(part.columns) == ["value"]  # and not the key, nor anything else
        assert part.count == len(part.slots)
    groups = group_of(hash_texts(pa.array([f"k{n}" for n in range(10)])), 64).tolist()
    mine = [n for n in range(10) if groups[n] in owned(1, 2, 64)]
    (part,) = keyed[0][1]
    assert part.new_texts.to_pylist() == [f"k{n}" for n in [*range(1, 10), 0] if n in mine]


def test_one_state_is_at_one_worker(members: list[Member]) -> None:
    (_, of_all), settled = step(members, [[Piece(0)], [Piece(1)]])
    (number,) = [n.number for n in members[0].stateful if n.place == "one"]
    owner = number % 2
    assert of_all[1 - owner][owner][0].slots is None
    assert of_all[owner][1 - owner] == [None]
    saved = [member.snapshot() for member in members]
    assert "state:add_all" in saved[owner]
    assert "state:add_all" not in saved[1 - owner]
    assert [block.out for blocks in settled for block in blocks] == [{0: 19}, {0: 20}]


def test_keys_that_are_known_are_not_sent_again(members: list[Member]) -> None:
    step(members, [[Piece(0)], []])
    (keyed, _), _ = step(members, [[Piece(1)], []])
    (part,) = keyed[0][1]
    assert part.new_texts is None
    assert part.count > 0


def test_a_worker_that_goes_back_forgets_everything(members: list[Member]) -> None:
    step(members, [[Piece(0)], [Piece(1)]])
    assert members[0].restart(None)
    assert members[0].snapshot()["keys:halfway"].num_rows == 0
    assert not members[0].home.keys[next(iter(members[0].home.keys))]
