from raymill.tasks.block_window_average import block_window_average
from tasks.recut import run

NUMBERS = [{"value": float(value)} for value in (1, 2, 6, -4, -5, 0, 8)]
# Blocks of three: (1 + 2 + 6) / 3 = 3 and (-4 - 5 + 0) / 3 = -3; 8 is left.


def test_each_full_block_answers_its_mean() -> None:
    found = run(block_window_average, NUMBERS, window=3)
    assert [record["value"] for record in found.records] == [3.0, -3.0]


def test_what_is_left_is_counted() -> None:
    found = run(block_window_average, NUMBERS, window=3)
    assert (found.counts.held, found.counts.answered, found.unfinished) == (5, 2, 1)


def test_flush_answers_what_is_left() -> None:
    found = run(block_window_average, [*NUMBERS, {"value": 9.0}], window=3, flush=True)
    assert [record["value"] for record in found.records] == [3.0, -3.0, 8.5]


def test_flush_answers_nothing_for_a_block_that_is_just_full() -> None:
    assert len(run(block_window_average, NUMBERS[:6], window=3, flush=True).records) == 2


def test_keys_fill_blocks_of_their_own() -> None:
    records = [{"value": float(i), "key": "ab"[i % 2]} for i in range(4)]
    found = run(block_window_average, records, window=2, key="key").records
    assert found == [{"value": 1.0, "key": "a"}, {"value": 2.0, "key": "b"}]


def test_the_default_block_is_ten_records() -> None:
    found = run(block_window_average, [{"value": float(i)} for i in range(10)]).records
    assert found == [{"value": 4.5}]


def test_a_window_of_one_is_the_value() -> None:
    found = run(block_window_average, NUMBERS, window=1).records
    assert found == NUMBERS
