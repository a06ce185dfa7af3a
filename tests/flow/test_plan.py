"""A pipeline is checked before the first record; errors name the field and near matches."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from tests.conformance.tasks import add_all, double, ends, halfway, name, tally, warm

from raymill.errors import PipelineError
from raymill.flow import Answer, Port, Rows, Spec, State, Task, task
from raymill.flow.pipeline import Stream, read
from raymill.flow.plan import Plan, plan
from raymill.testing import TestingSource

RECORDS: list[dict[str, Any]] = [
    {"sensor": "a", "temperature": 1.0, "light": 2, "tags": [1.0], "text": "1", "unused": 0}
]
START = read(RECORDS)


@task
def spell(sensor: str) -> str:
    """As it is."""
    return sensor


def planned(*ends: Stream) -> Plan:
    pipeline = ends[0].write([])
    for end in ends[1:]:
        pipeline = pipeline + end.write([])
    return plan(pipeline, TestingSource(RECORDS))


def columns(stream: Stream) -> list[str]:
    made = planned(stream)
    return made.nodes[made.sinks[0][0]].schema.names


ALL = list(RECORDS[0])


def test_added_columns_follow_and_a_column_of_the_name_is_replaced_in_its_place() -> None:
    assert columns(START.then(double, field="light")) == [*ALL, "value"]
    assert columns(START.then(double, field="light", as_="text")) == ALL
    made = planned(START.then(double, field="light", as_="text"))
    assert made.nodes[1].schema.field("text").type == pa.float64()


def test_names_of_added_columns() -> None:
    assert columns(START.then(double, field="light", as_="{field}_twice"))[-1] == "light_twice"
    assert columns(START.then(ends, field="light", key="sensor"))[-2:] == ["low", "high"]
    renamed = START.then(ends, field="light", key="sensor", as_={"high": "most"})
    assert columns(renamed)[-2:] == ["low", "most"]


def test_a_list_of_fields_makes_one_node_for_each() -> None:
    made = planned(START.then(double, field=["temperature", "light"], as_="{field}_twice"))
    assert [node.label for node in made.nodes] == ["read", "double(temperature)", "double(light)"]
    assert made.nodes[-1].schema.names[-2:] == ["temperature_twice", "light_twice"]
    without = planned(START.then(double, field=["temperature", "light"]))
    assert without.nodes[-1].schema.names[-2:] == ["temperature_value", "light_value"]


def test_only_what_anything_needs_is_read() -> None:
    assert planned(START.then(double, field="light").select("value")).wanted == {"light"}
    keyed = START.then(halfway, field="light", key="sensor").select("value")
    assert planned(keyed).wanted == {"light", "sensor"}
    two = [START.select("text"), START.then(double, field="light", as_="text").select("text")]
    assert planned(*two).wanted == {"text", "light"}
    assert planned(START.then(warm, field="light")).wanted == set(ALL)


def test_labels_are_unique() -> None:
    made = planned(START.then(warm, field="light").then(warm, field="light", label="warm"))
    assert [node.label for node in made.nodes] == ["read", "warm", "warm_2"]


@pytest.mark.parametrize(
    ("stream", "message", "hint"),
    [
        (START.then(double, field="lihgt"), "No field `lihgt` for task `double`", "`light`"),
        (START.then(double), "No field `value` for task `double`", "--field"),
        (START.then(double, valu="light"), "has no input and no parameter `valu`", "`value`"),
        (START.then(halfway, field="light", key="sensr"), "the key of task `halfway`", "`sensor`"),
        (START.then(tally, key="tags"), r"`tags` of type list<.*> cannot be a key", ""),
        (START.then(double, field="tags"), "`tags` of type .* cannot be read as number", "bind"),
        (START.then(add_all, field="light", key="sensor"), "one state for all records", "leave"),
        (START.then("noop", field="light"), "`noop` reads no field", ""),
        (START.select("lihgt"), "No field `lihgt` for select", "`light`"),
        (START.then(double, field="light", as_={"valeu": "x"}), "no column `valeu`", "`value`"),
        (START.then(name), "No field `source`", "fields:"),
        (
            START.then(ends, field="light", key="sensor", as_={"low": "x", "high": "x"}),
            "two columns of one name",
            "as_=",
        ),
        (
            START.select("sensor", "light").union(START.then(spell, sensor="light", as_="light")),
            "Column `light` is int64 in one branch of a union and string",
            "rename",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(stream: Stream, message: str, hint: str) -> None:
    with pytest.raises(PipelineError, match=message) as refused:
        planned(stream)
    assert hint in str(refused.value.hint)


@task("parse")
@dataclass(frozen=True)
class Parse(Task):
    """Drops what it parsed."""

    def spec(self) -> Spec:
        adds = pa.schema([("a", pa.int64()), ("b", pa.int64())])
        return Spec({"text": Port(null=True)}, adds, drops=frozenset({"text"}))

    def apply(self, rows: Rows, state: State | None) -> Answer:
        raise NotImplementedError


def test_a_parser_hands_on_all_but_what_it_parsed() -> None:
    assert columns(START.then(Parse)) == [*(n for n in ALL if n != "text"), "a", "b"]


def test_the_identity_of_a_plan_holds_all_that_changes_its_output() -> None:
    made = planned(START.then(warm, field="light", low=3.0), START.then(tally, key="sensor"))
    assert made.identity() == [
        {
            "task": "warm",
            "parameters": {"low": 3.0},
            "fields": {"value": "light"},
            "key": [],
            "outputs": {},
        },
        {
            "task": "tally",
            "parameters": {},
            "fields": {},
            "key": ["sensor"],
            "outputs": {"number": "number"},
        },
    ]
