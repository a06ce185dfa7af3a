"""The queue of attempts: priority, age, limits at once and by rate, what travels together."""

from raymill.flow.pool import Key
from raymill.flow.workflow import Limit
from raymill.orchestrator.ready import Ready, Waiting


def key(name: str) -> Key:
    return Key("r", name, -1, 1)


def names(taken: tuple[list[Waiting], dict[str, float]]) -> str:
    return "".join(one.key.step for one in taken[0])


def granted(taken: tuple[list[Waiting], dict[str, float]]) -> tuple[str, dict[str, float]]:
    return names(taken), taken[1]


def a_short_step(ready: Ready) -> None:
    ready.put(key("0"), "local", 0, None, "short", 0.0)
    (waited,), _ = ready.take(0.0, "local", 1)
    ready.done(waited, 0.0001)


def test_the_highest_priority_goes_first_then_the_oldest() -> None:
    ready = Ready({})
    for name, priority in (("a", 0), ("b", 0), ("c", 3), ("d", -1), ("e", 3)):
        ready.put(key(name), "local", priority, None, "s", 0.0)
    assert [names(ready.take(0.0, "local", 1)) for _ in range(6)] == ["c", "e", "a", "b", "d", ""]
    assert len(ready) == 0


def test_short_steps_travel_together_in_fair_shares() -> None:
    ready = Ready({})
    a_short_step(ready)
    for name in "abcdef":
        ready.put(key(name), "local", 0, None, "short", 0.0)
    ready.put(key("x"), "local", 0, None, "long", 0.0)
    assert names(ready.take(0.0, "local", 2)) == "abcd"
    assert names(ready.take(0.0, "local", 1)) == "ef"
    assert names(ready.take(0.0, "local", 1)) == "x"


def test_a_full_limit_holds_back_its_own_steps_alone() -> None:
    ready, two = Ready({}), Limit("two", at_once=2)
    for name in "abc":
        ready.put(key(name), "local", 9, two, "s", 0.0)
    ready.put(key("x"), "local", 0, None, "s", 0.0)
    (first,), _ = ready.take(0.0, "local", 1)
    assert first.key == key("a")
    assert [names(ready.take(0.0, "local", 1)) for _ in range(3)] == ["b", "x", ""]
    assert ready.opens(0.0, ["local"]) is None
    ready.done(first, 1.0)
    assert names(ready.take(0.0, "local", 1)) == "c"


def test_a_rate_grants_a_permit_each_interval_out_of_what_is_reserved() -> None:
    ready, rate = Ready({}), Limit("sec", rate=4, per_s=1)
    for name in "abcdefgh":
        ready.put(key(name), "local", 0, rate, "s", 10.0)
    assert granted(ready.take(10.0, "local", 1)) == ("", {"sec": 11.25})
    assert ready.take(10.0, "local", 1) == ([], {})  # it is on its way to the disk
    assert ready.opens(10.0, ["local"]) is None
    ready.reserve({"sec": 11.25})
    assert granted(ready.take(10.1, "local", 1)) == ("a", {})
    assert ready.take(10.3, "local", 1) == ([], {})
    assert ready.opens(10.3, ["local"]) == 10.35
    assert [names(ready.take(time, "local", 1)) for time in (10.35, 10.6, 10.85)] == ["b", "c", "d"]
    assert granted(ready.take(11.1, "local", 1)) == ("", {"sec": 12.35})


def test_what_has_a_rate_begins_at_once_and_not_behind_other_steps() -> None:
    ready, rate = Ready({}), Limit("sec", rate=1000, per_s=1)
    a_short_step(ready)
    for name, limit in (("a", None), ("b", None), ("c", rate), ("d", None)):
        ready.put(key(name), "local", 0, limit, "short", 0.0)
    ready.reserve({"sec": 5.0})
    assert [names(ready.take(0.0, "local", 1)) for _ in range(3)] == ["ab", "cd", ""]


def test_a_rate_holds_over_a_restart_and_a_clock_that_was_set_back() -> None:
    rate = Limit("sec", rate=4, per_s=1)
    again = Ready({"sec": 10.5})
    again.put(key("c"), "local", 0, rate, "s", 10.3)
    assert again.take(10.3, "local", 1) == ([], {})
    assert granted(again.take(10.5, "local", 1)) == ("", {"sec": 11.75})
    for now in (-5000.0, 8.0):  # so far ahead it was reserved, or the clock was set back
        back = Ready({"sec": 10.5})
        back.put(key("c"), "local", 0, rate, "s", now)
        assert back.opens(now, ["local"]) == now + 0.25


def test_a_limit_holds_over_all_pools_and_each_pool_gets_its_own_steps() -> None:
    ready, one = Ready({}), Limit("one", at_once=1)
    for name, pool in (("a", "local"), ("b", "ray")):
        ready.put(key(name), pool, 0, one, "s", 0.0)
    ready.put(key("c"), "ray", 0, None, "s", 0.0)
    assert ready.pools() == ["local", "ray"]
    (first,), _ = ready.take(0.0, "local", 1)
    assert first.key == key("a")
    assert [names(ready.take(0.0, "ray", 1)) for _ in range(2)] == ["c", ""]
    ready.done(first, 1.0)
    assert names(ready.take(0.0, "ray", 1)) == "b"


def test_what_waits_for_a_pool_that_is_not_there_is_given_up() -> None:
    ready = Ready({})
    for name, pool in (("a", "local"), ("b", "ray"), ("c", "ray")):
        ready.put(key(name), pool, 0, None, "s", 0.0)
    assert [waited.key.step for waited in ready.drop("ray")] == ["b", "c"]
    assert ready.pools() == ["local"]
    assert len(ready) == 1
