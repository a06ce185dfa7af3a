"""Decisions as tables: a run, what happened, what comes of it. Nothing runs here."""

from typing import Any

import pytest

from raymill import json
from raymill.flow.pool import Key, Result
from raymill.flow.workflow import Retry, Step, Workflow
from raymill.orchestrator import decide
from raymill.orchestrator.clock import Clock
from raymill.orchestrator.live import Decision, Live
from raymill.orchestrator.turn import new_run

RETRY = Retry(attempts=3, first_s=1, factor=2, losses=2)


def a(value: Any) -> Any:
    return value


FLOW = Workflow("w", Step(a, retry=RETRY), Step(a, name="b"))
FAN = Workflow("f", a, Step(a, name="each", each="a", allow_failed=True), Step(a, name="end"))


def live(flow: Workflow = FLOW, value: Any = 1) -> Live:
    row = new_run(flow, json.dumps(value), Clock(1), flow.name, id="r")
    made = Live(row._replace(created=100.0), flow)
    made.take(decide.begin(made, 100.0))
    return made


def result(step: str, outcome: Any, item: int = -1, attempt: int = 1, **given: Any) -> Result:
    return Result(Key("r", step, item, attempt), outcome, **given)


def steps(made: Decision) -> list[tuple[Any, ...]]:
    return [(row.step, row.item, row.status, row.attempt) for row in made.steps]


def test_a_run_begins_with_its_first_step_and_is_written_with_it() -> None:
    fresh = Live(new_run(FLOW, b"1", Clock(1), "w", id="r"), FLOW)
    made = decide.begin(fresh, 100.0)
    assert made.run is not None
    assert steps(made) == [("a", -1, "begun", 1)]
    assert made.ready == [Key("r", "a", -1, 1)]
    assert fresh.steps == {}


def test_a_result_and_the_intent_of_the_next_step_are_one_decision() -> None:
    made = decide.ended(live(), result("a", "done", output=b"5"), 101.0, 0.0)
    assert steps(made) == [("a", -1, "done", 1), ("b", -1, "begun", 1)]
    assert made.run is None


def test_the_last_result_closes_the_run() -> None:
    run = live()
    run.take(decide.ended(run, result("a", "done", output=b"5"), 101.0, 0.0))
    made = decide.ended(run, result("b", "done", output=b"6"), 102.0, 0.0)
    assert made.run is not None
    assert (made.run.status, made.run.output, made.run.ended) == ("completed", b"6", 102.0)


@pytest.mark.parametrize(
    ("before", "outcome", "retry", "expected"),
    [
        # failures and losses so far -> status, failures, losses, wait at chance 0.5
        ((0, 0), "error", True, ("waiting", 1, 0, 0.5)),
        ((1, 0), "error", True, ("waiting", 2, 0, 1.0)),
        ((2, 0), "error", True, ("dead", 3, 0, None)),
        ((0, 0), "error", False, ("dead", 1, 0, None)),
        ((0, 0), "timeout", True, ("waiting", 1, 0, 0.5)),
        ((2, 0), "lost", True, ("waiting", 2, 1, 0.5)),
        ((0, 1), "lost", True, ("dead", 0, 2, None)),
    ],
)
def test_what_a_failed_attempt_leads_to(
    before: tuple[int, int], outcome: str, retry: bool, expected: tuple[Any, ...]
) -> None:
    run = live()
    row = run.steps["a", -1]._replace(failures=before[0], losses=before[1])
    run.take(Decision(steps=[row]))
    made = decide.ended(run, result("a", outcome, error=b'{"type":"E"}', retry=retry), 200.0, 0.5)
    row = made.steps[0]
    wait = made.timers[0][0] - 200.0 if made.timers else None
    assert (row.status, row.failures, row.losses, wait) == expected
    assert row.attempt == (2 if wait else 1)
    assert (made.run.status if made.run else None) == (None if wait else "failed")


@pytest.mark.parametrize(
    ("on", "status"),
    [((Exception,), "waiting"), ((TimeoutError,), "waiting"), ((ValueError,), "dead")],
)
def test_a_step_that_took_too_long_is_tried_again_where_its_retry_is_for_that(
    on: Any, status: str
) -> None:
    run = live(Workflow("w", Step(a, retry=Retry(attempts=9, on=on))))
    run.take(decide.begin(run, 100.0))
    made = decide.ended(run, result("a", "timeout", error=b'{"type":"E"}', retry=True), 200.0, 0.5)
    assert made.steps[0].status == status


@pytest.mark.parametrize(("asked_s", "wait_s"), [(3600.0, 3600.0), (0.2, 0.5), (None, 0.5)])
def test_an_attempt_comes_no_sooner_than_its_error_asks_for(
    asked_s: float | None, wait_s: float
) -> None:
    error = json.dumps({"type": "SourceError", "wait_s": asked_s})
    run = live()
    made = decide.ended(run, result("a", "error", error=error, retry=True), 200.0, 0.5)
    assert (made.steps[0].status, made.steps[0].due) == ("waiting", 200.0 + wait_s)


MEMORY, GONE = (json.dumps({"type": kind}) for kind in ("OutOfMemory", "WorkerLost"))


