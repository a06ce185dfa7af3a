import math

import pytest

from raymill.tasks.interpolation import interpolation
from tasks.recut import run


def filled(values: list[float | None], **given: object) -> list[float | None]:
    records = [{"t": value, "k": "a"} for value in values]
    return [
        record["t"] for record in run(interpolation, records, value="t", key="k", **given).records
    ]


def test_a_missing_value_becomes_the_mean_of_the_last_real_ones() -> None:
    # kept before the last: 2, 4, 9 with a window of 3 (1 is forgotten): mean 5
    assert filled([1.0, 2.0, 4.0, 9.0, None], window=3) == [1.0, 2.0, 4.0, 9.0, 5.0]


def test_a_filled_value_is_not_taken_for_real() -> None:
    assert filled([3.0, None, None, 5.0, None], window=2) == [3.0, 3.0, 3.0, 5.0, 4.0]


def test_without_history_a_value_stays_missing() -> None:  # the original answers 0
    assert filled([None, 2.0], window=5) == [None, 2.0]


@pytest.mark.parametrize("missing", [None, math.nan, math.inf, -math.inf])
def test_null_nan_and_infinity_are_missing(missing: float | None) -> None:
    assert filled([2.0, missing, 4.0]) == [2.0, 2.0, 4.0]


def test_text_that_is_no_number_is_missing_and_does_no_harm() -> None:
    # the original throws here and forgets the history
    records = [{"t": text} for text in ("8", "null", "4", "x")]
    assert [record["t"] for record in run(interpolation, records, value="t").records] == [
        8,
        8,
        4,
        6,
    ]


def test_a_window_of_none_passes_everything_on() -> None:  # the original's TAXI file has 0
    assert filled([1.0, None, 2.0], window=0) == [1.0, None, 2.0]


def test_each_key_has_its_own_history() -> None:
    records = [{"t": 1.0, "k": "a"}, {"t": None, "k": "b"}, {"t": None, "k": "a"}]
    found = run(interpolation, records, value="t", key="k").records
    assert [record["t"] for record in found] == [1.0, None, 1.0]


def test_other_fields_and_a_second_name_stay() -> (
    None
):  # the original writes 0 over unlisted fields
    records = [{"t": 1.0, "other": 7, "k": "a"}, {"t": None, "other": 8, "k": "a"}]
    found = run(interpolation, records, value="t", key="k", as_="filled").records
    assert found[1] == {"t": None, "other": 8, "k": "a", "filled": 1.0}
    assert [record["other"] for record in found] == [7, 8]
