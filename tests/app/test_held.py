"""The stored universe that is held in memory: when it is made again, and who waits for it."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from raymill.app.market.held import Held
from raymill.errors import InputError
from raymill.market.screen.snapshot import Snapshot


class World:
    """A store and two clocks that a test sets; each build takes `took` seconds."""

    def __init__(self) -> None:
        self.now, self.clock, self.version, self.took = 605.0, 0.0, 1, 0.0
        self.price: float | None = 1.0
        self.made: list[datetime] = []

    def changed(self, since: int) -> int:
        """The version."""
        return max(since, self.version)

    def make(self, as_of: datetime) -> Snapshot:
        """One instrument."""
        self.made.append(as_of)
        self.clock += self.took
        if self.price is None:
            raise InputError("Nothing is stored")
        return Snapshot.of(pa.table({"symbol": ["A"], "price": [self.price]}), as_of)

    def held(self) -> Held:
        """What is under test, in slots of 60 s, looking each second."""
        return Held(60.0, 1.0, self, now=lambda: self.now, clock=lambda: self.clock)


def price(held: Held) -> float:
    assert held.screener is not None
    return float(held.screener.current.numbers("price")[0])


def test_every_process_holds_the_universe_of_the_beginning_of_a_slot() -> None:
    world = World()
    first = world.held().refresh()
    world.now = 659.0
    assert world.held().refresh().current.id == first.current.id
    assert set(world.made) == {datetime.fromtimestamp(600, UTC)}


def test_it_is_made_again_once_the_store_has_changed_and_not_before() -> None:
    world = World()
    held = world.held()
    held.refresh()
    assert not held.is_due
    world.clock = 1.0
    assert held.is_due
    held.refresh()
    assert len(world.made) == 1
    world.clock, world.version, world.price = 2.0, 2, 5.0
    assert price(held) == 1.0  # the old one serves until the new one is there
    held.refresh()
    assert price(held) == 5.0


def test_one_of_the_slot_before_still_serves_and_an_older_one_is_waited_for() -> None:
    world = World()
    held = world.held()
    held.refresh()
    world.now = 665.0
    assert held.is_due
    assert held.screener is not None
    world.now = 725.0
    assert held.screener is None
    assert held.refresh().current.as_of == datetime.fromtimestamp(720, UTC)


def test_builds_that_take_long_leave_time_between_them() -> None:
    world = World()
    world.took = 3.0
    held = world.held()
    held.refresh()
    world.version, world.clock = 2, 14.0  # ended at 3.0, rests four times as long
    assert not held.is_due
    world.clock = 15.0
    assert held.is_due


def test_a_build_that_fails_leaves_what_was_there() -> None:
    world = World()
    held = world.held()
    held.refresh()
    world.clock, world.version, world.price = 1.0, 2, None
    with pytest.raises(InputError):
        held.refresh()
    assert price(held) == 1.0
    world.clock, world.price = 2.0, 7.0
    held.refresh()
    assert price(held) == 7.0


def test_a_moment_that_is_asked_for_again_is_made_once() -> None:
    world = World()
    screener = world.held().refresh()
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    assert screener.at(moment) is screener.at(moment)
    assert world.made.count(moment) == 1
