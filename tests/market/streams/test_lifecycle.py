"""When a stream connects, gives up, waits and changes over: decisions, as tables."""

from dataclasses import replace

import pytest

from raymill.market.streams.lifecycle import (
    Decision,
    Line,
    Link,
    Policy,
    State,
    decide,
    state_of,
)

POLICY = Policy()
HOUR = 3600.0
LIVE = Link(Line(0.0, 100.0, usual_s=1.0, ready=True), was_live=True)


def test_it_begins_with_a_try_and_waits_for_it() -> None:
    assert decide(Link(), 5.0, POLICY).do == "dial"
    assert decide(Link().dials(), 5.0, POLICY) == Decision("wait", float("inf"))


def test_tries_that_fail_wait_longer_and_longer() -> None:
    link, now, waits = Link(), 0.0, []
    for _ in range(8):
        link = link.dials().failed(now, "no", POLICY, chance=1.0)
        waits.append(link.not_before - now)
        assert decide(link, now, POLICY) == Decision("wait", link.not_before)
        now = link.not_before
        assert decide(link, now, POLICY).do == "dial"
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_what_the_server_asked_for_is_not_shortened() -> None:
    link = Link().dials().failed(10.0, "banned", POLICY, chance=0.0, least_s=120.0)
    assert link.not_before == 130.0


def test_a_connection_that_was_confirmed_makes_waits_short_again() -> None:
    link = Link(failures=6).dials().opened(0.0).is_ready()
    assert link.lost(50.0, "gone", POLICY, chance=1.0).not_before == 51.0


def test_one_that_was_lost_before_it_was_confirmed_does_not() -> None:
    link = Link(failures=4).dials().opened(0.0)
    assert link.lost(0.0, "gone", POLICY, chance=1.0).not_before == 16.0


@pytest.mark.parametrize(
    ("usual_s", "stale_at"),
    [(0.0, 130.0), (1.0, 130.0), (10.0, 130.0), (20.0, 160.0), (600.0, 1900.0)],
)
def test_silence_counts_after_half_a_minute_or_thrice_the_usual(
    usual_s: float, stale_at: float
) -> None:
    link = replace(LIVE, line=Line(0.0, 100.0, usual_s=usual_s, ready=True))
    assert decide(link, stale_at - 0.1, POLICY) == Decision("wait", stale_at)
    assert decide(link, stale_at, POLICY).do == "give up"


def test_the_usual_time_follows_what_is_heard() -> None:
    line = Line(0.0, 0.0)
    for now in range(20, 2001, 20):
        line = line.hears(float(now))
    assert line.usual_s == 20.0
    assert line.hears(2000.0).usual_s == pytest.approx(18.75)


def test_a_connection_that_never_says_anything_is_given_up() -> None:
    link = Link().dials().opened(7.0)
    assert decide(link, 36.9, POLICY).do == "wait"
    assert decide(link, 37.0, POLICY) == Decision("give up", reason="nothing came for 30 s")


def old(now: float) -> Link:
    return replace(LIVE, line=Line(0.0, now, usual_s=1.0, ready=True))


def test_the_successor_comes_ten_minutes_before_the_end_of_a_day() -> None:
    due = 23 * HOUR + 50 * 60
    assert decide(old(due - 1), due - 1, POLICY) == Decision("wait", due)
    assert decide(old(due), due, POLICY).do == "dial"
    assert decide(old(due).dials(), due, POLICY).do == "wait"


def test_a_successor_that_cannot_be_opened_is_tried_again_while_the_old_one_runs() -> None:
    due = 23 * HOUR + 50 * 60
    link = old(due).dials().failed(due, "no", POLICY, chance=1.0)
    assert (link.state, link.reason) == (State.LIVE, "")
    assert decide(link, due, POLICY) == Decision("wait", due + 1)
    assert decide(link, due + 1, POLICY).do == "dial"


def successor(**about: bool) -> Link:
    line = Line(86_000.0, 86_001.0, usual_s=1.0, ready=True)
    return replace(old(86_001.0), successor=replace(line, **about))


def test_it_takes_over_once_both_have_brought_the_same() -> None:
    assert decide(successor(), 86_001.0, POLICY).do == "wait"
    shared = replace(successor(), shared=True)
    assert decide(shared, 86_001.0, POLICY).do == "switch"
    assert shared.switched().line == shared.successor
    unconfirmed = replace(successor(ready=False), shared=True)
    assert decide(unconfirmed, 86_001.0, POLICY).do == "wait"


def test_at_the_end_of_the_day_it_takes_over_whatever_came() -> None:
    now = 24 * HOUR
    link = replace(successor(ready=False), line=Line(0.0, now, 1.0, True))
    link = replace(link, successor=Line(now - 10, now - 10))
    assert decide(link, now - 1, POLICY) == Decision("wait", now)
    assert decide(link, now, POLICY).do == "switch"


def test_when_the_old_one_breaks_the_successor_takes_its_place_at_once() -> None:
    link = successor().lost(86_002.0, "gone", POLICY, chance=1.0)
    assert (link.line, link.successor, link.failures) == (successor().successor, None, 0)
    assert link.state is State.LIVE


def test_when_the_successor_breaks_the_old_one_goes_on() -> None:
    link = successor().lost(86_002.0, "gone", POLICY, chance=1.0, on_successor=True)
    assert (link.line, link.successor) == (successor().line, None)
    assert link.not_before == 86_003.0


def test_a_successor_that_falls_silent_is_given_up() -> None:
    link = replace(successor(), line=Line(0.0, 86_030.0, 1.0, True))
    assert decide(link, 86_031.0, POLICY).do == "give up successor"


def test_what_cannot_be_kept_is_not_listened_to() -> None:
    why = "no space"
    assert decide(successor(), 86_001.0, POLICY, why).do == "give up successor"
    assert decide(old(50.0), 50.0, POLICY, why) == Decision("give up", reason=why)
    assert decide(Link(), 50.0, POLICY, why) == Decision("wait", 51.0, why)


@pytest.mark.parametrize(
    ("links", "trouble", "state", "reason"),
    [
        ([Link()], "", State.CONNECTING, ""),
        ([LIVE], "", State.LIVE, ""),
        ([LIVE, Link()], "", State.CONNECTING, ""),
        ([LIVE, Link(was_live=True, reason="gone"), Link()], "", State.DEGRADED, "gone"),
        ([Link(failures=1, reason="refused")], "", State.DEGRADED, "refused"),
        ([LIVE], "no space", State.DEGRADED, "no space"),
        ([Link().opened(0.0)], "", State.CONNECTING, ""),
    ],
)
def test_the_state_of_a_stream_is_its_worst_part(
    links: list[Link], trouble: str, state: State, reason: str
) -> None:
    assert state_of(links, trouble) == (state, reason)


def test_two_states_are_ends() -> None:
    assert [state for state in State if state.is_over] == [State.STOPPED, State.FAILED]