@pytest.mark.parametrize(
    ("errors", "status"),
    [
        ((MEMORY,), "waiting"),
        ((MEMORY, MEMORY), "dead"),
        ((MEMORY, GONE, MEMORY), "waiting"),
        ((GONE, MEMORY, MEMORY), "dead"),
    ],
)
def test_a_step_that_twice_in_a_row_takes_all_memory_is_dead(errors: Any, status: str) -> None:
    run = live(Workflow("w", Step(a, retry=Retry(losses=9))))
    run.take(decide.begin(run, 100.0))
    for attempt, error in enumerate(errors, start=1):
        run.take(decide.ended(run, result("a", "lost", attempt=attempt, error=error), 101.0, 0.0))
    row = run.steps["a", -1]
    assert (row.status, row.losses, row.error) == (status, len(errors), errors[-1])


@pytest.mark.parametrize("outcome", ["done", "error", "timeout", "lost"])
def test_a_late_result_is_fenced_and_changes_nothing(outcome: str) -> None:
    run = live()
    run.take(decide.ended(run, result("a", "error", error=b"{}", retry=True), 200.0, 0.5))
    late = decide.ended(run, result("a", outcome, output=b"9"), 201.0, 0.5)
    assert (late.steps, late.ready, late.run) == ([], [], None)
    assert [(event.kind, event.attempt, event.detail) for event in late.events] == [
        ("fenced", 1, outcome)
    ]


def test_an_attempt_that_never_began_is_not_counted() -> None:
    made = decide.ended(live(), result("a", "unstarted"), 101.0, 0.0)
    (row,) = made.steps
    assert (row.status, row.attempt, row.failures, row.losses) == ("begun", 2, 0, 0)
    assert made.ready == [Key("r", "a", -1, 2)]


def test_a_step_waits_for_the_last_item_whatever_the_order() -> None:
    run = live(FAN)
    run.take(decide.ended(run, result("a", "done", output=b"[1,2,3]"), 101.0, 0.0))
    assert sorted(key for key in run.steps if key[0] == "each") == [("each", n) for n in range(3)]
    for item, outcome in ((2, "done"), (0, "error")):
        given = {"output": b"7"} if outcome == "done" else {"error": b'{"type":"E"}'}
        made = decide.ended(run, result("each", outcome, item, **given), 102.0, 0.0)
        assert [row.step for row in made.steps] == ["each"]
        run.take(made)
    made = decide.ended(run, result("each", "done", 1, output=b"8"), 103.0, 0.0)
    run.take(made)
    assert steps(made) == [("each", 1, "done", 1), ("end", -1, "begun", 1)]
    assert run.arguments("end", -1) == ((b'!{"type":"E"}', b"8", b"7"),)


def test_a_new_orchestrator_begins_what_was_under_way_once_more() -> None:
    run = live()
    made = decide.recovered(run, 300.0)
    assert steps(made) == [("a", -1, "begun", 2)]
    assert made.steps[0].losses == 1
    assert made.ready == [Key("r", "a", -1, 2)]
    run.take(made)
    made = decide.recovered(run, 301.0)  # it may have waited in a queue both times
    assert steps(made) == [("a", -1, "begun", 3)]
    run.take(made)
    lost = Result(Key("r", "a", -1, 3), "lost", error=b'{"type":"WorkerLost","message":"gone"}')
    made = decide.ended(run, lost, 302.0, 0.5)  # this one is sure, and one more than is allowed
    assert steps(made) == [("a", -1, "dead", 3)]
    assert made.run is not None
    assert json.loads(made.run.error or b"")["type"] == "WorkerLost"


def test_a_new_orchestrator_keeps_to_the_wait_of_a_step_whatever_the_clock() -> None:
    run = live()
    run.take(decide.ended(run, result("a", "error", error=b"{}", retry=True), 200.0, 0.5))
    assert decide.recovered(run, 200.25).timers == [(200.5, Key("r", "a", -1, 2))]
    back = decide.recovered(run, -9000.0)  # the clock was set back
    assert back.timers == [(-9000.0 + RETRY.most_s, Key("r", "a", -1, 2))]


def test_an_attempt_whose_wait_is_over_is_written_as_begun() -> None:
    run = live()
    run.take(decide.ended(run, result("a", "error", error=b"{}", retry=True), 200.0, 0.5))
    made = decide.due(run, run.steps["a", -1])
    assert steps(made) == [("a", -1, "begun", 2)]
    assert made.ready == [Key("r", "a", -1, 2)]
    run.take(made)
    assert steps(decide.due(run, run.steps["a", -1])) == []
    assert steps(decide.recovered(run, 200.0)) == [("a", -1, "begun", 3)]


@pytest.mark.parametrize(
    ("kind", "status", "becomes"),
    [
        ("cancel", "running", "cancelled"),
        ("cancel", "paused", "cancelled"),
        ("cancel", "completed", None),
        ("pause", "running", "paused"),
        ("pause", "paused", None),
        ("resume", "paused", "running"),
        ("resume", "running", None),
        ("retry", "failed", "running"),
        ("retry", "cancelled", "running"),
        ("retry", "running", None),
        ("retry", "completed", None),
    ],
)
def test_what_a_request_does(kind: str, status: str, becomes: str | None) -> None:
    run = live()
    run.take(Decision(run=run.row._replace(status=status)))
    made = decide.requested(run, kind, 400.0)
    assert (made.run.status if made.run else None) == becomes
    assert [event.kind for event in made.events] == ([kind] if becomes else [])
