"""What is due at some time."""

from raymill.flow.pool import Key
from raymill.orchestrator.timers import Timers

A, B, C = (Key(run, "step", -1, 1) for run in "abc")


def test_what_is_due_comes_out_in_the_order_of_its_time_and_then_of_its_coming() -> None:
    timers = Timers()
    assert timers.next() is None
    for at, key in ((5.0, A), (3.0, C), (3.0, B), (9.0, A)):
        timers.put(at, key)
    assert (timers.next(), timers.keys()) == (3.0, {A, B, C})
    assert [*timers.due(2.9)] == []
    assert [*timers.due(5.0)] == [C, B, A]
    assert (timers.next(), timers.keys()) == (9.0, {A})


def test_what_is_put_there_meanwhile_is_due_as_well() -> None:
    timers, found = Timers(), list[Key]()
    timers.put(1.0, A)
    for key in timers.due(4.0):
        found.append(key)
        if key == A:
            timers.put(4.0, B)
            timers.put(4.1, C)
    assert found == [A, B]
