"""Turns of the loop one by one: what is begun, written and told, and in which order."""

from typing import Any

import pytest

from raymill.flow.workflow import Limit, Retry, Step, Workflow

from .driven import Driven

RETRY = Retry(attempts=3, first_s=1, factor=2, losses=9)


def a(value: Any) -> Any:
    return value


FLOW = Workflow("w", Step(a, retry=RETRY), Step(a, name="b"), version="1")
RATED = Workflow("rated", Step(a, limit=Limit("sec", rate=4)), version="1")
PARENT = Workflow(
    "parent", a, Step(Workflow("child", a, Step(a, name="c"), version="1"), each="a"), version="1"
)


def test_an_attempt_begins_once_its_number_is_on_the_disk() -> None:
    d = Driven(FLOW).open()
    d.submit(FLOW)
    assert d.begun() == ["a#1"]
    d.writer.is_held_back = True
    d.tell("a", "error")  # the wait before the next attempt is over at once
    d.turn()
    assert d.begun() == ["a#1"]
    assert d.rows() == {"a#1": "begun"}
    d.writer.commit()
    d.turn()
    d.writer.commit()
    d.turn()
    assert d.begun() == ["a#1", "a#2"]
    assert d.rows() == {"a#2": "begun"}


def test_an_attempt_that_had_begun_gets_another_number_whatever_the_clock_says() -> None:
    d = Driven(FLOW).open()
    d.submit(FLOW)
    d.clock.drawn = 0.5
    d.tell("a", "error")
    assert d.rows() == {"a#2": "waiting"}
    d.clock.time = 101.0
    d.turn()
    assert d.begun() == ["a#1", "a#2"]
    again = Driven(FLOW, memory=d.memory)
    again.clock.time = 50.0  # it was set back
    again.open()
    assert again.begun() == ["a#3"]


def test_a_commit_that_takes_long_is_no_reason_to_begin_a_step_again() -> None:
    d = Driven(FLOW, sweep_s=0.0).open()
    d.writer.is_held_back = True
    d.submit(FLOW)
    d.turn(10)  # and sweeps each time
    assert d.begun() == []
    d.writer.commit()
    d.turn(10)
    assert d.begun() == ["a#1"]
    assert d.orchestrator.dispatch.in_hand() == {"under_way": 1, "permits": 1, "workers": 1}


def test_who_may_have_lost_the_lease_takes_up_begins_and_reads_nothing() -> None:
    d = Driven(FLOW, sweep_s=0.0).open()
    d.submit(FLOW)
    other = Driven(FLOW, memory=d.memory).open()
    d.writer.holds, d.writer.is_held_back = False, True
    other.submit(FLOW, run="s")
    other.store.send([("cancel", "r", b"{}")], 100.0)
    d.tell("a", "done", 1)
    d.turn(5)
    assert d.begun() == ["a#1"]
    assert set(d.orchestrator._lives) == {"r"}
    assert [message.kind for message in d.messages()] == ["cancel"]


@pytest.mark.parametrize(("kind", "status"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_run_that_was_stopped_while_its_permit_was_written_begins_nothing(
    kind: str, status: str
) -> None:
    d = Driven(RATED).open()
    d.writer.is_held_back = True
    d.submit(RATED)
    d.writer.commit()
    d.turn()  # it could begin, but for its permit
    d.send((kind, "r", {}))
    d.writer.commit()
    d.turn()
    assert d.status() == status
    assert d.begun() == []
    assert d.orchestrator.dispatch.in_hand() == {}


def test_a_rate_holds_from_one_start_to_the_next_however_long_commits_take() -> None:
    d = Driven(RATED).open()
    d.writer.is_held_back = True
    d.submit(RATED, run="r")
    d.submit(RATED, run="s")
    d.writer.commit()
    d.turn()
    d.clock.time = 100.9  # so long it took to write the first permit
    d.writer.commit()
    d.turn()
    assert len(d.begun()) == 1
    d.clock.time = 101.1
    d.turn()
    assert len(d.begun()) == 1
    d.clock.time = 101.15
    d.turn()
    d.writer.commit()  # of the next block of permits
    d.turn()
    assert len(d.begun()) == 2


def test_a_parent_that_is_cancelled_and_taken_up_again_at_once_goes_on_with_its_children() -> None:
    d = Driven(PARENT).open()
    d.submit(PARENT, [1, 2])
    d.tell("a", "done", [1, 2])
    assert d.status("r.child.1") == "running"
    d.send(("cancel", "r", {}), ("retry", "r", {}))
    assert [d.status(run) for run in ("r", "r.child.0", "r.child.1")] == ["running"] * 3
    assert d.rows() == {"a#1": "done", "child/0#2": "begun", "child/1#2": "begun"}


def test_after_a_commit_that_failed_nothing_is_swept() -> None:
    d = Driven(FLOW, sweep_s=0.0).open()
    d.submit(FLOW)
    other = Driven(FLOW, memory=d.memory).open()
    other.submit(FLOW, run="s")
    d.orchestrator._fail(OSError("no space"))
    assert not d.orchestrator.turn(0.0)
    assert set(d.orchestrator._lives) == {"r"}


def test_a_run_that_ends_twice_before_the_disk_has_heard_of_it_ends_once_more() -> None:
    d = Driven(FLOW, sweep_s=0.0).open()
    d.submit(FLOW)
    d.writer.is_held_back = True
    for kind in ("cancel", "retry", "cancel"):
        d.send((kind, "r", {}))
    ends = len(d.writer.waiting)
    assert ends == 3
    for _ in range(ends):
        d.writer.commit(1)
        d.turn(5)  # and sweeps, while the disk says that it goes on
        assert d.orchestrator._lives == {}
    assert d.status() == "cancelled"
    assert d.begun() == ["a#1"]
