"""Whatever a message holds, it is answered or passed over, and those behind it are heard."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from raymill import json
from raymill.flow.workflow import Question, Step, Workflow
from raymill.orchestrator.intake import PRIORITIES
from raymill.state.store import ENDED

from .driven import Driven


def a(*values: Any) -> Any:
    return values


FLOW = Workflow("w", Step(a, name="a"), Step(Question("Go on?"), name="q"), version="1")
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), 1 << 63)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
NUMBERS = st.sampled_from([-1, 0, 1, 60.0, 1e300, float("-inf"), "60", None, True, [], {}])
TEXTS = st.sampled_from(
    ["", "w", "nightly", "* * * * *", "0 0 30 2 *", "UTC", "a\0b", "é", 5, None]
)
ROW = st.tuples(
    *(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, NUMBERS, TEXTS),
    *(st.sampled_from(["none", "all", 1]), NUMBERS, TEXTS),
    *(st.sampled_from(["active", "paused", 2]), NUMBERS, NUMBERS, NUMBERS),
).map(list)
BODIES = {
    "submit": st.fixed_dictionaries(
        {},
        optional={
            "workflow": TEXTS | VALUES,
            "place": st.sampled_from(["w", "w#a", "w#", "nowhere:at", ""]) | VALUES,
            "version": st.sampled_from(["1", "2", None]) | VALUES,
            "input": VALUES,
            "priority": VALUES,
            "engine": st.sampled_from(["local", "nothing"]) | VALUES,
        },
    ),
    "answer": st.fixed_dictionaries(
        {}, optional={"step": st.sampled_from(["a", "q", "z"]), "item": NUMBERS, "value": VALUES}
    ),
    "schedule": st.fixed_dictionaries(
        {},
        optional={
            "action": st.sampled_from(["add", "pause", "resume", "rm", "fly", 1]),
            "row": ROW | VALUES,
        },
    ),
}
MESSAGES = st.one_of(
    *(
        st.tuples(st.just(kind), st.sampled_from(["r", "s", "nightly", ""]), body | VALUES)
        for kind, body in BODIES.items()
    ),
    st.tuples(st.sampled_from(["cancel", "pause", "retry", "resume", "", "é"]), TEXTS, VALUES).map(
        lambda found: (found[0], str(found[1]), found[2])
    ),
)
CRON = ["nightly", "w", "w", "1", 5, 0, "UTC", "one", 0, "local", "active", 1.0, 1.0, None]
OTHER = ["another", "w", "w", "1", "", 60, "UTC", "one", 0, "local", "active", 1.0, 1e9, None]


@given(st.lists(MESSAGES, max_size=6))
@example([("schedule", "nightly", {"action": "add", "row": CRON})])
@example([("schedule", "nightly", {"action": "add", "row": OTHER})])
@example([("submit", "s", {"place": "nowhere", "priority": "high"})])
def test_any_message_is_answered_or_passed_over(messages: list[tuple[str, str, Any]]) -> None:
    d = Driven(FLOW).open()
    d.submit(FLOW)
    d.send(*messages)
    d.send(("submit", "good", {"workflow": "w", "place": "w", "input": 1}))
    d.turn()
    assert d.messages() == []
    assert d.status("good") == "running"
    for row in d.store.runs():
        assert row.status in (*ENDED, "running", "paused")
        assert type(row.priority) is int
        assert row.priority in PRIORITIES
        assert all(type(text) is str for text in (row.workflow, row.place, row.engine))
        assert all(type(event.item) is int for event in d.store.events(row.id))
        assert all(abs(event.item) < 1 << 31 for event in d.store.events(row.id))
    assert all(name == row.name for name, row in d.memory.schedules.items())


@given(st.binary(max_size=20))
def test_a_body_that_is_no_json_is_passed_over(body: bytes) -> None:
    d = Driven(FLOW).open()
    d.store.send([(kind, "s", body) for kind in ("submit", "answer", "schedule", "cancel")], 1.0)
    d.submit(FLOW)
    assert d.messages() == []
    assert d.status() == "running"
    assert d.store.run("s") is None or json.loads(d.store.run("s").error or b"null")
