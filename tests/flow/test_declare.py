"""`@task` declares and changes nothing."""

import pickle
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from annotated_types import Gt
from tests.conformance.tasks import Copies, judge, name, remember, warm

from raymill.errors import ConfigError, UnknownName
from raymill.flow import Answer, Fail, Rows, Skip, Spec, State, Task, as_declared, task
from raymill.flow.column_task import Port
from raymill.flow.declare import Configured, first_port
from raymill.flow.record import RecordTask
from raymill.flow.step import Step
from raymill.tasks.kalman_filter import Estimate, kalman_filter


@task
def celsius(fahrenheit: float) -> float:
    """From Fahrenheit."""
    return (fahrenheit - 32) / 1.8


@task("scaled", compiled=True)
def scale(value: float, *, by: Annotated[float, Gt(0)] = 2.0) -> float:
    """Some times the value."""
    return value * by


def test_a_declared_task_is_its_function() -> None:
    assert celsius(212.0) == 100.0
    assert scale(3.0, by=4.0) == 12.0
    assert kalman_filter(Estimate(), 3.0) == pytest.approx(30.125 / 30.445 * 3.0)
    assert (celsius.name, scale.name) == ("celsius", "scaled")
    assert celsius.__doc__ == "From Fahrenheit."
    assert repr(scale) == "<task scaled>"


def test_a_class_stays_a_class() -> None:
    assert Copies.declared.is_columns  # type: ignore[attr-defined]
    assert isinstance(Copies().spec(), Spec)


def test_functions_are_lifted_to_tasks() -> None:
    assert isinstance(scale.lift(), Step)
    assert isinstance(celsius.lift(), RecordTask)
    assert isinstance(as_declared(Copies).lift(), Copies)


def test_parameters_are_checked_when_it_is_lifted() -> None:
    with pytest.raises(ConfigError, match="`by` of task `scaled` cannot be 0"):
        scale.lift(by=0)
    with pytest.raises(UnknownName, match="`bye`"):
        scale.bound(bye=1).lift()
    assert scale.schema()["properties"]["by"] == {
        "default": 2.0,
        "exclusiveMinimum": 0,
        "title": "By",
        "type": "number",
    }


def test_parameters_are_fixed_one_after_the_other() -> None:
    fixed = scale.bound(by=3.0)
    assert fixed.given == {"by": 3.0}
    assert fixed.bound(by=4.0).given == {"by": 4.0}


def test_tasks_travel_by_name() -> None:
    assert pickle.loads(pickle.dumps(celsius)) is celsius
    lifted = pickle.loads(pickle.dumps(scale.lift(by=3.0)))
    assert lifted.values == {"by": 3.0}
    assert pickle.loads(pickle.dumps(Copies())) == Copies()


@pytest.mark.parametrize("thing", ["kalman_filter", kalman_filter, kalman_filter.bound()])
def test_a_task_is_named_in_many_ways(thing: Any) -> None:
    assert as_declared(thing).declared is kalman_filter


def test_a_plain_function_is_a_task_too() -> None:
    def half(value: float) -> float:
        return value / 2

    assert isinstance(as_declared(half), Configured)
    assert as_declared(f"{__name__}:celsius").declared is celsius
    assert as_declared(Copies()).name == "copies"


@pytest.mark.parametrize("thing", [3, int, None])
def test_what_is_no_task_is_refused(thing: Any) -> None:
    with pytest.raises(ConfigError, match="is no task"):
        as_declared(thing)


def test_the_decorator_takes_a_name_and_nothing_else() -> None:
    wrong: Any = 3
    with pytest.raises(ConfigError, match="takes a name, not 3"):
        task(wrong, compiled=True)


def test_trying_out_shows_records_and_what_became_of_the_others() -> None:
    values = [{"value": 8.0}, {"value": 4.0}, {"value": 0.0}, {"value": -1.0}, {"value": None}]
    assert judge.try_out(values) == [
        {"value": 6.0},
        Fail("ValueError: four"),
        Skip("quiet"),
        Fail("broken"),
        Fail("`value` is null"),
    ]
    assert warm.try_out([{"t": "3"}, {"t": "5"}], value="t") == [Skip("too cold"), {"t": "5"}]
    records = [{"source": "a", "room": 1}, {"source": None, "room": 1}]
    assert name.try_out(records)[0]["name"] == "a/1"
    said = remember.try_out([{"k": "a", "value": 1.0}, {"k": "a", "value": 2.0}], key="k")
    assert [one["said"] for one in said] == ["1", "1 2"]
    assert Copies.declared.try_out([{"n": 2}, {"n": 3}, {"n": 1}]) == [  # type: ignore[attr-defined]
        {"n": 2, "copy": 0},
        {"n": 2, "copy": 1},
        {"n": 1, "copy": 0},
    ]


def test_the_first_port_is_the_first_that_is_needed() -> None:
    assert first_port({"a": Port(optional=True), "b": Port()}) == "b"
    assert first_port({"a": Port(optional=True)}) == "a"
    assert first_port({}) is None


@task("opened")
@dataclass(frozen=True)
class Opened(Task):
    """Keeps what it opened to itself."""

    size: int = 3

    def spec(self) -> Spec:
        return Spec()

    def open(self) -> None:
        object.__setattr__(self, "loaded", lambda: None)

    def apply(self, rows: Rows, state: State | None) -> Answer:
        return Answer({})


def test_what_a_task_opened_does_not_travel() -> None:
    one = Opened(4)
    one.open()
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    assert not hasattr(again, "loaded")
