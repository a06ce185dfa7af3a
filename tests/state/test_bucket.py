"""Buckets of permits: a rate with bursts, over all doors, on each place that keeps limits."""

import pickle

import pytest

from raymill.errors import ConfigError
from raymill.state.bucket import HOLD_S, Drawn, Flow, SharedBucket, draw
from raymill.state.limits import Reading
from state.limits import Place, Watch, kept_in
from state.test_limits import database  # noqa: F401

NOW = Reading("boot", 100.0, 1.7e9)
TEN = Flow(per_s=10, burst=5)


def bucket(place: Place, watch: Watch, flow: Flow = TEN) -> SharedBucket:
    return SharedBucket(kept_in(place, watch.reading), "key:1", flow, monotonic=watch)


def taken(one: SharedBucket, watch: Watch, seconds: float, step: float = 0.01) -> list[float]:
    """When permits were given to somebody who asks all the time, for so long."""
    found, begun = [], watch()
    while watch() - begun < seconds:
        if one.take() == 0:
            found.append(watch() - begun)
        else:
            watch.sleep(step)
    return found


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    state, first = draw(None, NOW, TEN, 9)
    assert first == Drawn(5)
    assert draw(state, NOW, TEN, 1)[1] == Drawn(wait_s=0.1)
    state, later = draw(state, NOW._replace(at=100.25), TEN, 9)
    assert later == Drawn(2)
    assert draw(state, NOW._replace(at=200.0), TEN, 9)[1] == Drawn(5)


@pytest.mark.parametrize("reading", [Reading("boot", 40.0, 1.7e9), Reading("other", 5e3, 1.7e9)])
def test_a_clock_that_jumps_neither_fills_a_bucket_nor_stops_it(reading: Reading) -> None:
    state, _ = draw(None, NOW, TEN, 9)
    state, none = draw(state, reading, TEN, 1)
    assert none == Drawn(wait_s=0.1)
    assert draw(state, reading._replace(at=reading.at + 0.1), TEN, 1)[1] == Drawn(1)


def test_a_flow_lets_something_pass() -> None:
    for per_s, burst in ((0, 5), (1, 0.5)):
        with pytest.raises(ConfigError, match="lets nothing pass"):
            Flow(per_s, burst)


def test_permits_come_at_the_rate_behind_the_burst(database: Place) -> None:  # noqa: F811
    watch = Watch()
    times = taken(bucket(database, watch), watch, 3.0)
    assert sum(at < 0.005 for at in times) == 5
    assert len(times) in (34, 35)  # five at once and ten a second


def test_all_doors_draw_on_one_bucket(database: Place) -> None:  # noqa: F811
    watch = Watch()
    one, other = bucket(database, watch), bucket(database, watch)
    given = [one.take(), other.take(), one.take(), other.take(), one.take(), other.take()]
    assert given.count(0.0) == 5
    assert one.take() == pytest.approx(0.1)


def test_who_was_refused_does_not_ask_the_store_again(database: Place) -> None:  # noqa: F811
    watch = Watch()
    one = bucket(database, watch)
    while one.take() == 0:
        continue
    asked = []
    one._ledger = None  # type: ignore[assignment]
    watch.sleep(0.05)
    asked = [one.take() for _ in range(3)]
    assert asked == pytest.approx([0.05] * 3)


def test_permits_that_are_not_used_within_a_second_are_dropped(database: Place) -> None:  # noqa: F811
    watch = Watch()
    one = bucket(database, watch, Flow(per_s=10, burst=20))
    for _ in range(4):
        one.take()  # one, two, and one of four: three are left
    assert one._held.get().count == 3
    watch.sleep(HOLD_S)
    assert one.at_hand() is None
    assert one.take() == 0
    assert one._held.get().count == 0  # a block of one


def test_a_pickle_is_another_door(database: Place) -> None:  # noqa: F811
    one = SharedBucket(kept_in(database), "key:1", Flow(per_s=0.001, burst=2))
    other: SharedBucket = pickle.loads(pickle.dumps(one))
    assert (one.take(), other.take()) == (0.0, 0.0)
    assert one.take() > 100
    assert other.take() > 100
    ledger = other._ledger
    (ledger.server if hasattr(ledger, "server") else ledger.database).close()  # type: ignore[attr-defined]
