"""The loop round a step: compiled and plain Python give the same, also where a record fails."""

from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from raymill.errors import ConfigError, PipelineError
from raymill.flow import Hash, Out, Skip, Time, task
from raymill.flow.loop import compiled, plain, source
from raymill.flow.step import Record, Step, state_row
from raymill.testing import check_task, outcome

VALUES = [0.0, 1.0, 2.0, 3.0, -1.0, 5e-324, 2.0**53, 1.7976931348623157e308, 7.0]
RECORDS: list[dict[str, Any]] = [
    {"key": "ab"[n % 2], "value": value, "n": n, "t": n * 1000} for n, value in enumerate(VALUES)
]


@task(compiled=True)
def reciprocal(value: float) -> float:
    """Fails for 0."""
    return 1.0 / value


@dataclass
class Ring:
    last: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    n: int = 0


@task(compiled=True, state=Ring)
def look_up(s: Ring, value: float) -> float:
    """Fails where the index is wrong."""
    found = s.last[int(value)] if value < 9 else 0.0
    s.last[s.n % 2] = value
    s.n += 1
    return found


@dataclass
class Text:
    text: str = ""


class Two(NamedTuple):
    whole: int
    is_big: bool


@task(compiled=True)
def two(n: int, h: Hash, t: Time) -> Two:
    """Integers, hashes, times."""
    return Two(n + t // 1000, h % 2 == 1)


@task(compiled=True, skip="odd")
def even(n: int) -> int | None:
    """Without a state, None is a skip."""
    return n if n % 2 == 0 else None


@task(compiled=True, missing=True)
def known(value: float | None) -> float | None:
    """None is a null cell."""
    if value is None or value > 5.0 or value != value:
        return None
    return value


@task(compiled=True)
def ahead(
    value: float, steps: Annotated[NDArray[np.float64], Out("horizon")], *, horizon: int = 2
) -> float:
    """Fills a list."""
    for h in range(horizon):
        steps[h] = value + h
    return value


@pytest.mark.parametrize(
    "one", [reciprocal, look_up, two, even, known, ahead], ids=lambda one: one.name
)
def test_plain_and_compiled_are_one(one: Any) -> None:
    given = {"h": "key", "t": "t"} if one is two else {}
    check_task(one, RECORDS, **given)


def reasons(one: Any, **given: Any) -> list[tuple[Any, ...]]:
    return outcome(lambda s: s.then(one, **given), RECORDS).failed


def test_a_division_by_zero_fails_its_record_alone() -> None:
    found = outcome(lambda s: s.then(reciprocal), RECORDS)
    assert [(line, reason) for _, _, reason, line in found.failed] == [
        (1, "the task raised an error")
    ]
    # 1 / 5e-324 overflows to infinity, which is an answer
    assert [row["value"] for row in found.records] == [
        value.hex()
        for value in (1.0, 0.5, 1 / 3, -1.0, float("inf"), 2.0**-53, 1 / VALUES[7], 1 / 7)
    ]


def test_a_wrong_index_fails_its_record_alone() -> None:
    # 0, 1, -1 and 5e-324 (cut to 0) are places of the ring; 2, 3 and 7 are none
    assert [failure[3] for failure in reasons(look_up, key="key")] == [3, 4, 9]


def test_values_of_each_kind() -> None:
    found = outcome(lambda s: s.then(two, h="key"), RECORDS).records
    assert [row["whole"] for row in found] == [2 * n for n in range(len(VALUES))]
    assert all(row["is_big"] for row in found[::2])  # XXH64 of "a" is d24ec4f1a98c6e5b, odd


def test_none_is_a_skip_or_a_null() -> None:
    assert [
        row["value"] for row in even.try_out([{"n": n} for n in range(3)]) if row != Skip("odd")
    ]
    found = known.try_out([{"value": 1.0}, {"value": 9.0}, {"value": None}])
    assert [row["value"] for row in found] == [1.0, None, None]


def test_a_list_of_fixed_length() -> None:
    (found,) = ahead.try_out([{"value": 1.0}], horizon=3)
    assert found == {"value": 1.0, "steps": [1.0, 2.0, 3.0]}


def test_results_are_stored_first_and_the_code_last() -> None:
    lines = [line.strip() for line in source(two).splitlines()]
    at = lines.index("code[i] = 0")
    assert lines[at - 2 : at + 2] == [
        "out0[i] = result[0]",
        "out1[i] = result[1]",
        "code[i] = 0",
        "except Exception:",
    ]
    assert lines[at + 2] == "code[i] = 253"  # and nothing but the code


def test_a_step_of_a_closure_is_compiled_in_memory() -> None:
    by = 3.0

    @task(compiled=True)
    def times(value: float) -> float:
        return value * by

    assert [row["value"] for row in times.try_out([{"value": 2.0}])] == [6.0]
    assert compiled(times) is compiled(times)


@task(compiled=True)
def untyped(value: float) -> float:
    """Adds a number and a text."""
    return value + "x"  # type: ignore[operator, no-any-return]


def test_what_cannot_be_compiled_is_an_error_of_the_plan() -> None:
    with pytest.raises(PipelineError, match="Task `untyped` cannot be compiled") as refused:
        untyped.lift().open()
    assert "test_loop.py:" in str(refused.value.hint)


def test_state_fields_have_fixed_types() -> None:
    row = state_row(Ring())
    assert row.dtype.names == ("last", "n")
    record = Record(row[0])
    record.n = 4
    assert (record.n, type(record.n)) == (4, int)
    with pytest.raises(ConfigError, match="`text` holds str"):
        state_row(Text())
    with pytest.raises(ConfigError, match="is no dataclass"):
        state_row({"a": 1})


def test_the_plain_loop_is_python() -> None:
    step = reciprocal.lift()
    assert isinstance(step, Step)
    out, code = np.zeros(2), np.zeros(2, np.uint8)
    plain(reciprocal)(2, None, None, (np.array([0.0, 4.0]),), (), (out,), code)
    assert code.tolist() == [253, 0]
    assert out[1] == 0.25
