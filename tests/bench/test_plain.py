"""The plain loops do the same arithmetic as the tasks that they are compared with."""

from typing import Any

import pytest

from raymill.bench import lookalike
from raymill.bench.case import Setup
from raymill.bench.readings import batches, texts
from raymill.bench.streams import plain
from raymill.bench.streams.operator import Then, planned, through
from raymill.bench.streams.parsers import UNITS, column, document
from raymill.bench.streams.steps import KalmanByHand
from raymill.bench.streams.tasks import RANGES, lists, with_gaps
from raymill.flow import as_declared

pytestmark = pytest.mark.system  # each loop is compiled first
SETUP = Setup(records=3000)


def ran(found: list[Any], then: Then) -> dict[str, list[Any]]:
    """What the engine makes of batches, as lists."""
    return lists(list(through(planned(found, then), found)))


def few_keys(*fields: str) -> list[Any]:
    return batches(SETUP, *fields, keys=20)


@pytest.mark.parametrize("name", ["kalman_filter", "block_window_average"])
def test_one_number_comes_out(name: str) -> None:
    found = few_keys("temperature")
    columns = lists(found)
    answers = ran(found, lambda s: s.then(name, field="temperature", key="source"))["value"]
    assert getattr(plain, name)(columns["source"], columns["temperature"]) == answers


def test_the_line_and_its_predictions() -> None:
    found = few_keys("temperature")
    columns = lists(found)
    name = "sliding_linear_regression"
    answers = ran(found, lambda s: s.then(name, field="temperature", key="source"))
    loop = plain.sliding_linear_regression(columns["source"], columns["temperature"])
    assert len(loop) == 3000 - 20 * 10
    assert [value for value, _ in loop] == pytest.approx(answers["value"])
    assert [p for _, p in loop] == answers["predictions"]


def test_filled_gaps() -> None:
    found = with_gaps(SETUP)
    columns = lists(found)
    answers = ran(found, lambda s: s.then("interpolation", field="temperature", key="source"))
    loop = plain.interpolation(columns["source"], columns["temperature"])
    assert answers["temperature"] == pytest.approx(loop)


def test_ranges() -> None:
    found = few_keys(*RANGES)
    columns = lists(found)
    listed = ",".join(f"{name}:{low}:{high}" for name, (low, high) in RANGES.items())
    answers = ran(found, lambda s: s.then("range_filter", valid_range=listed))
    rows = plain.range_filter({name: columns[name] for name in RANGES}, RANGES)
    assert [columns["timestamp"][row] for row in rows] == answers["timestamp"]


def test_squared_counts() -> None:
    found = few_keys("temperature")
    answers = ran(found, lambda s: s.then("second_order_moment", field="temperature"))
    assert plain.second_order_moment(lists(found)["temperature"]) == answers["value"]


def test_windows_over_all_keys() -> None:
    found = few_keys("temperature")
    columns = lists(found)
    answers = ran(
        found,
        lambda s: s.then("accumulator", series="source", time="timestamp", value="temperature"),
    )
    loop = plain.accumulator(columns["source"], columns["timestamp"], columns["temperature"])
    assert loop == list(zip(answers["series"], answers["times"], answers["values"], strict=True))


def test_different_values_are_counted_about_right() -> None:
    values = lookalike.key_names(1000)
    assert plain.distinct_approx_count(values, k=14)[-1] == pytest.approx(1000, rel=0.05)


def test_a_filter_knows_its_members_and_few_others() -> None:
    names = lookalike.key_names(2000)
    found = plain.bloom_filter_check(names, plain.bloom_filter(names[:1000], size=1200))
    assert all(found[:1000])
    assert sum(found[1000:]) < 50


def test_a_table_is_looked_up() -> None:
    table = {"a": ("building1", "heat")}
    assert plain.annotate(["a", "b"], table) == (["building1", None], ["heat", None])


def test_senml_texts_become_columns_and_texts_again() -> None:
    found = column(texts(SETUP, "city"), 200)
    answers = ran(found, lambda s: s.then("senml_parse", field="senml"))
    loop = plain.senml_parse(texts(SETUP, "city")[:200])
    assert loop == answers
    again = plain.csv_to_senml(loop, UNITS, "timestamp")
    assert plain.senml_parse(text.encode() for text in again) == loop


def test_the_students_of_a_document_are_measured() -> None:
    # rollno 2 + 7, marks 2 + 12: RIoTBench's rule as xml_parse documents it
    assert plain.xml_parse(["<c><student rollno='39'><marks>85</marks></student></c>"]) == [23]
    text = document(SETUP)
    found = column([text.encode()], 1)
    answers = ran([found[0].rename_columns(["value"])], lambda s: s.then("xml_parse"))
    assert plain.xml_parse([text]) == answers["value"]


def test_the_filter_by_hand_answers_as_the_step() -> None:
    found = few_keys("temperature")
    step = ran(found, lambda s: s.then("kalman_filter", field="temperature", key="source"))
    by_hand = ran(found, lambda s: s.then(KalmanByHand, field="temperature", key="source"))
    assert by_hand["value"] == step["value"]
    assert as_declared(KalmanByHand).name == "kalman_by_hand"
