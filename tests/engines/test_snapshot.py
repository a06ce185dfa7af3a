"""All state as columns: restored it is what it was, and it moves with its key groups."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.conformance.tasks import add_all, halfway

from raymill.engines.exchange import owned
from raymill.engines.graph import Keeper, enter, open_tasks
from raymill.engines.snapshot import merged, restore, snapshot
from raymill.errors import ConfigError
from raymill.flow import Answer, Port, Rows, Spec, State, Task, task
from raymill.flow.objects import dump_objects, load_objects
from raymill.flow.outcome import HELD
from raymill.flow.pipeline import read
from raymill.flow.plan import Plan, plan
from raymill.flow.source import Piece
from raymill.testing import TestingSource, check_task

RECORDS = [{"key": f"k{n % 13}", "value": float(n), "n": n} for n in range(50)]


@dataclass
class Notes:
    words: list[str]
    least: float
    pairs: dict[int, tuple[int, ...]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)


@task(state=lambda: Notes([], math.inf), output="said")
def note(s: Notes, value: float) -> str:
    """Keeps what JSON has no types for."""
    s.words.append(f"{value}")
    s.least = min(s.least, value)
    s.pairs[int(value)] = (len(s.words), 1)
    s.seen |= {f"{value % 3}"}
    return f"{len(s.words)} {s.least} {sorted(s.pairs.items())[-1]} {sorted(s.seen)}"


@task("pairs")
@dataclass(frozen=True)
class Pairs(Task):
    """Holds every first record of a key, and answers the second with it."""

    def spec(self) -> Spec:
        return Spec(
            {"value": Port()},
            pa.schema([("first", pa.float64())]),
            scope="key",
            held=pa.schema([("value", pa.float64())]),
            silent=True,
        )

    def apply(self, rows: Rows, state: State | None) -> Answer:
        assert state is not None
        assert state.held is not None
        assert rows.slot is not None
        held = dict(zip(*(state.held[n].to_pylist() for n in ("slot", "value")), strict=True))
        first, code = np.zeros(len(rows)), np.full(len(rows), HELD, np.uint8)
        for row, (slot, value) in enumerate(zip(rows.slot.tolist(), rows["value"], strict=True)):
            if slot in held:
                first[row], code[row] = held.pop(slot), 0
            else:
                held[slot] = value
        state.held = pa.RecordBatch.from_pylist(
            [{"value": value, "slot": slot} for slot, value in held.items()], state.held.schema
        )
        return Answer({"first": first}, code)

    def unfinished(self, state: State) -> int:
        return state.held.num_rows if state.held is not None else 0


def planned() -> Plan:
    start = read(RECORDS).then(note, key="key").then(halfway, key="key")
    end = start.window("mean", count=3, key="n", as_="mean").then(add_all).then(Pairs, key="key")
    return plan(end.write([]), TestingSource(RECORDS))


def filled(made: Plan, records: list[dict[str, Any]]) -> Keeper:
    keeper = Keeper(made)
    source = TestingSource(records, size=7)
    open_tasks(made)
    for piece in source.pieces():
        for block in source.read(piece):
            passage = enter(made, Piece(piece.number), 0, block)
            for node in made.nodes[1:]:
                keeper.run(passage, node)
    return keeper


def told(tables: dict[str, pa.RecordBatch]) -> dict[str, Any]:
    return {name: table.to_pydict() for name, table in tables.items()}


def test_a_restored_snapshot_snapshots_to_itself() -> None:
    made = planned()
    saved = snapshot(filled(made, RECORDS))
    again = Keeper(made)
    restore(again, saved)
    assert told(snapshot(again)) == told(saved)
    assert sorted(saved) == [
        "held:pairs",
        "keys:note",
        "keys:window",
        "state:add_all",
        "state:halfway",
        "state:note",
        "state:pairs",
        "state:window",
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_state_that_was_dealt_out_by_groups_comes_together_again(count: int) -> None:
    made = planned()
    saved = snapshot(filled(made, RECORDS))
    parts = []
    for number in range(count):
        keeper = Keeper(made)
        restore(keeper, saved, owned(number, count, 64))
        parts.append(snapshot(keeper))
    assert sum(part["keys:note"].num_rows for part in parts) == 13
    assert told(merged(parts, made)) == told(saved)


def test_workers_without_keys_are_no_trouble() -> None:
    made = planned()
    empty = snapshot(Keeper(made))
    assert told(merged([empty, empty], made)) == told(empty)


@pytest.mark.parametrize("one", [note, Pairs])
def test_what_is_kept_in_objects_and_rows_moves_too(one: Any) -> None:
    check_task(one, [*RECORDS, {"key": None, "value": None, "n": 0}], key="key")


ODD = Notes(["ü", ""], -math.inf, {1: (2, 3), -4: ()}, {"b", "a"})


def test_states_of_record_functions_are_read_back_as_they_were() -> None:
    (again,) = load_objects(dump_objects([ODD]), [Notes([], 0.0)])
    assert again == ODD
    assert type(again.pairs[1]) is tuple
    nan = dump_objects([Notes([], math.nan, {}, set())])
    assert math.isnan(load_objects(nan, [ODD])[0].least)
    assert dump_objects([]).type == pa.string()


@dataclass
class Strange:
    value: Any


@pytest.mark.parametrize(
    "value", [2**80, b"\xff\x00", None, True, [1, [2.5, ("a", {1})]], {("a", 1): {"b": None}}]
)
def test_values_that_a_state_may_hold(value: Any) -> None:
    (again,) = load_objects(dump_objects([Strange(value)]), [Strange(0)])
    assert again.value == value
    assert type(again.value) is type(value)


def test_a_value_that_cannot_be_saved_is_named() -> None:
    with pytest.raises(ConfigError, match="State field `value` holds Strange"):
        dump_objects([Strange(Strange(1))])


def test_numbers_of_numpy_are_saved_as_numbers() -> None:
    values = [np.float64(1.5), np.int64(7)]
    (again,) = load_objects(dump_objects([Strange(values)]), [Strange(0)])
    assert again.value == [1.5, 7]
