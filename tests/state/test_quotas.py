"""Allowances for a day, and breakers: shared by all processes of a store, on either backend."""

import pickle
import threading

import pytest

from raymill.state.breakers import CLOSED, Breaker, Circuit, enter, failed
from raymill.state.database import Database
from raymill.state.quotas import Quota, Used, draw
from raymill.state.shared_breaker import LOOK_S, SharedBreaker
from raymill.state.shared_quota import SharedQuota
from state.limits import Watch

EASTERN = Quota(25, "America/New_York")
NOON = 1_796_058_000.0  # 2026-11-30T17:00Z, noon in New York


def test_a_day_ends_at_midnight_of_its_zone() -> None:
    state, wait_s = draw(Used("2026-11-30", 25.0), NOON, EASTERN, 1.0)
    assert (state.used, wait_s) == (25.0, 12 * 3600.0)
    assert draw(state, NOON + wait_s, EASTERN, 1.0) == (Used("2026-12-01", 1.0), 0.0)


def test_a_day_on_which_clocks_go_back_is_longer() -> None:
    begins = Quota(1, "America/New_York").ends("2026-10-31")  # clocks go back on November 1st
    assert Quota(1, "America/New_York").ends("2026-11-01") - begins == 25 * 3600


def test_a_clock_that_is_set_back_does_not_begin_a_day_again() -> None:
    state, wait_s = draw(Used("2026-11-30", 25.0), NOON - 86_400, EASTERN, 1.0)
    assert (state, wait_s) == (Used("2026-11-30", 25.0), 36 * 3600.0)


def test_what_does_not_fit_is_not_used_in_part() -> None:
    state, wait_s = draw(Used("2026-11-30", 24.0), NOON, EASTERN, 2.0)
    assert state.used == 24.0
    assert wait_s > 0


def quota(database: Database, watch: Watch) -> SharedQuota:
    return SharedQuota(database, "keys", EASTERN, clock=watch.reading)


def test_eight_threads_use_an_allowance_once(database: Database) -> None:
    watch = Watch()
    doors: list[Database] = [pickle.loads(pickle.dumps(database)) for _ in range(2)]
    granted: list[float] = []

    def work(number: int) -> None:
        shared = quota(doors[number % 2], watch)
        granted.extend(wait_s for _ in range(6) if (wait_s := shared.take()) == 0)

    threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for door in doors:
        door.close()
    assert len(granted) == 25
    assert quota(database, watch).used() == 25


def test_what_the_vendor_says_may_only_raise_what_is_used(database: Database) -> None:
    shared = quota(database, Watch())
    shared.take(3)
    shared.raise_to(20)
    shared.raise_to(4)
    assert shared.used() == 20


def test_a_breaker_opens_after_five_failures_in_a_row() -> None:
    circuit = CLOSED
    for _ in range(4):
        circuit = failed(circuit, 100.0, Breaker())
    assert enter(circuit, 100.0, Breaker())[1] == 0.0
    assert failed(circuit, 100.0, Breaker()) == Circuit(5, 1, 100.0, 130.0)


def test_it_stays_open_twice_as_long_each_time_up_to_ten_minutes() -> None:
    circuit, now, lasting = Circuit(failures=4), 0.0, []
    for _ in range(7):
        circuit = failed(circuit, now, Breaker())
        lasting.append(circuit.until - now)
        now = circuit.until
        circuit, wait_s = enter(circuit, now, Breaker())
        assert wait_s == 0.0
    assert lasting == [30, 60, 120, 240, 480, 600, 600]


def test_one_whose_fate_is_never_told_does_not_keep_the_others_out_for_good() -> None:
    circuit, _ = enter(Circuit(5, 1, 100.0, 130.0), 130.0, Breaker(probe_s=60))
    assert enter(circuit, 189.0, Breaker())[1] == 1.0
    assert enter(circuit, 190.0, Breaker())[1] == 0.0


def test_a_clock_that_is_set_back_lengthens_it_by_no_more_than_it_was_to_last() -> None:
    assert enter(Circuit(5, 1, 100.0, 130.0), 10.0, Breaker())[1] == 30.0


def breaker(database: Database, watch: Watch) -> SharedBreaker:
    return SharedBreaker(database, "vendor", monotonic=watch, clock=watch.reading)


def test_failures_of_all_count_together_and_one_success_closes_it(database: Database) -> None:
    watch = Watch()
    one, other = breaker(database, watch), breaker(database, watch)
    for number in range(5):
        assert one.take() == 0.0
        (one if number % 2 else other).failed()
    watch.sleep(LOOK_S)
    assert one.take() == pytest.approx(29.9)
    watch.sleep(30)
    assert (one.take(), other.take()) == (0.0, 60.0)
    one.worked()
    watch.sleep(LOOK_S)
    assert (one.take(), other.take()) == (0.0, 0.0)


def test_a_success_in_between_begins_the_row_anew(database: Database) -> None:
    watch = Watch()
    shared = breaker(database, watch)
    for _ in range(4):
        shared.failed()
    shared.worked()
    for _ in range(4):
        shared.failed()
    assert not shared.is_open


def test_while_all_is_well_nothing_is_written(database: Database) -> None:
    shared = breaker(database, Watch())
    assert shared.take() == 0.0
    shared.worked()
    with database.reading() as execute:
        assert execute("SELECT * FROM rate_breakers") == []
