"""Every registered task keeps the invariants of the contract, over nasty records."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.conformance import tasks as ours

from raymill.flow import Answer, Kind, Port, Rows, Spec, State, Task, registry, task
from raymill.tasks.bloom_filter_train import BloomFilterTrain
from raymill.testing import check_task

Record = dict[str, Any]
Given = dict[str, Any]

NASTY = [0.0, -0.0, 5e-324, 2.0**53, 1.7976931348623157e308, -1.7976931348623157e308, 1.5, -3.0]
BAD = [float("nan"), float("inf"), float("-inf"), None]
TEXTS = ["1.5", " 7 ", "x", "", "nan", "nan(1)", "0x1F", "1_000", "1e400", "+2", "٣", None, "-0"]
KEYS = ["a", "b", "", "ä", None, "a\x1f|b"]
COUNT = 60


def numbers(seed: int = 0) -> list[Record]:
    """Numbers and what is none, of some keys, at times that go back now and then."""
    chosen = random.Random(seed)
    return [
        {
            "n": n,
            "key": chosen.choice(KEYS),
            "other": chosen.choice([1, 2, None]),
            "value": chosen.choice(NASTY * 2 + BAD + [chosen.uniform(-9, 9)] * 9),
            "text": chosen.choice(TEXTS),
            "time": n * 100 - chosen.choice([0, 0, 300, 3000]),
        }
        for n in range(COUNT)
    ]


SENML = [
    '{"e":[{"n":"light","v":"7.5"},{"n":"dust","v":"1"}],"bt":1422748800000}',
    '{"e":[{"n":"light","v":"-7.25"},{"n":"dust","v":"2.0"}],"bt":1422748800001}',
    '{"e":[{"n":"dust","v":1e308}],"bt":1}',
    '{"e":[{"n":"other","v":1}],"bt":2}',
    '{"e":[{"n":"light","v":"x"}],"bt":3}',
    '{"bt":4,"e":[{"sv":"9","n":"light"}]}',
    "no senml",
    "",
    None,
    "[]",
]
XML = [
    "<class><student rollno='39'><marks>85</marks></student></class>",
    "<class><student><marks>85</marks></student></class>",
    "<class>",
    "",
    None,
    "<class><marks/>x</class>",
]


def every(cells: list[Any], name: str) -> list[Record]:
    """Each cell some times, in a mixed order."""
    chosen = random.Random(1)
    return [{"n": n, "key": "k", name: chosen.choice(cells)} for n in range(COUNT)]


def plain(*names: str) -> list[Record]:
    """Numbers alone."""
    return [{name: row[name] for name in names} for row in numbers(2)]


KEYED: list[Given] = [
    {"key": "key"},
    {},
    {"key": ["key", "other"]},
    {"key": "key", "field": "text"},
]
CHECKS: Mapping[str, list[Given]] = {
    "accumulator": [
        {"window": 4, "series": "key"},
        {"window": 7, "series": "key", "time": "time", "flush": True},
        {"window": 3, "series": "other", "value": "text", "multivalue": "x", "meta": "key"},
    ],
    "annotate": [{}, {"unknown": "fail"}],
    "block_window_average": [
        *({**one, "window": 3} for one in KEYED),
        {"key": "key", "window": 4, "flush": True},
    ],
    "bloom_filter_check": [{"field": "key"}, {"field": "value", "drop": True}],
    "bloom_filter_train": [{"field": "key", "expected_insertions": 20}],
    "csv_to_senml": [{}, {"numbers": "number"}],
    "distinct_approx_count": [
        {"field": "key"},
        {"field": "value", "k": 10},
        {"field": "text", "compat": "java"},
    ],
    "interpolation": [{**one, "window": 3} for one in KEYED],
    "kalman_filter": KEYED,
    "noop": [{}],
    "pi_by_viete": [{"iters": 3}],
    "range_filter": [{"valid_range": "value:-1:100,text:0:9,absent:0:1"}],
    "second_order_moment": [{"tracked": 3}, {"field": "text"}],
    "senml_parse": [
        {"senml": "text", "fields": "light,dust"},
        {"senml": "text", "fields": "light", "unknown": "drop"},
    ],
    "sliding_linear_regression": [{**one, "window": 3, "horizon": 2} for one in KEYED],
    "window": [
        {"key": "key", "aggregate": "mean", "count": 3},
        {"key": "key", "aggregate": "spread", "count": 4, "every": 2, "flush": True},
        {"aggregate": "tally", "count": 2, "every": 3},
        {"key": "key", "aggregate": "total", "seconds": 1, "late": 0.5},
        {"key": "key", "aggregate": "maximum", "seconds": 2, "every": 0.5, "late": 1},
        {"aggregate": "minimum", "seconds": 2, "every": 3, "flush": True},
    ],
    "xml_parse": [{"field": "text"}],
}
RECORDS = {
    "senml_parse": every(SENML, "text"),
    "xml_parse": every(XML, "text"),
    "csv_to_senml": plain("key", "value", "text", "time"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Given]:
    """What tasks read when they are opened."""
    folder = tmp_path_factory.mktemp("models")
    table, model = folder / "table.txt", folder / "model.jsonl"
    table.write_text("a:x,y\n:z\nä:ö\n", encoding="utf-8")
    [record] = BloomFilterTrain.declared.try_out(
        [{"value": "a"}, {"value": "1.5"}], expected_insertions=20
    )
    from raymill import json

    model.write_bytes(json.dumps(record))
    return {"annotate": {"file": str(table)}, "bloom_filter_check": {"model": str(model)}}


ALL = [
    pytest.param(name, given, id=f"{name}-{at}")
    for name, several in CHECKS.items()
    for at, given in enumerate(several)
]


@pytest.mark.parametrize(("name", "given"), ALL)
def test_a_registered_task_keeps_the_invariants(
    name: str, given: Given, files: dict[str, Given]
) -> None:
    found = check_task(name, RECORDS.get(name, numbers()), **files.get(name, {}), **given)
    assert sum(one["records_in"] for one in found.counts.values()) >= COUNT


def test_each_registered_task_is_checked() -> None:
    assert sorted(CHECKS) == registry.names(registry.TASKS)


@pytest.mark.parametrize("given", KEYED[:3])
@pytest.mark.parametrize("one", [ours.halfway, ours.ends, ours.tally, ours.remember])
def test_steps_and_record_functions_keep_the_invariants(one: Any, given: Given) -> None:
    check_task(one, numbers(), **given)


@pytest.mark.parametrize("one", [ours.warm, ours.judge, ours.name, ours.Copies, ours.add_all])
def test_tasks_without_a_key_keep_the_invariants(one: Any) -> None:
    check_task(one, [{"source": row["key"], "room": row["other"], **row} for row in numbers()])


@task("careless")
@dataclass(frozen=True)
class Careless(Task):
    """Counts the rows of a call, not of a key."""

    def spec(self) -> Spec:
        return Spec(
            {"value": Port(Kind.NUMBER)},
            pa.schema([("value", pa.float64())]),
            scope="key",
            state=np.zeros(1, [("n", "i8")]),
        )

    def apply(self, rows: Rows, state: State | None) -> Answer:
        return Answer({"value": np.arange(len(rows), dtype=float)})


@task
def impatient(value: float) -> float:
    """Answers by the clock."""
    impatient.calls = getattr(impatient, "calls", 0) + 1  # type: ignore[attr-defined]
    return float(impatient.calls)  # type: ignore[attr-defined]


@pytest.mark.parametrize("one", [Careless, impatient])
def test_a_task_that_sees_its_batches_is_found(one: Any) -> None:
    with pytest.raises(AssertionError, match="not batch-blind"):
        check_task(one, [{"value": float(n), "key": "k"} for n in range(9)], key="key")


@task(compiled=True, state=ours.Place)
def hasty(s: ours.Place, value: float) -> float:
    """Changes its state first and fails then."""
    s.x += value
    return 1.0 / (value - 2.0) + s.x


def test_a_task_that_fails_behind_a_change_is_found() -> None:
    with pytest.raises(AssertionError, match="left a trace in the state"):
        check_task(hasty, [{"value": float(n), "key": "k"} for n in range(5)], key="key")
