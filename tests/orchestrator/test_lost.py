"""Attempts that are nowhere are told from those that wait for their commit."""

from raymill.flow.pool import Key
from raymill.flow.workflow import Workflow
from raymill.orchestrator import decide
from raymill.orchestrator.clock import Clock
from raymill.orchestrator.live import Live
from raymill.orchestrator.lost import Lost
from raymill.orchestrator.turn import new_run


def begun() -> Live:
    """A run whose first step is under way."""
    flow = Workflow("one", str)
    live = Live(new_run(flow, b"1", Clock(), "place", id="r"), flow)
    live.take(decide.begin(live, 100.0))
    return live


KEY = Key("r", "str", -1, 1)


def test_an_attempt_that_is_nowhere_at_two_looks_is_lost_once_all_is_written() -> None:
    lost, lives = Lost(), [begun()]
    lost.given = 3
    assert lost.again(lives, set()) == []
    lost.heard = 2
    assert lost.again(lives, set()) == []
    lost.given, lost.heard = 5, 3
    assert lost.again(lives, set()) == []
    assert lost.again(lives, set()) == [KEY]


def test_one_that_waits_for_something_is_not_lost_and_is_looked_at_anew() -> None:
    lost, lives = Lost(), [begun()]
    assert lost.again(lives, set()) == []
    assert lost.again(lives, {KEY}) == []
    assert lost.again(lives, set()) == []
    assert lost.again(lives, set()) == [KEY]


def test_a_run_that_is_paused_has_lost_nothing() -> None:
    lost, live = Lost(), begun()
    live.row = live.row._replace(status="paused")
    assert [lost.again([live], set()) for _ in range(3)] == [[], [], []]
