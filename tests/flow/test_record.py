"""Record functions: what their results mean."""

import math

from raymill.flow import Skip, task


@task(skip="too low")
def above(value: float, *, least: float = 1.0) -> float | None:
    """Hand a value on unless it is too low."""
    return value if value >= least else None


@task(missing=True)
def known(value: float) -> float | None:
    """Null where the value is too low."""
    return value if value >= 1 else None


@task
def square_root(value: float) -> float:
    """NaN is a result."""
    return math.sqrt(value) if value >= 0 else math.nan


def test_none_skips_a_record_with_the_reason() -> None:
    found = above.try_out([{"value": 0.5}, {"value": 2.0}])
    assert found == [Skip("too low"), {"value": 2.0}]


def test_none_is_null_where_a_result_may_be_missing() -> None:
    found = known.try_out([{"value": 0.5}, {"value": 2.0}])
    assert found == [{"value": None}, {"value": 2.0}]


def test_nan_is_a_result() -> None:
    (found,) = square_root.try_out([{"value": -1.0}])
    assert math.isnan(found["value"])
