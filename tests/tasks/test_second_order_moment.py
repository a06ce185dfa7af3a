import math
import random
from collections import Counter

import pytest

from raymill.tasks.second_order_moment import SecondOrderMoment
from tasks.recut import run


def moments(values: list[float], **given: object) -> list[float]:
    found = run(SecondOrderMoment, [{"value": value} for value in values], **given)
    return [record["value"] for record in found.records]


def test_it_is_the_sum_of_the_squared_counts() -> None:
    # counts after each record: 1 | 2 | 2,1 | 3,1 | 3,1,1 | 3,2,1
    assert moments([5.0, 5.0, -1.0, 5.0, 8.0, -1.0]) == [1.0, 4.0, 5.0, 10.0, 11.0, 14.0]


def test_it_tells_distributions_apart() -> None:  # the original answers n(2n - M)/k for any
    assert moments([1.0, 1.0, 1.0, 2.0])[-1] == 10.0
    assert moments([1.0, 1.0, 2.0, 2.0])[-1] == 8.0


def test_as_many_equal_values_as_places_and_a_new_one() -> None:  # the original throws here
    assert moments([1.0] * 10 + [2.0], tracked=10)[-1] == 101.0


def test_it_stays_exact_while_the_different_values_fit() -> None:
    values = [float(i % 10) for i in range(1000)]
    assert moments(values, tracked=10)[-1] == 10 * 100.0**2


def test_minus_zero_is_zero() -> None:
    assert moments([0.0, -0.0]) == [1.0, 4.0]


def test_values_that_all_differ_are_estimated_exactly() -> None:
    # each sampled position has r = 1, so the estimate is n * (2 - 1)
    assert moments([float(i) for i in range(3000)], tracked=16)[-1] == 3000.0


def test_the_estimate_is_right_on_average() -> None:
    # Alon, Matias, Szegedy: one position's variance is below sqrt(values) * F2^2
    chance = random.Random(3)
    values = [float(chance.choice((0, 0, 0, 1, 1, *range(2, 40)))) for _ in range(400)]
    exact = float(sum(count**2 for count in Counter(values).values()))
    tracked, draws = 30, 150
    found = [moments(values, tracked=tracked, seed=seed)[-1] for seed in range(draws)]
    sigma = math.sqrt(math.sqrt(40) * exact**2 / tracked / draws)
    assert abs(sum(found) / draws - exact) < 4 * sigma
    assert len(set(found)) > draws / 2


def test_a_large_sample_gives_a_near_estimate() -> None:
    values = [float(i % 1500) for i in range(6000)]  # F2 = 1500 * 4 * 4
    assert moments(values, tracked=1000)[-1] == pytest.approx(24_000, rel=0.1)


def test_the_same_seed_gives_the_same_answers() -> None:
    values = [float(i * i % 97) for i in range(500)]
    assert moments(values, tracked=5, seed=1) == moments(values, tracked=5, seed=1)
    assert moments(values, tracked=5, seed=1) != moments(values, tracked=5, seed=2)


def test_the_default_tracks_100_000_values() -> None:
    assert SecondOrderMoment().spec().state["sample"].shape == (1, 100_000, 2)


def test_a_small_sample_warns(capsys: pytest.CaptureFixture[str]) -> None:
    SecondOrderMoment(tracked=10).open()
    assert "task.estimate_coarse" in capsys.readouterr().err
    SecondOrderMoment(tracked=1000).open()
    assert capsys.readouterr().err == ""
