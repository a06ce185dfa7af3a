"""What each form of task and each node of a graph gives: the same on every engine, with 1, 2 and 4
workers. The expected records stand in cases.py."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance.cases import CASES
from tests.conformance.running import Whole, check, run_cases

from raymill.app.streams import Run, Started
from raymill.engines.job import run_job
from raymill.engines.run import Report
from raymill.testing import CrewRunner

Check = Callable[[str], None]
PYTHON = ["record function", "record function of a dict"]  # processes on the local engine
_done: dict[tuple[str, int, str], Whole] = {}


@pytest.fixture
def holds(engine: str, workers: int, go: Callable[..., Report]) -> Check:
    """Run a case, on Ray together with all others, and compare it with what is written down."""

    def check_case(name: str) -> None:
        alone = engine == "local" and name not in PYTHON
        names = [name] if alone else PYTHON if engine == "local" else list(CASES)
        place = (engine, workers, names[0])
        if place not in _done:
            _done[place] = run_cases(names, go, workers=workers)
        check(name, _done[place].cases[name])

    return check_case


def test_a_filter_passes_and_skips(holds: Check) -> None:
    holds("filter")


def test_numbers_are_read_from_text(holds: Check) -> None:
    holds("text")


def test_a_compiled_step_keeps_a_state_for_each_key(holds: Check) -> None:
    holds("recurrence")


def test_a_step_adds_several_columns(holds: Check) -> None:
    holds("tuple")


def test_windows_by_count(holds: Check) -> None:
    holds("count")


def test_windows_that_are_open_at_the_end_answer_when_told_to(holds: Check) -> None:
    holds("count and rest")


def test_sliding_windows(holds: Check) -> None:
    holds("sliding")


def test_windows_by_event_time_with_late_records(holds: Check) -> None:
    holds("time")


def test_none_or_several_records_for_one(holds: Check) -> None:
    holds("copies")


def test_one_state_for_all_records(holds: Check) -> None:
    holds("all")


def test_a_chain_of_steps_on_one_key(holds: Check) -> None:
    holds("one key")


def test_a_chain_of_steps_on_two_keys(holds: Check) -> None:
    holds("two keys")


def test_a_filter_between_two_steps_on_one_key(holds: Check) -> None:
    holds("filter between")


def test_branches_and_an_inner_join(holds: Check) -> None:
    holds("inner join")


def test_branches_and_a_left_join(holds: Check) -> None:
    holds("left join")


def test_branches_and_a_union_in_front_of_a_key(holds: Check) -> None:
    holds("union")


@pytest.mark.system
def test_record_functions_emit_skip_fail_and_raise(holds: Check) -> None:
    holds("record function")


def test_record_functions_with_a_state(holds: Check) -> None:
    holds("record function with state")


def test_record_functions_of_a_whole_record(holds: Check) -> None:
    holds("record function of a dict")


def test_keys_of_several_columns(holds: Check) -> None:
    holds("key of two columns")


def test_integer_keys(holds: Check) -> None:
    holds("integer key")


def test_chosen_columns_in_a_chosen_order(holds: Check) -> None:
    holds("select")


@pytest.fixture
def crew_of_members() -> Callable[..., Any]:
    """Several workers in this process, with the exchange of the engines that have several."""

    def make(*moves: int) -> Callable[..., Report]:
        return lambda pipeline, **how: run_job(CrewRunner(moves), Started(Run(pipeline, **how)).job)

    return make


@pytest.mark.parametrize("moves", [(), (1, 3, 2)], ids=["resting", "moving"])
@pytest.mark.parametrize("members", [1, 2, 3, 4])
def test_a_graph_of_all_cases_over_an_exchange(
    members: int, moves: tuple[int, ...], crew_of_members: Callable[..., Any]
) -> None:
    whole = run_cases(CASES, crew_of_members(*moves), workers=members)
    for name, found in whole.cases.items():
        check(name, found)


def test_every_case_has_its_test() -> None:
    tested = {name for name in globals() if name.startswith("test_")}
    assert len(tested) - 2 == len(CASES)
