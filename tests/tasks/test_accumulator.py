import pytest

from raymill.errors import PipelineError
from raymill.tasks.accumulator import Accumulator
from tasks.recut import Run, run


def lists(found: Run) -> list[tuple[object, ...]]:
    return [(r["series"], r["times"], r["values"]) for r in found.records]


def rows(*cells: tuple[str, int, float]) -> list[dict[str, object]]:
    return [{"series": series, "time": time, "value": value} for series, time, value in cells]


def test_a_window_answers_one_row_per_series_in_order_of_appearance() -> None:
    records = rows(("b", 5, 1.0), ("a", 3, 2.0), ("b", 4, 3.0), ("a", 9, 4.0), ("c", 1, 5.0))
    found = run(Accumulator, records, window=4)
    assert lists(found) == [("b", [4, 5], [3.0, 1.0]), ("a", [3, 9], [2.0, 4.0])]
    assert (found.counts.held, found.counts.answered, found.unfinished) == (4, 1, 1)


def test_the_window_counts_records_over_all_series() -> None:
    records = rows(*(("ab"[i % 2], i, float(i)) for i in range(6)))
    found = run(Accumulator, records, window=3)
    assert lists(found) == [
        ("a", [0, 2], [0.0, 2.0]),
        ("b", [1], [1.0]),
        ("b", [3, 5], [3.0, 5.0]),
        ("a", [4], [4.0]),
    ]


def test_equal_times_keep_their_order() -> None:  # undefined in the original
    records = rows(("a", 1, 1.0), ("a", 0, 2.0), ("a", 1, 3.0), ("a", 0, 4.0))
    assert lists(run(Accumulator, records, window=4)) == [("a", [0, 0, 1, 1], [2.0, 4.0, 1.0, 3.0])]


def test_times_far_apart_are_sorted_right() -> None:  # the original compares in 32 bits: 24.8 days
    month = 31 * 86_400_000
    records = rows(("a", month, 1.0), ("a", 0, 2.0), ("a", 12 * month, 3.0))
    assert lists(run(Accumulator, records, window=3)) == [("a", [0, month, 12 * month], [2, 1, 3])]


def test_a_long_series_in_reverse_order_is_sorted() -> None:
    records = rows(*(("a", 2000 - i // 2, float(i)) for i in range(2000)))
    times, values = lists(run(Accumulator, records, window=2000))[0][1:]
    assert times == sorted(2000 - i // 2 for i in range(2000))
    assert values[:4] == [1998.0, 1999.0, 1996.0, 1997.0]


def test_windows_go_on_over_blocks_and_flush_answers_the_rest() -> None:
    records = rows(*(("ab"[i % 2], -i, float(i)) for i in range(5)))
    found = run(Accumulator, records, [1, 2], window=3, flush=True)
    assert lists(found)[-2:] == [("b", [-3], [3.0]), ("a", [-4], [4.0])]
    assert found.unfinished == 0


def test_without_times_the_number_of_the_record_is_the_time() -> None:
    records = [{"series": "a", "value": value} for value in (5.0, 4.0, 3.0, 2.0)]
    found = run(Accumulator, records, [1], window=2)
    assert [r["times"] for r in found.records] == [[0, 1], [2, 3]]


def test_several_values_in_a_text_share_their_time() -> None:
    records = [
        {"series": "s", "observation": "T", "value": "1.5", "time": 5, "meta": "x"},
        {"series": "s", "observation": "SLR", "value": "1#2.5#3#", "time": 4, "meta": "x"},
        {"series": "s", "observation": "T", "value": "2", "time": 3, "meta": "x"},
        {"series": "s", "observation": "T", "value": "9", "time": 1, "meta": None},
    ]
    found = run(Accumulator, records, [2], window=4, multivalue="SLR").records
    assert [(r["observation"], r["meta"], r["times"], r["values"]) for r in found] == [
        ("T", "x", [3, 5], [2.0, 1.5]),
        ("SLR", "x", [4, 4, 4], [1.0, 2.5, 3.0]),
        ("T", None, [1], [9.0]),
    ]


@pytest.mark.parametrize("bad", ["x", "", "1#2", "nan", "inf"])
def test_text_that_is_no_number_fails_and_leaves_no_trace(bad: str) -> None:
    texts = ["1", bad, "2"]
    records = [{"series": "s", "observation": "T", "value": text} for text in texts]
    found = run(Accumulator, records, window=2, multivalue=["SLR"])
    assert lists(found) == [("s", [0, 1], [1.0, 2.0])]
    assert found.counts.failed == {"value is not a number": 1}


def test_series_may_be_numbers() -> None:
    records = [{"series": 7, "value": 1.0}, {"series": 8, "value": 2.0}]
    assert [s for s, _, _ in lists(run(Accumulator, records, window=2))] == ["7", "8"]


def test_a_list_cannot_name_a_series() -> None:
    with pytest.raises(PipelineError, match="cannot name a series"):
        run(Accumulator, [{"series": [1.0], "value": 1.0}])


def test_parts_of_a_name_do_not_run_together() -> None:
    # SENSORID + OBSTYPE of the original are one text: "a" + "bc" is "ab" + "c"
    records = [
        {"series": "a", "observation": "bc", "value": 1.0},
        {"series": "ab", "observation": "c", "value": 2.0},
    ]
    assert len(run(Accumulator, records, window=2).records) == 2


def test_the_default_window_is_twenty_records() -> None:
    records = rows(*(("a", i, 0.0) for i in range(39)))
    found = run(Accumulator, records)
    assert (len(found.records), found.unfinished) == (1, 19)
