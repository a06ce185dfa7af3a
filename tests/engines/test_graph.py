"""Which nodes may run side by side, and which look a key up."""

from typing import Any

import pytest
from tests.conformance.tasks import add_all, add_up, halfway, same, tally, warm

from raymill.engines.graph import Phases, key_roots
from raymill.flow import task
from raymill.flow.pipeline import Stream, read
from raymill.flow.plan import Plan, plan
from raymill.testing import TestingSource

RECORDS: list[dict[str, Any]] = [{"key": "a", "room": 1, "value": 1.0}]
START = read(RECORDS)


def planned(*ends: Stream) -> Plan:
    pipeline = ends[0].write([])
    for end in ends[1:]:
        pipeline = pipeline + end.write([])
    return plan(pipeline, TestingSource(RECORDS))


def phases(made: Plan) -> tuple[list[str], list[str], list[str]]:
    found = Phases(made)
    return tuple([node.label for node in part] for part in (found.head, found.body, found.tail))  # type: ignore[return-value]


def test_what_comes_before_and_behind_all_states_may_run_anywhere() -> None:
    made = planned(
        START.then(warm)
        .then(halfway, key="key")
        .then(same)
        .then(add_up, key="room")
        .select("value")
        .then(warm)
    )
    assert phases(made) == (["warm"], ["halfway", "same", "add_up"], ["select", "warm_2"])


def test_a_branch_without_state_is_ahead_of_the_states_of_others() -> None:
    smooth = START.then(halfway, key="key", as_="smooth")
    made = planned(smooth.join(START.then(warm).then(same)))
    assert phases(made) == (["warm", "same"], ["halfway"], ["join"])


def test_without_states_all_is_ahead() -> None:
    assert phases(planned(START.then(warm).select("value"))) == (["warm", "select"], [], [])


def test_tables_are_kept_for_later_nodes_and_for_sinks() -> None:
    made = planned(START.then(warm), START.then(halfway, key="key"))
    found = Phases(made)
    labels = [made.nodes[number].label for number in sorted(found.needed(found.body))]
    assert labels == ["read", "warm", "halfway"]


def roots(made: Plan) -> dict[str, str]:
    found = key_roots(made)
    return {made.nodes[n].label: made.nodes[root].label for n, (root, _) in found.items()}


def test_slots_travel_along_a_chain_with_one_key() -> None:
    made = planned(
        START.then(halfway, key="key").then(warm).then(add_up, key="room").then(tally, key="key")
    )
    assert roots(made) == {"halfway": "halfway", "add_up": "add_up", "tally": "halfway"}


def test_branches_look_a_key_up_for_themselves() -> None:
    made = planned(START.then(halfway, key="key"), START.then(add_up, key="key"))
    assert roots(made) == {"halfway": "halfway", "add_up": "add_up"}


def test_behind_a_union_a_key_is_looked_up_anew() -> None:
    both = START.then(halfway, key="key").union(START.then(warm))
    assert roots(planned(both.then(tally, key="key"))) == {"halfway": "halfway", "tally": "tally"}


@task
def rename(key: str) -> str:
    """Another key."""
    return f"{key}{key}"


@pytest.mark.parametrize("as_", ["key", "other"])
def test_a_key_that_is_replaced_is_looked_up_anew(as_: str) -> None:
    made = planned(START.then(halfway, key="key").then(rename, as_=as_).then(tally, key="key"))
    assert roots(made)["tally"] == ("tally" if as_ == "key" else "halfway")


def test_places() -> None:
    made = planned(START.then(warm).then(halfway, key="key").then(add_all).then(halfway))
    assert made.places() == {
        "warm": "anywhere",
        "halfway": "group",
        "add_all": "one",
        "halfway_2": "one",  # a state and no key: one state
    }
