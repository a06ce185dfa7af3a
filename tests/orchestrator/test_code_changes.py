"""Runs whose code has changed: they stop with all that they began, and go on when asked to."""

from collections.abc import Callable
from typing import Any

import pytest

from raymill.errors import ConfigError
from raymill.flow.places import among
from raymill.flow.workflow import Question, Step, Workflow
from raymill.orchestrator.decide import given_up
from raymill.orchestrator.live import Live

from .driven import Driven


def a(*values: Any) -> Any:
    return values


def flow(version: str, *steps: Step) -> Workflow:
    return Workflow("w", *steps, version=version)


A, B, X = Step(a, name="a"), Step(a, name="b", after=("a",)), Step(a, name="x", after=("a",))


def failed_at_b(*, each: str | None = None) -> Driven:
    """A run that has done `a` and failed at `b`, taken up nowhere."""
    old = flow("1", A, Step(a, name="b", each=each, after=() if each else ("a",)))
    d = Driven(old).open()
    d.submit(old)
    d.tell("a", "done", [1, 2, 3])
    if each:
        d.tell_item("b", 1, "done", "kept")
        d.tell_item("b", 0, "error")
    else:
        d.tell("b", "error", retry=False)
    assert d.status() == "failed"
    d.orchestrator.close()
    return d


def again(d: Driven, new: Workflow) -> Driven:
    """Another process has the new code, and the run is taken up."""
    other = Driven(new, memory=d.memory).open()
    other.send(("retry", "r", {}))
    return other


def test_a_step_that_was_put_before_the_failed_one_runs_first() -> None:
    d = again(failed_at_b(), flow("2", A, X, Step(a, name="b", after=("x",))))
    assert d.begun() == ["x#1"]
    d.tell("x", "done", 7)
    assert d.begun() == ["x#1", "b#2"]
    assert d.pool.begun[-1].arguments == (b"7",)
    d.tell("b", "done", 8)
    assert d.status() == "completed"


def test_a_restart_in_between_changes_nothing() -> None:
    new = flow("2", A, X, Step(a, name="b", after=("x",)))
    d = again(failed_at_b(), new)
    after = Driven(new, memory=d.memory).open()
    assert after.begun() == ["x#2"]
    after.tell("x", "done", 7)
    assert after.begun() == ["x#2", "b#2"]


def test_items_that_are_done_stay_so_also_behind_a_step_that_was_put_before_them() -> None:
    new = flow("2", A, X, Step(a, name="b", each="a", after=("x",)), Step(a, name="c"))
    d = again(failed_at_b(each="a"), new)
    assert d.begun() == ["x#1"]
    d.tell("x", "done", 7)
    assert d.begun() == ["x#1", "b/0#2", "b/2#2"]
    d.tell_item("b", 0, "done", 5)
    d.tell_item("b", 2, "done", 6)
    assert d.pool.begun[-1].arguments == ((b"5", b'"kept"', b"6"),)
    d.tell("c", "done", 9)
    assert d.status() == "completed"


@pytest.mark.parametrize(
    ("steps", "begun"),
    [
        ([A], []),  # the failed step is gone: nothing is left to do
        ([A, Step(a, name="b", each="a", after=())], ["b/0#1", "b/1#1", "b/2#1"]),
        ([A, Step(a, name="b", each="input", after=("a",))], ["b/0#1"]),
        ([A, Step(a, name="c", after=("a",))], ["c#1"]),
    ],
)
def test_a_step_that_failed_may_be_any_other_one_now(steps: list[Step], begun: list[str]) -> None:
    new = flow("2", *steps)
    old = failed_at_b()
    old.memory.runs["r"] = old.memory.runs["r"]._replace(input=b"[1]")
    d = again(old, new)
    assert d.begun() == begun
    assert d.status() == ("running" if begun else "completed")


def test_a_step_waits_for_a_list_that_is_taken_up_again_though_it_did_not_before() -> None:
    old = flow(
        "1",
        A,
        Step(a, name="b", each="a"),
        Step(Question("Go on?"), name="c", after=("a",)),
    )
    d = Driven(old).open()
    d.submit(old)
    d.tell("a", "done", [1, 2])
    d.tell_item("b", 0, "done", 5)
    d.tell_item("b", 1, "error")
    assert d.rows()["c#1"] == "cancelled"
    d.orchestrator.close()
    d = again(d, flow("2", A, Step(a, name="b", each="a"), Step(a, name="c", after=("b",))))
    assert d.begun() == ["b/1#2"]
    d.tell_item("b", 1, "done", 6)
    assert d.begun() == ["b/1#2", "c#2"]
    assert d.pool.begun[-1].arguments == ((b"5", b"6"),)


def test_what_failed_and_has_to_wait_is_not_taken_for_done_by_the_next_orchestrator() -> None:
    old = flow("1", A, Step(a, name="b", each="a"))
    d = Driven(old).open()
    d.submit(old)
    d.tell("a", "done", [1, 2])
    d.tell_item("b", 0, "done", 5)
    d.tell_item("b", 1, "error")
    d.orchestrator.close()
    new = flow("2", A, X, Step(a, name="b", each="a", after=("x",)), Step(a, name="c"))
    d = again(d, new)
    assert d.begun() == ["x#1"]
    d.orchestrator.close()
    after = Driven(new, memory=d.memory).open()
    after.tell("x", "done", 7)
    assert after.begun() == ["x#2", "b/1#2"]
    after.tell_item("b", 1, "done", 6)
    assert after.pool.begun[-1].arguments == ((b"5", b"6"),)


