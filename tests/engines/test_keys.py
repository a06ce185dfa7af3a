"""Keys become slots, in order of first appearance, however they are written and cut."""

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from raymill.engines.hashing import hash_texts
from raymill.engines.keys import KeyTable, group_of, key_texts


def test_slots_are_numbered_by_first_appearance() -> None:
    keys = KeyTable()
    assert keys.slots(pa.array(["b", "a", "b", None, ""])).tolist() == [0, 1, 0, -1, 2]
    assert keys.slots(pa.array(["c", "", "a"]), stamp=100).tolist() == [3, 2, 1]
    assert keys.texts().to_pylist() == ["b", "a", "", "c"]
    assert keys.stamps.tolist() == [0, 1, 4, 100]
    assert len(keys) == 4


def test_it_grows_over_many_keys_and_long_ones() -> None:
    chosen = random.Random(1)
    words = [f"{n}-" + "x" * chosen.randint(0, 60) for n in range(5000)]
    words[77] = "y" * 100_000
    keys = KeyTable()
    assert keys.slots(pa.array(words)).tolist() == list(range(5000))
    mixed = [chosen.randrange(5000) for _ in range(20_000)]
    assert keys.slots(pa.array([words[n] for n in mixed])).tolist() == mixed
    assert keys.texts().to_pylist() == words
    assert keys.texts(4998).to_pylist() == words[4998:]
    assert keys.texts(slots=np.array([5, 3])).to_pylist() == [words[5], words[3]]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_how_the_input_is_cut_makes_no_difference(size: int) -> None:
    chosen = random.Random(2)
    words = [chosen.choice(["a", "b", "c", None, "d" * 9]) for _ in range(200)]
    whole, cut = KeyTable(), KeyTable()
    expected = whole.slots(pa.array(words))
    found = [
        cut.slots(pa.array(words[at : at + size], pa.string()), at) for at in range(0, 200, size)
    ]
    assert np.concatenate(found).tolist() == expected.tolist()
    assert cut.stamps.tolist() == whole.stamps.tolist()


def coded(indices: list[int | None], words: list[str | None]) -> Any:
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, pa.int16()), pa.array(words, pa.string())
    )


def test_words_of_a_dictionary_are_keys_once_a_row_has_them() -> None:
    keys = KeyTable()
    assert keys.slots(coded([2, 0, 2, None], ["a", "b", "c"])).tolist() == [0, 1, 0, -1]
    assert keys.texts().to_pylist() == ["c", "a"]  # no row has b
    assert keys.slots(coded([1, 0, 2], ["a", None, "b"])).tolist() == [-1, 1, 2]


def test_batches_may_share_a_dictionary_or_not() -> None:
    keys = KeyTable()
    words = pa.array(["a", "b", "c"])
    for indices, slots in (([0, 1], [0, 1]), ([2, 0], [2, 0]), ([1, 1], [1, 1])):
        batch = pa.DictionaryArray.from_arrays(pa.array(indices, pa.int8()), words)
        assert keys.slots(batch).tolist() == slots
    assert keys.slots(coded([0, 1, 2], ["c", "b", "a"])).tolist() == [2, 1, 0]
    assert keys.slots(coded([0, 1, 2], ["a", "b", "c"]).slice(1, 2)).tolist() == [1, 2]


def test_a_table_is_filled_again_from_what_it_holds() -> None:
    keys, again = KeyTable(), KeyTable()
    keys.slots(pa.array(["b", "a", "c"]), stamp=10)
    again.restore(keys.texts(), keys.stamps)
    assert again.stamps.tolist() == [10, 11, 12]
    assert again.slots(pa.array(["c", "b", "x"]), stamp=50).tolist() == [2, 0, 3]
    again.least_stamps(np.array([0, 3], np.int32), np.array([7, 99]))
    assert again.stamps.tolist() == [7, 11, 12, 52]


def test_a_group_is_the_upper_half_of_the_hash_spread_over_the_groups() -> None:
    hashes = np.array([0, 2**63, 2**64 - 1, 2**62], np.uint64)
    assert group_of(hashes, 64).tolist() == [0, 32, 63, 16]
    assert group_of(hashes, 1).tolist() == [0, 0, 0, 0]
    keys = KeyTable(64)
    words = pa.array([f"sensor-{n}" for n in range(1000)])
    keys.slots(words)
    assert keys.groups.tolist() == group_of(hash_texts(words), 64).tolist()
    assert len(set(keys.groups.tolist())) == 64


def test_keys_of_several_columns_do_not_run_together() -> None:
    left = pa.array(["a", "a\x1f", "a", None, "a\x1f|b"])
    right = pa.array(["b", "b", "\x1fb", "b", "c"])
    texts = key_texts([left, right])
    assert texts.null_count == 1
    assert len(set(texts.to_pylist())) == 5
    other = key_texts([pa.array(["a"]), pa.array(["b\x1f|c"])])
    assert other.to_pylist()[0] not in texts.to_pylist()


def test_numbers_are_keys_by_their_text() -> None:
    keys = KeyTable()
    assert keys.slots(key_texts([pa.array([7, 8, 7])])).tolist() == [0, 1, 0]
    assert keys.slots(key_texts([pa.array(["8", "7"])])).tolist() == [1, 0]
