"""Who works, who is started, who is let go: decided on a table, with the time handed in."""

from typing import Any

import pytest

from raymill.engines.ray.batches import Batches
from raymill.engines.ray.hands import Batch, Task, Worker
from raymill.engines.ray.roster import Roster
from raymill.flow.places import among
from raymill.flow.pool import Call, Key
from raymill.flow.workflow import Resources, Step, Workflow

USUAL, LARGE = Resources(), Resources(cpus=4)


def call(step: str = "a", run: str = "r", attempt: int = 1) -> Call:
    return Call(Key(run, step, -1, attempt), "w", "w", (b"1",), None)


def batch(since: float, group: Resources = USUAL) -> Batch:
    return Batch([Task(call(), None, "1")], group, since)


class Table:
    """A roster, with workers that come up as soon as they are started."""

    def __init__(self, least: int = 1, most: int = 3) -> None:
        self.roster = Roster(least, most, idle_s=60.0)

    def up(self, group: Resources = USUAL, now: float = 0.0, *, busy: bool = False) -> Worker:
        worker = self.roster.new(group, b"", now)
        self.roster.came_up(worker, now)
        if busy:
            worker.hand[1] = Task(call(), None, "1")
        return worker

    def waits(self, *since: float, group: Resources = USUAL) -> None:
        self.roster.waiting += [batch(at, group) for at in since]

    def spare(self, now: float) -> list[str]:
        return [worker.name for worker in self.roster.spare(now)]


def test_the_least_are_there_before_there_is_work() -> None:
    table = Table(least=2)
    assert table.roster.wanted(0.0) == [USUAL] * 2
    table.up()
    assert table.roster.wanted(0.0) == [USUAL]


@pytest.mark.parametrize(
    ("now", "waiting", "busy", "started"),
    [
        (0.0, 1, 0, 1),  # the first worker is started at once
        (0.05, 2, 1, 0),  # others when the queue lasts
        (0.2, 2, 1, 2),
        (0.2, 9, 1, 2),  # never more than the most
        (0.2, 9, 3, 0),
    ],
)
def test_the_number_of_workers_follows_the_queue(
    now: float, waiting: int, busy: int, started: int
) -> None:
    table = Table()
    for _ in range(busy):
        table.up(busy=True)
    table.waits(*[0.0] * waiting)
    assert table.roster.wanted(now) == [USUAL] * started


def test_workers_that_are_being_started_count() -> None:
    table = Table()
    table.waits(0.0, 0.0)
    table.roster.new(USUAL, b"", 0.0)
    assert table.roster.wanted(1.0) == [USUAL]


def test_the_oldest_batch_goes_to_the_first_idle_worker_of_its_kind() -> None:
    table = Table()
    busy, idle, large = table.up(busy=True), table.up(), table.up(LARGE)
    first, second, third = batch(0.0), batch(1.0), batch(2.0, LARGE)
    table.roster.waiting += [first, second, third]
    given: list[Any] = []
    for worker, one in table.roster.assign(3.0):
        worker.hand[2] = one.tasks[0]
        given.append((worker.name, one))
    assert given == [(idle.name, first), (large.name, third)]
    assert table.roster.waiting == [second]
    assert list(busy.hand) == [1]


def test_a_worker_that_is_gone_leaves_its_name_to_the_next() -> None:
    table = Table()
    first = table.up()
    assert [first.name, table.up().name] == ["ray-0", "ray-1"]
    table.roster.gone(first, 1.0)
    assert table.up().name == "ray-0"


def test_idle_workers_are_let_go_down_to_the_least() -> None:
    table = Table(least=1)
    for _ in range(3):
        table.up()
    assert table.spare(59.9) == []
    assert table.spare(60.0) == ["ray-2", "ray-1"]
    table.roster.workers[2].state = "ending"
    assert table.spare(60.0) == ["ray-2"]
    table.roster.workers[3].state = "ending"
    assert table.spare(60.0) == []


def test_an_idle_worker_makes_room_for_work_of_another_kind() -> None:
    table = Table(least=3)
    for _ in range(3):
        table.up()
    table.waits(10.0, group=LARGE)
    assert table.roster.wanted(10.0) == []
    assert table.spare(11.9) == []
    assert len(table.spare(12.0)) == 1
    assert table.spare(12.1) == []  # one at a time


def test_a_busy_worker_makes_room_when_it_is_done() -> None:
    table = Table()
    workers = [table.up(busy=True) for _ in range(3)]
    table.waits(10.0, group=LARGE)
    table.waits(10.0)
    assert table.spare(14.9) == []
    assert table.spare(15.0) == []
    (leaving,) = [worker for worker in workers if worker.yields]
    leaving.hand.clear()
    assert list(table.roster.assign(15.1)) == []
    assert table.spare(15.1) == [leaving.name]


def test_failed_starts_are_repeated_ever_later() -> None:
    table = Table(least=0)
    table.waits(0.0)
    now, pauses = 0.0, []
    for _ in range(7):
        assert table.roster.wanted(now) == [USUAL]
        worker = table.roster.new(USUAL, b"", now)
        table.roster.gone(worker, now)
        pauses.append(table.roster.is_hopeless())
        while not table.roster.wanted(now):
            now += 0.5
    assert now == 0.5 + 2 + 5 + 15 + 30 + 30
    assert pauses == [False, False, True, True, True, True, True]
    table.up(now=now)
    assert not table.roster.is_hopeless()


FLOW = Workflow("w", Step(bytes, name="a"), Step(bytes, name="b", resources=LARGE, timeout_s=2))


def test_steps_that_need_the_same_travel_together() -> None:
    batches, failed = Batches(among(FLOW)).sort([call("a"), call("b"), call("a", "s")], 5.0)
    assert failed == []
    assert [(one.group, [task.timeout_s for task in one.tasks]) for one in batches] == [
        (USUAL, [None, None]),
        (LARGE, [2]),
    ]


def test_a_step_that_fell_twice_with_its_worker_travels_alone() -> None:
    batches = Batches(among(FLOW))
    first, other = call("a"), call("a", "s")
    assert not batches.fell(first.key)
    assert not batches.fell(first.key._replace(attempt=2))
    again = first._replace(key=first.key._replace(attempt=3))
    assert [len(one.tasks) for one in batches.sort([other, again, other], 0.0)[0]] == [2, 1]
    assert batches.fell(again.key)
    batches.ended(again.key)
    assert [len(one.tasks) for one in batches.sort([other, again, other], 0.0)[0]] == [3]


def test_a_step_that_is_not_there_fails_alone() -> None:
    batches, failed = Batches(among(FLOW)).sort([call("c"), call("a")], 0.0)
    assert [one.tasks[0].call.key.step for one in batches] == ["a"]
    assert [(end.key.step, end.outcome, end.retry) for end in failed] == [("c", "error", False)]
