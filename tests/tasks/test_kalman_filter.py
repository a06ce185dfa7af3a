import pytest

from raymill.errors import ConfigError
from raymill.tasks.kalman_filter import Estimate, kalman_filter
from tasks.recut import run

# Worked out by hand with q = 1, r = 1, p0 = 0:
#   4: p = 1,   gain = 1/2,  x = 0 + 4/2 = 2,              p = 1/2
#   6: p = 3/2, gain = 3/5,  x = 2 + 3/5 * 4 = 4.4,        p = 3/5
#   0: p = 8/5, gain = 8/13, x = 4.4 - 8/13 * 4.4 = 22/13
BY_HAND = [2.0, 4.4, 22 / 13]


def test_the_estimate_follows_the_formula() -> None:
    s = Estimate(p=0.0)
    found = [kalman_filter(s, value, q=1.0, r=1.0, p0=0.0) for value in (4.0, 6.0, 0.0)]
    assert found == pytest.approx(BY_HAND, abs=1e-12)


def test_p0_is_the_first_state_of_each_key() -> None:
    records = [{"value": value, "key": key} for value in (4.0, 6.0, 0.0) for key in ("a", "b")]
    found = run(kalman_filter, records, key="key", q=1.0, r=1.0, p0=0.0).records
    assert [record["value"] for record in found[::2]] == pytest.approx(BY_HAND, abs=1e-12)
    assert [record["value"] for record in found[1::2]] == pytest.approx(BY_HAND, abs=1e-12)


def test_the_defaults_are_those_of_riotbench() -> None:
    # p = 30 + 0.125; gain = 30.125 / 30.445; x = 3 * 30.125 / 30.445
    found = kalman_filter.try_out([{"value": 3.0}])
    assert found[0]["value"] == pytest.approx(3 * 30.125 / 30.445, abs=1e-12)


def test_negative_values_are_values() -> None:  # the original asserts that no result is below 0
    assert kalman_filter(Estimate(), -3.0) == pytest.approx(-3 * 30.125 / 30.445, abs=1e-12)


def test_a_bad_value_leaves_no_trace() -> None:
    good = [{"value": "4"}, {"value": "6"}]
    bad = [good[0], {"value": "x"}, {"value": None}, {"value": "nan"}, good[1]]
    found = run(kalman_filter, bad, q=1.0, r=1.0, p0=0.0)
    assert [record["value"] for record in found.records] == pytest.approx(BY_HAND[:2])
    assert sum(found.counts.failed.values()) == 3


@pytest.mark.parametrize("wrong", [{"q": -1}, {"r": 0}, {"p0": -0.1}, {"r": "much"}])
def test_parameters_have_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        kalman_filter.lift(**wrong)
