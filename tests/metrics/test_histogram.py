import pytest

from raymill import json
from raymill.metrics import Histogram
from raymill.metrics.histogram import BOUNDS


def uniform() -> Histogram:
    """1 ms, 2 ms, ... 1000 ms, once each."""
    times = Histogram()
    for milliseconds in range(1, 1001):
        times.add(milliseconds / 1000)
    return times


# Of a uniform series the quantiles are 0.5, 0.95 and 0.99 s; a bucket is 19 % wide.
@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_a_quantile_is_right_within_a_bucket(share: float) -> None:
    assert uniform().quantile(share) == pytest.approx(share, rel=0.19)


def test_a_single_time_is_told_exactly() -> None:
    times = Histogram()
    times.add(0.0123, count=50)
    assert times.quantile(0.5) == times.quantile(0.99) == 0.0123
    assert (times.count, times.sum_s) == (50, pytest.approx(0.615))


def test_an_empty_histogram_tells_zero() -> None:
    assert Histogram().quantile(0.5) == 0.0
    assert Histogram().to_dict()["min_s"] == 0.0


def test_the_records_of_a_batch_weigh_as_many() -> None:
    times = Histogram()
    times.add(0.001, count=99)
    times.add(5.0, count=1)
    times.add(7.0, count=0)
    assert times.quantile(0.95) == pytest.approx(0.001, rel=0.19)
    assert times.quantile(1.0) == 5.0
    assert times.count == 100


def test_halves_merged_are_the_whole() -> None:
    low, high = Histogram(), Histogram()
    for milliseconds in range(1, 1001):
        (low if milliseconds <= 300 else high).add(milliseconds / 1000)
    low.merge(high)
    whole = uniform()
    assert low.sum_s == pytest.approx(whole.sum_s)
    low.sum_s = whole.sum_s
    assert low == whole


def test_times_beyond_the_buckets_are_counted() -> None:
    times = Histogram()
    times.add(0.0)
    times.add(10 * BOUNDS[-1])
    assert times.count == 2
    assert times.quantile(1.0) == 10 * BOUNDS[-1]
    assert list(times.cumulative())[-1][1] == 1


def test_a_histogram_survives_json() -> None:
    times = uniform()
    assert Histogram.from_dict(json.loads(json.dumps(times.to_dict()))) == times
