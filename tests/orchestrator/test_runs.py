"""Runs of workflows from their start to their end, with a real store and a real pool."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raymill import json
from raymill.app.workbench import Workbench, run_workflow
from raymill.errors import EngineUnavailable, RaymillError
from raymill.flow.places import workflow_at
from raymill.flow.pool import StepContext
from raymill.flow.workflow import INPUT, Limit, Question, Retry, Step, Workflow
from raymill.orchestrator.clock import Clock
from raymill.orchestrator.planned import to_message
from raymill.orchestrator.ready import Ready
from raymill.orchestrator.turn import Pace
from raymill.state.store import Changes, RunRow, ScheduleRow
from servers import on_each_store

SOON = Retry(attempts=3, first_s=0.001)


def numbers(count: int) -> list[int]:
    return list(range(count))


def invert(number: int) -> float:
    return 1 / number


def double(number: int) -> int:
    return 2 * number


class Flaky:
    """Fails as often as it is told, then gives what it got."""

    __name__ = "flaky"

    def __init__(self, failures: int, error: type[Exception] = OSError) -> None:
        self.failures, self.error = failures, error
        self.calls: list[Any] = []

    def __call__(self, value: Any) -> Any:
        self.calls.append(value)
        if len(self.calls) <= self.failures:
            raise self.error(f"failure {len(self.calls)}")
        return value


@pytest.fixture
def bench(tmp_path: Path, store_url: str) -> Iterator[Any]:
    made: list[Workbench] = []

    def make(*flows: Workflow, **how: Any) -> Workbench:
        made.append(Workbench(tmp_path / "store", *flows, url=store_url, **how))
        return made[-1]

    yield make
    for one in made:
        one.close()


def error_of(bench: Workbench, run: str) -> dict[str, Any]:
    row = bench.store.run(run)
    assert row is not None
    return dict(json.loads(row.error or b"{}"))


def status_of(bench: Workbench, run: str) -> str:
    row = bench.store.run(run)
    assert row is not None
    return row.status


def test_a_sequence_gives_the_result_of_its_last_step(tmp_path: Path) -> None:
    assert run_workflow(tmp_path, Workflow("w", double, numbers), 2, 0) == [
        [0, 1, 2, 3],
        [],
    ]


def test_a_fan_out_keeps_the_order_of_its_items_and_a_fan_in_gets_them_all(tmp_path: Path) -> None:
    def weigh(doubled: list[int], count: int) -> list[int]:
        return [count, *doubled]

    flow = Workflow(
        "w", numbers, Step(double, each="numbers"), Step(weigh, after=("double", INPUT))
    )
    assert run_workflow(tmp_path, flow, 40, 0, workers=4) == [[40, *range(0, 80, 2)], [0]]


def test_a_fan_out_over_a_fan_out_goes_item_by_item(tmp_path: Path) -> None:
    again = Step(double, name="again", each="double")
    flow = Workflow("w", numbers, Step(double, each="numbers"), again, sum)
    assert run_workflow(tmp_path, flow, 4) == [24]


@on_each_store
def test_a_child_workflow_runs_for_each_item(bench: Any) -> None:
    child = Workflow("child", double, Step(double, name="again"))
    flow = Workflow("w", numbers, Step(child, each="numbers"), sum)
    b = bench(flow)
    (run,) = b.start(flow, 4)
    b.run()
    assert b.output(run) == 24
    assert b.statuses(run) == {"numbers": "done", "child": ["done"] * 4, "sum": "done"}
    assert b.output(f"{run}.child.3") == 12


def test_the_priority_of_a_child_is_so_much_above_that_of_its_parent(bench: Any) -> None:
    flow = Workflow("w", Step(Workflow("child", double, priority=2)))
    b = bench(flow)
    usual, first = *b.start(flow, 1), *b.start(flow, 1, priority=5)
    b.run()
    assert [b.store.run(f"{run}.child").priority for run in (usual, first)] == [2, 7]


def test_a_list_is_needed_to_go_over(bench: Any) -> None:
    flow = Workflow("w", double, Step(invert, each="double"))
    b = bench(flow)
    (run,) = b.start(flow, 1)
    b.run()
    assert status_of(b, run) == "failed"
    assert error_of(b, run)["message"] == "`double` gave int, and the step goes over a list"


@on_each_store
def test_attempts_are_counted_and_the_result_is_recorded_once(bench: Any) -> None:
    flaky = Flaky(2)
    flow = Workflow("w", Step(flaky, retry=SOON))
    b = bench(flow)
    (run,) = b.start(flow, "x")
    b.run()
    assert b.output(run) == "x"
    (row,) = b.store.steps(run)
    assert (row.attempt, row.failures, row.losses) == (3, 2, 0)
    assert [(e.kind, e.attempt, e.detail) for e in b.store.events(run)] == [
        ("error", 1, "OSError: failure 1"),
        ("error", 2, "OSError: failure 2"),
    ]


@pytest.mark.parametrize(("on", "calls"), [((OSError,), 3), ((ValueError,), 1)])
def test_only_the_named_errors_are_tried_again(bench: Any, on: Any, calls: int) -> None:
    flaky = Flaky(9)
    flow = Workflow("w", Step(flaky, retry=Retry(attempts=3, on=on, first_s=0.001)), double)
    b = bench(flow)
    (run,) = b.start(flow, 1)
    b.run()
    assert len(flaky.calls) == calls
    assert status_of(b, run) == "failed"
    about = error_of(b, run)
    assert (about["type"], about["message"]) == ("OSError", f"failure {calls}")
    assert about["step"] == "flaky"
    assert b.statuses(run) == {"flaky": "dead"}


@on_each_store
def test_a_failed_item_does_not_stop_the_others_where_that_is_allowed(bench: Any) -> None:
    def count(found: list[Any]) -> list[str]:
        return [type(value).__name__ for value in found]

    flow = Workflow(
        "w",
        numbers,
        Step(invert, each="numbers", allow_failed=True),
        Step(double, each="invert", allow_failed=True),
        count,
    )
    b = bench(flow)
    (run,) = b.start(flow, 3)
    b.run()
    assert b.output(run) == ["StepFailed", "float", "float"]
    assert b.statuses(run)["double"] == ["dead", "done", "done"]


def test_a_failed_item_fails_the_run_otherwise(bench: Any) -> None:
    flow = Workflow("w", numbers, Step(invert, each="numbers"), sum)
    b = bench(flow)
    (run,) = b.start(flow, 3)
    b.run()
    assert status_of(b, run) == "failed"
    assert error_of(b, run)["item"] == 0


@on_each_store
def test_a_failed_run_is_taken_up_where_it_failed(bench: Any) -> None:
    first, second = Flaky(0), Flaky(1)
    second.__name__ = "second"  # type: ignore[misc]
    flow = Workflow("w", Step(first), Step(second, name="second"))
    b = bench(flow)
    (run,) = b.start(flow, 7)
    b.run()
    assert status_of(b, run) == "failed"
    b.store.send([("retry", run, b"{}")], 1.0)
    b.close()
    b = bench(flow)
    b.run()
    assert b.output(run) == 7
    assert (len(first.calls), len(second.calls)) == (1, 2)


def test_a_failed_child_fails_its_parent_and_is_taken_up_with_it(bench: Any) -> None:
    flaky = Flaky(1)
    flow = Workflow("w", numbers, Step(Workflow("child", Step(flaky)), each="numbers"), sum)
    b = bench(flow, workers=1)
    (run,) = b.start(flow, 3)
    b.run()
    assert status_of(b, run) == "failed"
    assert error_of(b, run)["type"] == "OSError"
    b.store.send([("retry", run, b"{}")], 1.0)
    b.close()
    b = bench(flow)
    b.run()
    assert b.output(run) == 3


@on_each_store
def test_a_submission_that_comes_twice_runs_once(bench: Any) -> None:
    flaky = Flaky(0)
    flow = Workflow("w", Step(flaky))
    b = bench(flow)
    body = json.dumps({"workflow": "w", "place": "w", "input": 5, "priority": None})
    b.store.send([("submit", "r1", body), ("submit", "r1", body)], 1.0)
    b.run()
    b.store.send([("submit", "r1", body)], 2.0)
    b.close()
    b = bench(flow)
    b.run()
    assert b.output("r1") == 5
    assert flaky.calls == [5]
    assert list(b.store.inbox()) == []


def test_a_submission_of_an_unknown_workflow_fails_with_a_hint(bench: Any) -> None:
    b = bench(Workflow("greet", double))
    body = json.dumps({"workflow": "gret", "place": "gret", "input": 5, "priority": None})
    b.store.send([("submit", "r1", body)], 1.0)
    b.run()
    assert status_of(b, "r1") == "failed"
    assert "did you mean `greet`?" in error_of(b, "r1")["hint"]


def test_a_run_whose_code_changed_stops_with_a_clear_error(bench: Any) -> None:
    blocked = threading.Event()
    begun = threading.Event()

    def wait(value: int) -> int:
        begun.set()
        blocked.wait(30)
        return value

    old = Workflow("w", wait, version="1")
    b = bench(old)
    (run,) = b.start(old, 5)
    thread = threading.Thread(target=b.run)
    thread.start()
    assert begun.wait(30)
    b.orchestrator.stop()
    thread.join()
    blocked.set()
    new = Workflow("w", Step(double, name="wait"), version="2")
    b = bench(new)
    b.run()
    about = error_of(b, run)
    assert about["type"] == "CodeChanged"
    assert about["message"].startswith("workflow `w` is of version 2, the run was started with 1")
    b.store.send([("retry", run, b"{}")], 1.0)
    b = bench(new)
    b.run()
    assert b.output(run) == 10


@on_each_store
def test_progress_is_given_back_to_the_next_attempt(bench: Any) -> None:
    seen: list[Any] = []

    def copy(count: int, ctx: StepContext) -> int:
        seen.append((ctx.attempt, ctx.progress))
        for number in range(ctx.progress or 0, count):
            ctx.save(number + 1)
            if number == 2 and ctx.attempt == 1:
                raise OSError("broke off")
        return count

    flow = Workflow("w", Step(copy, retry=SOON))
    b = bench(flow)
    (run,) = b.start(flow, 5)
    b.run()
    assert b.output(run) == 5
    assert seen == [(1, None), (2, 3)]


@on_each_store
def test_a_large_output_is_kept_in_a_file_and_given_on(bench: Any) -> None:
    def text(length: int) -> str:
        return "x" * length

    flow = Workflow("w", text, len, Step(text, name="again"))
    b = bench(flow)
    (run,) = b.start(flow, 100_000)
    b.run()
    assert b.output(run) == "x" * 100_000
    rows = {row.step: row.output for row in b.store.steps(run)}
    assert rows["text"][:1] == b"@"
    assert rows["len"] == b"100000"
    assert b.store.run(run).output == rows["again"]


def test_what_has_priority_goes_first(bench: Any) -> None:
    calls: list[int] = []
    flow = Workflow("w", Step(calls.append, name="note"))
    b = bench(flow, workers=1)
    for value, priority in ((0, 0), (1, 0), (2, 5), (3, 0), (4, 9)):
        b.start(flow, value, priority=priority)
    b.run()
    assert calls == [4, 2, 0, 1, 3]


@on_each_store
def test_no_more_steps_go_on_at_once_than_their_limit_says(bench: Any) -> None:
    lock, going, most = threading.Lock(), [0], [0]

    def count(value: int) -> int:
        with lock:
            going[0] += 1
            most[0] = max(most[0], going[0])
        threading.Event().wait(0.002)
        with lock:
            going[0] -= 1
        return value

    limited = Step(count, each="numbers", limit=Limit("two", at_once=2))
    flow = Workflow("w", numbers, limited, sum)
    b = bench(flow, workers=6)
    runs = b.start(flow, 6, 6)
    b.run()
    assert [b.output(run) for run in runs] == [15, 15]
    assert most == [2]


def test_a_run_that_takes_too_long_fails(bench: Any) -> None:
    def wait(value: int, ctx: StepContext) -> int:
        while True:
            ctx.check()
            threading.Event().wait(0.002)

    flow = Workflow("w", wait, timeout_s=0.05)
    b = bench(flow)
    (run,) = b.start(flow, 1)
    b.run()
    assert status_of(b, run) == "failed"
    assert error_of(b, run)["message"] == "the run took longer than 0.05 s"


@on_each_store
def test_a_run_is_cancelled_with_its_children(bench: Any) -> None:
    begun = threading.Event()

    def wait(value: int, ctx: StepContext) -> int:
        begun.set()
        while True:
            ctx.check()
            threading.Event().wait(0.002)

    flow = Workflow("w", Workflow("child", wait), double)
    b = bench(flow)
    (run,) = b.start(flow, 1)
    thread = threading.Thread(target=b.run)
    thread.start()
    assert begun.wait(30)
    b.orchestrator.request(run, "cancel")
    thread.join(30)
    assert not thread.is_alive()
    assert status_of(b, run) == "cancelled"
    assert status_of(b, f"{run}.child") == "cancelled"
    assert b.statuses(run) == {"child": "cancelled"}


@on_each_store
def test_a_paused_run_begins_no_step_until_it_is_resumed(bench: Any) -> None:
    paused = threading.Event()
    calls = Flaky(0)

    def first(value: int) -> int:
        b.orchestrator.request(run, "pause")
        paused.set()
        return value

    flow = Workflow("w", first, Step(calls))
    b = bench(flow)
    (run,) = b.start(flow, 1)
    b.run()  # ends, since nothing goes on
    assert status_of(b, run) == "paused"
    assert calls.calls == []
    b.store.send([("resume", run, b"{}")], 1.0)
    b.close()
    b = bench(flow)
    b.run()
    assert b.output(run) == 1
    assert calls.calls == [1]


FILE = """
import os, time
from raymill import Retry, Step, Workflow, step

