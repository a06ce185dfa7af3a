import pytest

from raymill.tasks.sliding_linear_regression import sliding_linear_regression
from tasks.recut import run


def over(
    values: list[float], cuts: tuple[int, ...] = (), **given: object
) -> list[dict[str, object]]:
    return run(sliding_linear_regression, [{"value": v} for v in values], cuts, **given).records


def test_a_straight_line_goes_on() -> None:
    found = over([1.0, 3.0, 5.0, 7.0], window=2, horizon=3)
    assert found[0] == {"value": 9.0, "predictions": [7.0, 9.0, 11.0]}
    assert found[1] == {"value": 11.0, "predictions": [9.0, 11.0, 13.0]}
    assert len(found) == 2


def test_least_squares_by_hand() -> None:
    # The window of the fourth record is 2, 6, 3 at x = 2, 3, 4: mean 11/3, slope (3 - 2) / 2 = 1/2,
    # so the line is 11/3 + (x - 3) / 2: 14/3 at x = 5, 31/6 at x = 6; their mean is 59/12.
    found = over([1.0, 2.0, 6.0, 3.0], window=3, horizon=2)
    assert len(found) == 1
    assert found[0]["predictions"] == pytest.approx([14 / 3, 31 / 6])
    assert found[0]["value"] == pytest.approx(59 / 12)


def test_predictions_of_earlier_records_are_not_overwritten() -> (
    None
):  # the original shares one array
    found = over([1.0, 3.0, 5.0, 0.0], window=2, horizon=1)
    assert [record["predictions"] for record in found] == [[7.0], [-5.0]]


def test_after_many_records_the_line_is_as_good_as_at_first() -> None:
    # running sums would carry the large values of the beginning along
    values = [1e15 * (i % 7) for i in range(5000)] + [1.0, 2.0, 3.0, 4.0, 5.0]
    assert over(values, window=5, horizon=2)[-1] == {"value": 6.5, "predictions": [6.0, 7.0]}


def test_warm_up_is_held_and_counted_only_if_it_never_answers() -> None:
    records = [{"value": 1.0, "key": "a"}] * 4 + [{"value": 1.0, "key": "b"}] * 3
    found = run(sliding_linear_regression, records, window=3, horizon=1, key="key")
    assert (found.counts.answered, found.counts.held, found.unfinished) == (1, 6, 3)


def test_ten_values_for_ten_predictions_by_default() -> None:
    found = over([float(i) for i in range(1, 12)])
    assert len(found) == 1
    assert found[0]["predictions"] == pytest.approx([float(i) for i in range(12, 22)])
    assert found[0]["value"] == pytest.approx(16.5)


def test_negative_predictions_are_answers() -> None:
    assert over([-1.0, -3.0, -5.0], window=2, horizon=1)[0]["value"] == -7.0
