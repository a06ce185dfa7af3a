"""Permits of a limit that several share: never more than its rate, on either store."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from raymill.errors import ConfigError
from raymill.state.database import open_database
from raymill.state.limits import AHEAD_S, Rate, Reading, State, lease, stop, stop_left
from raymill.state.redis import RedisServer
from raymill.state.shared_limit import SharedLimit
from state.limits import Place, Watch, grants, kept_in, limit_in, most_in, shared, taken

PLACES = [
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("redis", marks=pytest.mark.system),
]


@pytest.fixture(params=PLACES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Each place that keeps limits."""
    if request.param == "redis":
        place: Place = RedisServer(request.getfixturevalue("redis_url"))
    else:
        on_server = request.param == "postgres"
        url = request.getfixturevalue("postgres_url") if on_server else ""
        place = open_database(tmp_path, url)
    yield place
    place.close()


NOW = Reading("boot", 100.0, 1.7e9)
EIGHT = Rate(8)  # one slot each (1 + 0.05) / 8 = 0.13125 s, three in a block of half a second


def test_slots_follow_each_other_over_blocks() -> None:
    state, first = lease(None, NOW, EIGHT, 3)
    state, second = lease(state, NOW._replace(at=100.1), EIGHT, 9)
    assert first.slots == pytest.approx((0.0, 0.13125, 0.2625))
    assert second.slots == pytest.approx((0.29375, 0.425, 0.55625))  # 100.39375 is 3 slots on
    assert state.next == pytest.approx(100.7875)


def test_nobody_leases_further_ahead_than_a_second() -> None:
    state = State("boot", 100.0, 101.4)
    after, none = lease(state, NOW, EIGHT, 3)
    assert (after, none.slots) == (state, ())
    assert none.wait_s == pytest.approx(0.4)
    assert lease(state, NOW._replace(at=100.4), EIGHT, 1)[1].slots == pytest.approx((AHEAD_S,))


def test_what_is_not_sure_of_the_clock_is_added_behind_the_block() -> None:
    state, _ = lease(None, NOW._replace(unsure_s=0.5), EIGHT, 1)
    assert state.next == pytest.approx(100.63125)


def test_no_slot_begins_before_the_lease_is_known() -> None:
    assert lease(None, NOW, EIGHT, 1, notice_s=0.2)[1].slots == pytest.approx((0.2,))


@pytest.mark.parametrize(
    "reading",
    [
        pytest.param(Reading("boot", 40.0, 1.7e9), id="set back by a minute"),
        pytest.param(Reading("another boot", 40.0, 1.7e9), id="a restart"),
        pytest.param(Reading("another boot", 5000.0, 1.7e9), id="another machine"),
    ],
)
def test_a_clock_that_jumps_costs_what_was_leased_and_no_more(reading: Reading) -> None:
    state, _ = lease(None, NOW, EIGHT, 3)
    state, late = lease(state, reading, EIGHT, 1)
    assert late.slots == pytest.approx((0.39375,))
    assert state.clock == reading.clock
    later = reading._replace(at=reading.at + 1)
    assert lease(state, later, EIGHT, 1)[1].slots == (0.0,)


def test_a_long_lead_on_a_clock_that_was_set_back_ends() -> None:
    state = State("boot", 100.0, 101.4)
    state, none = lease(state, NOW._replace(at=40.0), EIGHT, 1)
    assert none.wait_s == pytest.approx(0.4)
    assert lease(state, NOW._replace(at=40.5), EIGHT, 1)[1].slots == pytest.approx((0.9,))


def test_a_stop_holds_over_a_restart_and_costs_one_more_where_the_clock_is_set_back() -> None:
    state = stop(None, NOW, 600, "blocked")
    rebooted = Reading("another boot", 3.0, 1.7e9 + 60)
    assert lease(state, rebooted, EIGHT, 1)[1].wait_s == 540
    back, none = lease(state, NOW._replace(wall=1.6e9), EIGHT, 1)
    assert none.wait_s == 600
    assert stop_left(back, 1.6e9 + 599) == 1
    assert lease(back, NOW._replace(wall=1.6e9 + 600), EIGHT, 1)[1].slots == (0.0,)


def test_the_longer_stop_holds(database: Place) -> None:
    watch = Watch()
    limit = shared(database, watch)
    assert limit.stopped() is None
    limit.stop(600, "blocked")
    limit.stop(10, "too many")
    watch.sleep(100)
    assert limit.stopped() == (pytest.approx(500), "blocked")
    limit.stop(900, "blocked again")
    assert limit.stopped() == (pytest.approx(900), "blocked again")


def test_permits_come_at_the_rate_and_never_above_it(database: Place) -> None:
    watch = Watch()
    times = taken(shared(database, watch), watch, 60)
    assert most_in(times, 1.0) <= 8
    assert times[-1] - times[0] == pytest.approx(59 * 0.13125, abs=0.3)


def weighed(limit: SharedLimit, watch: Watch, weights: list[float]) -> list[tuple[float, float]]:
    """When requests of these weights were let through, one after the other."""
    found: list[tuple[float, float]] = []
    for weight in weights:
        while (wait_s := limit.take(weight)) > 0:
            watch.sleep(wait_s)
        found.append((watch.last, weight))
    return found


def heaviest_in(times: list[tuple[float, float]], per_s: float) -> float:
    """The largest sum of weights that lies within any span of that length."""
    return max(
        sum(weight for at, weight in times if start <= at < start + per_s) for start, _ in times
    )


