"""The queue of attempts: priority, age, limits at once and by rate, what travels together."""

from raymill.flow.pool import Key
from raymill.flow.workflow import Limit
from raymill.orchestrator.ready import Ready


def key(name: str) -> Key:
    return Key("r", name, -1, 1)


def names(taken: tuple[list[Key], dict[str, float]]) -> str:
    return "".join(one.step for one in taken[0])


def test_the_highest_priority_goes_first_then_the_oldest() -> None:
    ready = Ready({})
    for name, priority in (("a", 0), ("b", 0), ("c", 3), ("d", -1), ("e", 3)):
        ready.put(key(name), priority, None, "s", 0.0)
    assert [names(ready.take(0.0, 1)) for _ in range(6)] == ["c", "e", "a", "b", "d", ""]
    assert len(ready) == 0


def test_short_steps_travel_together_in_fair_shares() -> None:
    ready = Ready({})
    ready.done(None, "short", 0.0001)
    ready.done(None, "long", 1.0)
    for name in "abcdef":
        ready.put(key(name), 0, None, "short", 0.0)
    ready.put(key("x"), 0, None, "long", 0.0)
    assert names(ready.take(0.0, 2)) == "abcd"
    assert names(ready.take(0.0, 1)) == "ef"
    assert names(ready.take(0.0, 1)) == "x"


def test_a_full_limit_holds_back_its_own_steps_alone() -> None:
    ready, two = Ready({}), Limit("two", at_once=2)
    for name in "abc":
        ready.put(key(name), 9, two, "s", 0.0)
    ready.put(key("x"), 0, None, "s", 0.0)
    assert [names(ready.take(0.0, 1)) for _ in range(4)] == ["a", "b", "x", ""]
    assert ready.opens(0.0) is None
    ready.done(two, "s", 1.0)
    assert names(ready.take(0.0, 1)) == "c"


def test_a_rate_grants_a_permit_each_interval_and_says_what_must_be_kept() -> None:
    ready, rate = Ready({}), Limit("sec", rate=4, per_s=1)
    for name in "abc":
        ready.put(key(name), 0, rate, "s", 10.0)
    assert ready.take(10.0, 1) == ([key("a")], {"sec": 10.25})
    assert ready.take(10.2, 1) == ([], {})
    assert ready.opens(10.2) == 10.25
    assert ready.take(10.25, 1) == ([key("b")], {"sec": 10.5})


def test_a_rate_holds_over_a_restart_and_a_clock_that_was_set_back() -> None:
    rate = Limit("sec", rate=4, per_s=1)
    again = Ready({"sec": 10.5})
    again.put(key("c"), 0, rate, "s", 10.3)
    assert again.take(10.3, 1) == ([], {})
    assert names(again.take(10.5, 1)) == "c"
    back = Ready({"sec": 10.5})
    back.put(key("c"), 0, rate, "s", -5000.0)
    assert back.opens(-5000.0) == -4999.75