def numbers(count):
    return list(range(count))

def hang(number, ctx):
    with open("attempts", "a") as file:
        file.write(f"{number} {ctx.attempt}\\n")
    if number == 1 and ctx.attempt == 1:
        time.sleep(60)
    if number == 2 and ctx.attempt == 1:
        os.kill(os.getpid(), 9)
    ctx.save(number)
    return number * 10

flow = Workflow("w", numbers,
                Step(hang, each="numbers", timeout_s=6.0, retry=Retry(attempts=2, first_s=0.01)))
"""


@pytest.mark.system
def test_a_step_over_its_time_is_killed_counted_and_tried_again_and_its_neighbours_are_not(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("timed.py").write_text(FILE)
    place = f"{tmp_path}/timed.py:flow"
    flow = workflow_at(place)
    b = bench(workers=1, find=workflow_at)
    (run,) = b.start(flow, 4, place=place)
    b.run()
    assert b.output(run) == [0, 10, 20, 30]
    rows = {row.item: row for row in b.store.steps(run) if row.item >= 0}
    counted = [(rows[n].attempt, rows[n].failures, rows[n].losses) for n in range(4)]
    assert counted == [(1, 0, 0), (2, 1, 0), (2, 0, 1), (1, 0, 0)]
    assert sorted(Path("attempts").read_text().splitlines()) == [
        *("0 1", "1 1", "1 2", "2 1", "2 2", "3 1")
    ]
    assert sorted((e.kind, e.item) for e in b.store.events(run)) == [("lost", 2), ("timeout", 1)]


@on_each_store
def test_a_second_orchestrator_on_a_folder_runs_nothing(bench: Any) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(value: int) -> int:
        begun.set()
        go_on.wait(30)
        return value

    flow = Workflow("w", wait)
    first = bench(flow)
    (run,) = first.start(flow, 1)
    thread = threading.Thread(target=first.run)
    thread.start()
    assert begun.wait(30)
    second = bench(flow)
    assert second.store.acquire("a command line", 5, second.clock.now(), lambda owner: True) is None
    assert status_of(second, run) == "running"
    go_on.set()
    thread.join(30)
    assert first.output(run) == 1
    (row,) = first.store.steps(run)
    assert row.attempt == 1


def test_the_orchestrator_says_when_the_journal_cannot_be_written(bench: Any) -> None:
    flow = Workflow("w", double)
    b = bench(flow, pace=Pace(inbox_s=0.01, idle_s=None))
    b.store._journal.connection.execute("PRAGMA max_page_count=24")
    b.start(flow, *range(3000))
    with pytest.raises(RaymillError, match="No space left"):
        b.run()


def exits(value: int) -> int:
    raise SystemExit(3)


def no_json(value: int) -> object:
    return object()


@pytest.mark.parametrize(("function", "kind"), [(exits, "SystemExit"), (no_json, "TypeError")])
def test_a_step_that_breaks_the_rules_fails_and_its_worker_goes_on(
    bench: Any, function: Any, kind: str
) -> None:
    flow, good = Workflow("w", function), Workflow("good", double)
    b = bench(flow, good, workers=1)
    (run,) = b.start(flow, 1)
    (other,) = b.start(good, 1)
    b.run()
    assert error_of(b, run)["type"] == kind
    assert b.output(other) == 2


def test_a_run_whose_code_is_gone_fails_when_it_is_taken_up(bench: Any) -> None:
    begun, blocked = threading.Event(), threading.Event()

    def wait(value: int) -> int:
        begun.set()
        blocked.wait(30)
        return value

    flow = Workflow("gone", wait)
    b = bench(flow)
    (run,) = b.start(flow, 1)
    thread = threading.Thread(target=b.run)
    thread.start()
    assert begun.wait(30)
    b.orchestrator.stop()
    thread.join(30)
    blocked.set()
    b = bench(Workflow("other", double))
    b.run()
    assert status_of(b, run) == "failed"
    assert error_of(b, run)["message"] == "Unknown workflow `gone`"


def test_a_lost_output_fails_its_run_alone(bench: Any) -> None:
    def large(count: int) -> list[str]:
        return ["x" * 40_000] * count

    def lose(found: list[str]) -> int:
        for path in b.artifacts.folder.rglob("*"):
            if path.is_file():
                path.write_bytes(b"[]")
        return len(found)

    flow = Workflow("w", large, lose, Step(max, name="again", after=("large", "lose")))
    other = Workflow("other", double)
    b = bench(flow, other, workers=1)
    runs = b.start(flow, 2)
    runs += b.start(other, 4)
    b.run()
    assert status_of(b, runs[0]) == "failed"
    assert "is damaged: its hash does not match" in error_of(b, runs[0])["message"]
    assert b.output(runs[1]) == 8


@on_each_store
def test_the_sweeper_takes_up_a_run_that_nobody_has(bench: Any) -> None:
    def forget(value: int) -> int:
        row = b.store.run(runs[0])
        lost = row._replace(id="forgotten", input=b"7", workflow="w", place="other")
        lost = lost._replace(version=other.version)
        b.store.commit(1, b.clock.now(), 5, Changes([lost]))
        taken_up.wait(30)
        return value

    def note(value: int) -> int:
        taken_up.set()
        return 2 * value

    taken_up = threading.Event()
    flow, other = Workflow("w", forget), Workflow("other", note)
    b = bench(flow, other, pace=Pace(inbox_s=0.01, sweep_s=0.02, idle_s=0.0))
    runs = b.start(flow, 1)
    b.run()
    assert b.output("forgotten") == 14
    assert b.output(runs[0]) == 1


def test_the_sweeper_takes_up_a_step_that_fell_out_of_the_queue(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, dropped = Ready.put, []

    def drop_once(self: Ready, key: Any, *rest: Any) -> None:
        if key.step == "double" and not dropped:
            dropped.append(key)
        else:
            put(self, key, *rest)

    monkeypatch.setattr(Ready, "put", drop_once)
    flow = Workflow("w", abs, double)
    b = bench(flow, pace=Pace(inbox_s=0.01, sweep_s=0.02, idle_s=0.0))
    (run,) = b.start(flow, -3)
    b.run()
    assert dropped
    assert b.output(run) == 6


# Questions


def pay(answer: str, bill: int) -> str:
    return f"{answer} {bill}"


def payment(**how: Any) -> Workflow:
    asks = Step(Question("Pay it?", ("yes", "no")), name="approve", **how)
    return Workflow("payment", double, asks, Step(pay, after=("approve", "double")))


def answer(bench: Workbench, run: str, value: Any, step: str = "approve") -> None:
    body = json.dumps({"step": step, "item": -1, "value": value})
    bench.store.send([("answer", run, body)], 1.0)


def test_a_question_waits_without_a_process_and_its_answer_goes_on(bench: Any) -> None:
    flow = payment()
    b = bench(flow)
    (run,) = b.start(flow, 4)
    b.run()  # leaves, as nothing but a person is waited for
    assert b.statuses(run) == {"double": "done", "approve": "asked"}
    answer(b, run, "maybe")
    b = bench(flow)
    b.run()
    assert b.statuses(run)["approve"] == "asked"
    answer(b, run, "yes")
    answer(b, run, "no")
    b = bench(flow)
    b.run()
    assert b.output(run) == "yes 8"
    assert [(e.kind, e.step) for e in b.store.events(run)] == [
        ("refused", "approve"),
        ("answered", "approve"),
        ("unasked", "approve"),
    ]


def test_a_question_that_nobody_answers_in_time_fails_the_run(bench: Any) -> None:
    flow = payment(timeout_s=0.05)
    b = bench(flow, pace=Pace(inbox_s=0.01, idle_s=0.2))
    (run,) = b.start(flow, 4)
    b.run()
    assert status_of(b, run) == "failed"
    assert error_of(b, run)["message"] == "nobody answered within 0.05 s"
    b.store.send([("retry", run, b"{}")], 1.0)
    answer(b, run, "no")
    b = bench(flow)
    b.run()
    assert b.output(run) == "no 8"


def test_a_cancelled_question_takes_no_answer(bench: Any) -> None:
    flow = payment()
    b = bench(flow)
    (run,) = b.start(flow, 4)
    b.run()
    b.store.send([("cancel", run, b"{}")], 1.0)
    answer(b, run, "yes")
    b = bench(flow)
    b.run()
    assert status_of(b, run) == "cancelled"
    assert b.statuses(run) == {"double": "done", "approve": "cancelled"}


# Endless steps


def test_an_endless_step_goes_on_after_errors_until_it_returns(bench: Any) -> None:
    seen: list[int] = []

    def listen(ctx: StepContext) -> int:
        count = (ctx.progress or 0) + 1
        ctx.save(count)
        seen.append(ctx.attempt)
        if count < 30:
            raise OSError("dropped")
        return count

    soon = Retry(attempts=1, first_s=0.001, most_s=0.002)
    flow = Workflow("w", Step(listen, endless=True, retry=soon), double)
    b = bench(flow)
    (run,) = b.start(flow, None)
    b.run()
    assert b.output(run) == 60
    assert seen == list(range(1, 31))


def test_endless_steps_take_no_place_of_others_and_end_when_they_are_cancelled(bench: Any) -> None:
    listening = [threading.Event() for _ in range(3)]
    over: list[int] = []

    def listen(number: int, ctx: StepContext) -> None:
        listening[number].set()
        try:
            while True:
                ctx.wait(0.01)
        finally:
            over.append(number)

    endless = Workflow("endless", Step(listen, endless=True))
    short = Workflow("short", double)
    b = bench(endless, short, workers=1)
    runs = b.start(endless, 0, 1, 2)
    thread = threading.Thread(target=b.run)
    thread.start()
    assert all(event.wait(30) for event in listening)
    (other,) = b.start(short, 21)
    while (row := b.store.run(other)) is None or row.status == "running":
        thread.join(0.01)
    assert b.output(other) == 42
    for run in runs:
        b.orchestrator.request(run, "cancel")
    thread.join(30)
    assert sorted(over) == [0, 1, 2]
    assert [status_of(b, run) for run in runs] == ["cancelled"] * 3


def test_an_async_step_is_awaited_and_cancelled_where_it_waits(bench: Any) -> None:
    import asyncio

    waiting = threading.Event()

    async def nap(value: int) -> int:
        waiting.set()
        await asyncio.sleep(60 * value)
        return 7

    flow = Workflow("w", nap)
    b = bench(flow, workers=2)
    quick, long = b.start(flow, 0, 1)
    thread = threading.Thread(target=b.run)
    thread.start()
    assert waiting.wait(30)
    b.orchestrator.request(long, "cancel")
    thread.join(30)
    assert b.output(quick) == 7
    assert status_of(b, long) == "cancelled"


# What must not take others down


def test_a_message_that_cannot_be_read_is_a_failed_run_and_the_others_go_on(bench: Any) -> None:
    flow = Workflow("w", double)
    b = bench(flow)
    good = json.dumps({"workflow": "w", "place": "w", "input": 5, "priority": None})
    huge = json.dumps({"workflow": "w", "place": "w", "input": 5, "priority": 1 << 40})
    bad = [b"{", b"[]", b'{"place":1}', huge]
    b.store.send([("submit", f"bad{n}", body) for n, body in enumerate(bad)], 1.0)
    b.store.send([("answer", "bad0", b"{"), ("dance", "bad0", b"{}"), ("submit", "r", good)], 1.0)
    b.run()
    assert b.output("r") == 10
    assert [status_of(b, f"bad{n}") for n in range(4)] == ["failed"] * 4
    assert "is no whole number of 32 bits" in error_of(b, "bad3")["message"]


def test_an_engine_that_is_not_there_fails_the_run_with_a_hint(bench: Any) -> None:
    def missing() -> Any:
        raise EngineUnavailable("Engine `x` is not installed", hint="pip install x")

    flow = Workflow("w", double)
    b = bench(flow, others={"x": missing})
    (run,) = b.start(flow, 5, engine="x")
    (other,) = b.start(flow, 5)
    b.run()
    assert b.output(other) == 10
    assert error_of(b, run)["hint"] == "pip install x"


def test_items_that_may_fail_stay_as_they_are_once_their_list_has_been_used(bench: Any) -> None:
    flaky = Flaky(1)
    flow = Workflow("w", numbers, Step(invert, each="numbers", allow_failed=True), len, Step(flaky))
    b = bench(flow)
    (run,) = b.start(flow, 3)
    b.run()
    assert status_of(b, run) == "failed"
    b.store.send([("retry", run, b"{}")], 1.0)
    b = bench(flow)
    b.run()
    assert b.output(run) == 3
    assert b.statuses(run)["invert"] == ["dead", "done", "done"]


def test_a_child_of_a_paused_run_begins_nothing(bench: Any) -> None:
    calls: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def wait(count: int) -> list[int]:
        begun.set()
        go.wait(30)
        return list(range(count))

    child = Workflow("child", Step(calls.append, name="note"))
    flow = Workflow("w", wait, Step(child, each="wait"))
    b = bench(flow)
    (run,) = b.start(flow, 3)
    thread = threading.Thread(target=b.run)
    thread.start()
    assert begun.wait(30)
    b.orchestrator.request(run, "pause")
    while status_of(b, run) != "paused":
        thread.join(0.01)
    go.set()
    thread.join(30)
    assert calls == []
    assert [status_of(b, f"{run}.child.{n}") for n in range(3)] == ["paused"] * 3
    b.store.send([("resume", run, b"{}")], 1.0)
    b = bench(flow)
    b.run()
    assert sorted(calls) == [0, 1, 2]


# Schedules


def test_runs_of_a_schedule_begin_by_themselves_and_never_twice(bench: Any) -> None:
    flow = Workflow("w", double)
    created = 1_767_225_600.0  # 2026-01-01
    clock = From(created + 125.0)
    row = ScheduleRow(
        *("tick", "w", "w", b"21", "", 60.0, "UTC", "all", 0, "local", "active"),
        *(created, created + 60.0, None),
    )
    b = bench(flow, clock=clock)
    body = json.dumps({"action": "add", "row": to_message(row)})
    b.store.send([("schedule", "tick", body)], 1.0)

    def ended(one: RunRow) -> None:
        if one.id == "tick@2026-01-01T00:02:00Z":
            b.orchestrator.stop()

    b.orchestrator.ended = ended
    b.run()
    assert [row.id for row in b.store.runs()] == [
        "tick@2026-01-01T00:02:00Z",
        "tick@2026-01-01T00:01:00Z",
    ]
    assert b.output("tick@2026-01-01T00:01:00Z") == 42
    assert [one.next for one in b.store.schedules()] == [created + 180.0]


class From(Clock):
    """A clock that goes on from a time that a test names."""

    def __init__(self, time: float) -> None:
        super().__init__(1)
        self._from = time - super().now()

    def now(self) -> float:
        return super().now() + self._from
