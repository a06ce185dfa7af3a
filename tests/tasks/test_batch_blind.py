"""However the input is cut into blocks, a task answers the same."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raymill.flow import as_declared
from tasks.recut import run

NUMBERS = st.one_of(
    st.none(),
    st.sampled_from([0.0, -0.0, 5e-324, 2.0**53, 1.7976931348623157e308, float("nan"), 1.5, -3.0]),
    st.floats(-1e6, 1e6),
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"value": NUMBERS, "key": st.sampled_from("abc"), "time": st.integers(-5, 5)}
    ),
    min_size=1,
    max_size=60,
)
COUNTS = st.lists(
    st.fixed_dictionaries({"value": st.integers(0, 12), "series": st.sampled_from("abc")}),
    min_size=1,
    max_size=60,
)
QUIET = settings(
    max_examples=min(25, settings().max_examples),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def check(data: Any, task: str, records: list[dict[str, Any]], **given: Any) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(records)), max_size=6))
    declared = as_declared(task)
    whole, cut = run(declared, records, **given), run(declared, records, cuts, **given)
    assert repr(cut) == repr(whole)
    every = run(declared, records, range(1, len(records)), **given)
    assert repr(every) == repr(whole)
    counts = whole.counts
    lost = sum(counts.skipped.values()) + sum(counts.failed.values())
    assert counts.records_in == counts.answered + counts.held + lost


@pytest.mark.parametrize(
    ("task", "parameters"),
    [
        ("kalman_filter", {}),
        ("block_window_average", {"window": 3}),
        ("block_window_average", {"window": 4, "flush": True}),
        ("interpolation", {"window": 2}),
        ("sliding_linear_regression", {"window": 3, "horizon": 2}),
    ],
)
@given(data=st.data(), records=RECORDS)
@QUIET
def test_tasks_by_key(
    task: str, parameters: dict[str, Any], data: Any, records: list[dict[str, Any]]
) -> None:
    check(data, task, records, key="key", **parameters)


@pytest.mark.parametrize(
    ("task", "parameters"),
    [
        ("range_filter", {"valid_range": "value:-1:100"}),
        ("second_order_moment", {"tracked": 3}),
        ("accumulator", {"window": 4, "series": "key"}),
        ("accumulator", {"window": 7, "series": "key", "flush": True}),
    ],
)
@given(data=st.data(), records=RECORDS)
@QUIET
def test_tasks_over_all(
    task: str, parameters: dict[str, Any], data: Any, records: list[dict[str, Any]]
) -> None:
    check(data, task, records, **parameters)


@pytest.mark.parametrize(
    ("task", "parameters"),
    [
        ("distinct_approx_count", {}),
        ("distinct_approx_count", {"compat": "java"}),
        ("bloom_filter_train", {"expected_insertions": 20}),
        ("accumulator", {"window": 3, "multivalue": "x", "observation": "series"}),
    ],
)
@given(data=st.data(), records=COUNTS)
@QUIET
def test_sketches(
    task: str, parameters: dict[str, Any], data: Any, records: list[dict[str, Any]]
) -> None:
    check(data, task, records, **parameters)


@given(values=st.lists(st.integers(0, 30).map(float), min_size=1, max_size=80))
@QUIET
def test_the_exact_moment_is_the_sum_of_squares(values: list[float]) -> None:
    found = run("second_order_moment", [{"value": v} for v in values], tracked=31).records
    assert found[-1]["value"] == sum(values.count(v) ** 2 for v in set(values))