def test_a_list_that_became_a_single_step_begins_as_one() -> None:
    d = again(failed_at_b(each="a"), flow("2", A, B, Step(a, name="c")))
    assert d.begun() == ["b#1"]
    d.tell("b", "done", 5)
    assert d.begun() == ["b#1", "c#1"]
    assert d.pool.begun[-1].arguments == (b"5",)


def test_a_list_that_grew_goes_on_with_its_new_items() -> None:
    new = flow("2", A, Step(a, name="b", each="input", after=()))
    old = failed_at_b(each="a")
    old.memory.runs["r"] = old.memory.runs["r"]._replace(input=b"[1,2,3,4]")
    assert again(old, new).begun() == ["b/0#2", "b/2#2", "b/3#1"]


def test_a_list_that_is_none_any_more_fails_the_run_with_the_reason() -> None:
    new = flow("2", A, Step(a, name="b", each="input", after=()))
    d = again(failed_at_b(), new)
    assert d.status() == "failed"
    assert d.error()["message"] == "`input` gave NoneType, and the step goes over a list"


def test_a_failed_step_that_became_a_question_is_asked() -> None:
    d = again(failed_at_b(), flow("2", A, Step(Question("Go on?"), name="b", after=("a",))))
    assert d.rows() == {"a#1": "done", "b#2": "asked"}
    d.send(("answer", "r", {"step": "b", "item": -1, "value": 5}))
    assert d.status() == "completed"


def test_a_retry_that_cannot_be_is_noted_in_the_run() -> None:
    def find(place: str) -> Workflow:
        raise ConfigError("the file is gone")

    d = Driven(find=find, memory=failed_at_b().memory).open()
    d.send(("retry", "r", {}))
    assert d.status() == "failed"
    assert d.events()[-1] == ("refused", "retry: the file is gone")


CHILD = Workflow("b", Step(a, name="c", after=()), version="1")
WITH_CHILD = flow("1", A, Step(CHILD, name="b", after=("a",)))


@pytest.mark.parametrize(
    "new",
    [
        flow("2", A, Step(CHILD, name="b", after=("a",))),
        flow("2", A, Step(a, name="b", after=("a",))),
        flow("2", A),
        None,
    ],
    ids=["as it was", "no child", "gone", "not there"],
)
def test_a_run_that_stops_since_its_code_changed_stops_its_children(new: Workflow | None) -> None:
    d = Driven(WITH_CHILD).open()
    d.submit(WITH_CHILD)
    d.tell("a", "done", 1)
    assert (d.status("r.b"), d.rows("r.b")) == ("running", {"c#1": "begun"})
    d.orchestrator.close()

    def find(place: str) -> Workflow:
        return CHILD if place == "w#b" else among(*([new] if new else []))(place)

    other = Driven(find=find, memory=d.memory).open()
    assert (other.status(), other.error()["type"]) == (
        "failed",
        "CodeChanged" if new else "UnknownName",
    )
    assert (other.status("r.b"), other.rows("r.b")) == ("cancelled", {"c#1": "cancelled"})
    assert other.rows() == {"a#1": "done", "b#1": "cancelled"}
    assert other.begun() == []


def test_a_child_that_fails_as_soon_as_it_is_taken_up_fails_its_parent() -> None:
    child = Workflow("b", Step(a, name="c", each="input", after=()), version="1")
    whole = flow("1", A, Step(child, name="b", after=("a",)))
    d = Driven(whole).open()
    d.submit(whole)
    d.tell("a", "done", [1])
    d.tell_item("c", 0, "error", retry=False)
    assert (d.status("r.b"), d.status()) == ("failed", "failed")
    d.orchestrator.close()
    d.memory.runs["r.b"] = d.memory.runs["r.b"]._replace(input=b"5")
    other = again(d, whole)
    assert (other.status("r.b"), other.status()) == ("failed", "failed")
    assert other.orchestrator._lives == {}


def test_a_run_about_which_nothing_can_be_decided_ends_with_all_that_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    d = Driven(WITH_CHILD).open()
    d.submit(WITH_CHILD)
    d.submit(WITH_CHILD, run="other")
    d.tell("a", "done", 1)

    def breaks(live: Live, *_: Any) -> Any:
        raise KeyError("nobody thought of it")

    monkeypatch.setattr("raymill.orchestrator.decide.requested", only_for("other", breaks))
    d.send(("pause", "other", {}), ("cancel", "other", {}))
    assert (d.status("other"), d.status("other.b"), d.status()) == ("failed", "failed", "running")
    assert "the run cannot go on: 'nobody thought of it'" in d.error("other")["message"]


def only_for(run: str, breaks: Callable[..., Any]) -> Callable[..., Any]:
    from raymill.orchestrator import decide

    usual = decide.requested
    return lambda live, *rest: (breaks if live.row.id.startswith(run) else usual)(live, *rest)


def test_a_run_whose_arguments_cannot_be_read_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def arguments(self: Live, name: str, item: int) -> Any:
        if self.row.id == "r":
            raise KeyError("x")
        return usual(self, name, item)

    usual = Live.arguments
    monkeypatch.setattr(Live, "arguments", arguments)
    one = flow("1", A)
    d = Driven(one).open()
    d.submit(one)
    d.submit(one, run="s")
    d.turn()
    assert (d.status("r"), d.status("s"), d.begun()) == ("failed", "running", ["a#1"])
    assert d.orchestrator.dispatch.in_hand() == {"under_way": 1, "permits": 1, "workers": 1}


def test_what_is_given_up_is_given_up_once() -> None:
    d = failed_at_b()
    live = Live(d.memory.runs["r"], flow("1", A, B), d.store.steps("r"))
    made = given_up(live, b"{}", 1.0)
    assert (made.run, made.steps, made.also) == (None, [], [])
