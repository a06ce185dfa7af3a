import math

import pytest

from raymill.errors import ConfigError
from raymill.tasks.range_filter import RangeFilter
from tasks.recut import run

ONE = "t:-1.5:35.1"


def passed(values: list[object], valid_range: object = ONE) -> list[object]:
    found = run(RangeFilter, [{"t": value} for value in values], valid_range=valid_range)
    return [record["t"] for record in found.records]


def test_both_ends_are_inside() -> None:
    above, below = math.nextafter(35.1, 99), math.nextafter(-1.5, -99)
    assert passed([-1.5, 35.1, above, below, 0.0]) == [-1.5, 35.1, 0.0]


def test_text_that_is_no_number_is_out_of_range() -> None:  # the original lets it pass
    assert passed(["12", "many", "", "35.2"]) == ["12"]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_missing_and_infinite_values_are_out_of_range(value: float | None) -> None:
    assert passed([value, 1.0]) == [1.0]


def test_fields_that_the_input_lacks_are_passed_over() -> None:
    assert passed([1.0], "t:0:5,humidity:0:1") == [1.0]


def test_unlisted_fields_do_not_matter() -> None:
    records = [{"t": 1.0, "other": -1000.0}]
    assert run(RangeFilter, records, valid_range=ONE).records == records


def test_the_summary_counts_the_first_field_out_of_range() -> None:
    records = [{"a": 9, "b": 9}, {"a": 0, "b": 9}, {"a": 9, "b": 0}, {"a": 0, "b": 0}]
    found = run(RangeFilter, records, valid_range="a:0:1,b:0:1")
    assert found.records == [{"a": 0, "b": 0}]
    assert found.counts.skipped == {"out of range: a": 2, "out of range: b": 1}


def test_a_trailing_comma_is_no_range() -> None:  # the original's FIT file has one
    assert passed([1.0, 40.0], "t:0:5,") == [1.0]


def test_a_mapping_says_the_same() -> None:
    assert passed([1.0, 40.0], {"t": (0, 5)}) == [1.0]


def test_the_default_is_the_range_of_the_city_sensors() -> None:
    # riotbench.md section 3, SYS
    good = {"temperature": 0.7, "humidity": 69.1, "light": 0, "dust": 83.36, "airquality_raw": 49}
    bad = {**good, "dust": 83.0}
    found = run(RangeFilter, [good, bad])
    assert found.records == [good]
    assert found.counts.skipped == {"out of range: dust": 1}


@pytest.mark.parametrize("wrong", ["t:1", "t:a:b", "t:5:1", "t:nan:1", "", ","])
def test_a_range_that_cannot_be_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError):
        RangeFilter.declared.lift(valid_range=wrong).spec()  # type: ignore[attr-defined]