@pytest.mark.parametrize("weights", [[1, 20, 4, 1, 1, 20], [20] * 4, [2] * 9, [1]])
def test_heavy_requests_never_exceed_the_rate_in_any_minute(
    database: Place, weights: list[float]
) -> None:
    watch = Watch()
    rate = Rate(100, per_s=60, heaviest=20)
    limit = limit_in(database, watch, rate)
    times = weighed(limit, watch, weights * 12)
    assert heaviest_in(times, 60.0) <= 100
    spent = sum(weight for _, weight in times[:-1])
    assert times[-1][0] - times[0][0] == pytest.approx(spent * 63 / 81, rel=0.1)  # 63 s for 81


def test_a_request_that_never_passes_is_an_error(database: Place) -> None:
    limit = SharedLimit(kept_in(database), "weights", Rate(100, per_s=60, heaviest=20))
    with pytest.raises(ConfigError, match="too heavy"):
        limit.take(21)
    with pytest.raises(ConfigError, match="never passes"):
        Rate(10, heaviest=20)


@pytest.mark.parametrize("doors", [1, 3])
def test_eight_threads_never_exceed_the_rate(database: Place, doors: int) -> None:
    watch = Watch()
    others: list[Place] = [pickle.loads(pickle.dumps(database)) for _ in range(doors - 1)]
    limits = [shared(door, watch) for door in (database, *others)]
    times: list[list[float]] = [[] for _ in range(8)]

    def work(number: int) -> None:
        times[number] = taken(limits[number % doors], watch, 12)

    threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for door in others:
        door.close()
    assert sum(map(len, times)) == 96
    assert most_in([at for found in times for at in found], 1.0) <= 8


def test_a_stop_of_one_stops_all(database: Place) -> None:
    watch = Watch()
    one, other = shared(database, watch), shared(database, watch)
    taken(other, watch, 4)  # it holds further permits now
    assert other._held.get().slots
    one.stop(600, "blocked")
    watch.sleep(0.1)
    assert other.take() == pytest.approx(599.9)
    assert one.take() == pytest.approx(599.9)
    watch.sleep(599.9)
    assert other.take() == 0.0


def test_limits_of_other_names_are_apart(database: Place) -> None:
    watch = Watch()
    shared(database, watch, name="one").stop(600, "blocked")
    assert shared(database, watch, name="two").take() == 0.0


def test_permits_that_pass_unused_are_lost_and_the_next_block_is_small(database: Place) -> None:
    watch = Watch()
    limit = shared(database, watch)
    taken(limit, watch, 5)
    watch.sleep(5)
    assert limit.take() == 0.0
    assert not limit._held.get().slots  # a block of one


def test_a_store_that_is_slow_to_commit_still_gives_permits(database: Place) -> None:
    watch = Watch()
    limit = limit_in(database, watch, Rate(1))
    change = limit._change

    def delayed(decide: object) -> object:
        done = change(decide)  # type: ignore[arg-type]
        watch.sleep(0.3)  # beyond the 0.05 s that a slot may be used late
        return done

    limit._change = delayed  # type: ignore[assignment,method-assign]
    assert most_in(taken(limit, watch, 5), 1.0) == 1


def test_a_far_server_whose_clock_takes_long_to_read_still_gives_permits(
    database: Place,
) -> None:
    watch = Watch()

    def far(_: object) -> Reading:
        watch.sleep(0.2)
        found = watch.reading()
        watch.sleep(0.2)
        return found

    limit = SharedLimit(kept_in(database, far), "sec", EIGHT, monotonic=watch)
    assert most_in(taken(limit, watch, 20), 1.0) <= 8


def test_a_pickle_of_a_limit_is_another_door_to_it(database: Place) -> None:
    limit = SharedLimit(kept_in(database), "sec", EIGHT)
    limit.stop(600, "blocked")
    other: SharedLimit = pickle.loads(pickle.dumps(limit))
    assert other.take() > 0
    place: Any = other._place
    (place.server if hasattr(place, "server") else place.database).close()


@pytest.mark.system
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_leases_permits_of_its_own(database: Place) -> None:
    watch = Watch()
    limit = shared(database, watch)
    taken(limit, watch, 4)
    assert limit._held.get().slots
    child = os.fork()
    if child == 0:
        os._exit(len(limit._held.get().slots))
    assert os.waitpid(child, 0)[1] == 0


def test_the_clock_of_the_store_itself_gives_permits(database: Place) -> None:
    limit = SharedLimit(kept_in(database), "sec", Rate(1000))
    granted = 0
    for _ in range(1000):
        if wait_s := limit.take():
            time.sleep(wait_s)
        else:
            granted += 1
        if granted == 5:
            break
    assert granted == 5


@pytest.mark.system
def test_three_processes_of_which_one_is_killed_keep_the_rate(
    database: Place, tmp_path: Path
) -> None:
    place, url = tmp_path / "home", getattr(database, "url", "")
    place.mkdir(exist_ok=True)
    database.close()
    command = [sys.executable, str(Path(__file__).with_name("limits.py")), str(place), url]
    processes = [subprocess.Popen(command) for _ in range(3)]
    try:
        _wait_for(lambda: all(count >= 8 for count in _counts(place, processes)))
        os.kill(processes[0].pid, signal.SIGKILL)
        processes[0].wait()
        before = _counts(place, processes)
        _wait_for(lambda: sum(_counts(place, processes)) >= sum(before) + 60)
        assert _counts(place, processes)[0] == before[0]
        (place / "enough").touch()
        assert [process.wait(timeout=LONG_S) for process in processes[1:]] == [0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert most_in([at for _, at in grants(place)], 1.0) <= 40


LONG_S = 120.0


def _counts(place: Path, processes: list[subprocess.Popen[bytes]]) -> list[int]:
    """How many permits each process has had."""
    pids = [pid for pid, _ in grants(place)]
    return [pids.count(process.pid) for process in processes]


def _wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
