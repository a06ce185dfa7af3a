"""Workflows: how they are declared, tried out and told apart."""

import random
from typing import Any

import pytest

from raymill.errors import RaymillError, WorkflowError
from raymill.flow.pool import StepContext, StepFailed
from raymill.flow.workflow import INPUT, Limit, Retry, Step, Workflow, needs, step


def numbers(count: int) -> list[int]:
    return list(range(count))


def invert(number: int) -> float:
    return 1 / number


def total(found: list[Any]) -> float:
    return sum(value for value in found if not isinstance(value, StepFailed))


def test_a_step_takes_the_result_of_the_one_before() -> None:
    flow = Workflow("w", numbers, len)
    assert [(one.name, one.after) for one in flow.steps] == [
        ("numbers", (INPUT,)),
        ("len", ("numbers",)),
    ]
    assert flow.try_out(3) == 3


def test_a_fan_out_keeps_the_order_of_its_items() -> None:
    flow = Workflow("w", numbers, Step(lambda n: n * n, name="square", each="numbers"))
    assert flow.try_out(4) == [0, 1, 4, 9]


def test_a_failed_item_stands_in_its_place_where_that_is_allowed() -> None:
    flow = Workflow("w", numbers, Step(invert, each="numbers", allow_failed=True))
    assert flow.try_out(3) == [StepFailed("ZeroDivisionError", "division by zero"), 1.0, 0.5]
    assert Workflow("v", flow, total).try_out(3) == 1.5
    with pytest.raises(ZeroDivisionError):
        Workflow("w", numbers, Step(invert, each="numbers")).try_out(3)


def test_arguments_come_in_the_order_in_which_they_are_named() -> None:
    def join(item: int, whole: list[int], given: int) -> str:
        return f"{item} of {whole} from {given}"

    flow = Workflow("w", numbers, Step(join, each="numbers", after=("numbers", INPUT)))
    assert flow.try_out(2) == ["0 of [0, 1] from 2", "1 of [0, 1] from 2"]
    assert needs(flow.steps[1]) == ("numbers", "numbers", INPUT)


def test_a_context_comes_to_a_function_that_asks_for_it() -> None:
    def key(value: int, ctx: StepContext) -> str:
        ctx.save(value)
        ctx.check()
        return f"{ctx.idempotency_key} {ctx.attempt} {ctx.progress}"

    assert Workflow("w", key).try_out(5) == "run/key 1 5"
    assert StepContext("r", "s", 3).idempotency_key == "r/s/3"


def test_options_that_stand_on_a_function_hold_unless_the_step_says_otherwise() -> None:
    @step(retry=Retry(attempts=5), timeout_s=30, name="get")
    def fetch(name: str) -> str:
        return name.upper()

    assert fetch("a") == "A"
    (one,) = Workflow("w", fetch).steps
    assert (one.name, one.retry.attempts, one.timeout_s) == ("get", 5, 30)
    (one,) = Workflow("w", Step(fetch, timeout_s=1)).steps
    assert (one.retry.attempts, one.timeout_s) == (5, 1)


def test_the_wait_doubles_up_to_the_most() -> None:
    retry = Retry(attempts=9, first_s=1, factor=2, most_s=10)
    assert [retry.limit_s(n) for n in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert retry.limit_s(100_000) == 10


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (lambda: Workflow("w"), "has no steps", "at least one"),
        (lambda: Workflow("w", numbers, numbers), "two steps `numbers`", "another name"),
        (lambda: Workflow("w", numbers, Step(len, each="nmbers")), "`nmbers`", "`numbers`"),
        (lambda: Retry(attempts=0), "cannot be", "at least 1"),
        (lambda: Limit("sec", rate=0), "lets nothing pass", "above 0"),
        (lambda: step(retries=3), "`retries`", "`retry`"),
    ],
)
def test_a_wrong_declaration_is_refused(make: Any, message: str, hint: str) -> None:
    with pytest.raises(RaymillError, match=message) as caught:
        make()
    assert hint in (caught.value.hint or "")


def test_a_step_cannot_take_no_time() -> None:
    with pytest.raises(WorkflowError, match="cannot take 0 s"):
        Step(numbers, name="numbers", timeout_s=0)


def version(body: str, **given: Any) -> str:
    import linecache

    name = f"<v{random.random()}>"
    linecache.cache[name] = (len(body), None, body.splitlines(True), name)
    space: dict[str, Any] = {}
    exec(compile(body, name, "exec"), space)
    return Workflow("w", space["f"], **given).version


def test_the_version_changes_with_the_code_and_not_with_comments() -> None:
    plain = version("def f(a):\n    return a + 1\n")
    assert version('def f(a):\n    "Add one."\n    return a + 1  # one\n') == plain
    assert version("def f(a):\n    return a + 2\n") != plain
    assert version("def f(a):\n    return a + 2\n", version="7") == "7"
    assert Workflow("w", Step(numbers, name="a")).version != Workflow("w", numbers).version
