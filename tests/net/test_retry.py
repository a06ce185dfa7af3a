"""When another try is made, and how long it waits: decided on paper."""

import pytest

from raymill.net.retry import LIMITED_S, Tries, retry_after, stop_s, wait_s
from raymill.net.verdict import Kind, Verdict

TRIES = Tries(most=4, deadline_s=100, first_s=1, most_s=8)


@pytest.mark.parametrize(
    ("kind", "asked", "tried", "spent_s", "wait"),
    [
        ("transient", None, 1, 0, 0.5),  # half of 1 s, as the random number says
        ("transient", None, 2, 0, 1.0),
        ("transient", None, 3, 0, 2.0),
        ("transient", None, 4, 0, None),  # four tries are all
        ("transient", None, 3, 99, None),  # the wait would end behind the deadline
        ("transient", 30.0, 1, 0, 30.0),  # what the server asks for is never shortened
        ("transient", 0.1, 3, 0, 2.0),
        ("limited", 60.0, 1, 0, 60.0),
        ("limited", 60.0, 1, 50, None),
        ("blocked", 600.0, 1, 0, None),
        ("permanent", None, 1, 0, None),
    ],
)
def test_the_wait_before_another_try(
    kind: Kind, asked: float | None, tried: int, spent_s: float, wait: float | None
) -> None:
    assert wait_s(Verdict(kind, asked), tried, spent_s, TRIES, 0.5) == wait


@pytest.mark.parametrize(
    ("kind", "asked", "seconds"),
    [
        ("blocked", 600.0, 600.0),
        ("limited", 7.0, 7.0),
        ("limited", 0.0, 0.0),
        ("limited", None, LIMITED_S),
        ("transient", 7.0, 0.0),
    ],
)
def test_who_stops_the_whole_cluster(kind: Kind, asked: float | None, seconds: float) -> None:
    assert stop_s(Verdict(kind, asked)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 17 ", 17.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 60.0),  # 1445412480 s since 1970
        ("Wed, 21 Oct 2015 07:28:00", 60.0),
        ("Wed, 21 Oct 2015 07:26:00 GMT", 0.0),  # it is past
        ("-5", None),
        ("1e9", None),
        ("9" * 30, None),
        ("²", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_what_a_retry_after_asks_for(text: str, seconds: float | None) -> None:
    assert retry_after(text, 1445412420.0) == seconds
