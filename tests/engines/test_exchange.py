"""Rows go to the owners of their keys and come back in order, with what became of them."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from raymill.engines.clean import Asked
from raymill.engines.exchange import Waiting, merge, owned, owner_of
from raymill.errors import ConfigError
from raymill.flow.column_task import Answer
from raymill.flow.outcome import HELD, RAISED, Fail, Outcome, Skip

COLD, LATE, BROKEN = Skip("cold"), Skip("late"), Fail("broken")


@pytest.mark.parametrize("groups", [1, 5, 64])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 64, 100])
def test_each_group_has_one_owner(count: int, groups: int) -> None:
    ranges = [owned(worker, count, groups) for worker in range(count)]
    assert [group for one in ranges for group in one] == list(range(groups))
    owners = owner_of(np.arange(groups, dtype=np.int32), count, groups).tolist()
    assert all(group in ranges[owner] for group, owner in enumerate(owners))


def merged(*parts: tuple[list[int], Answer], declared: tuple[Outcome, ...] = ()) -> Answer:
    rows = [np.array(mine, np.int64) for mine, _ in parts]
    count = sum(map(len, rows))
    waiting = Waiting(Any, Asked({}, count), list(rows))  # type: ignore[arg-type]
    return merge(waiting, [answer for _, answer in parts], declared)


def codes(*values: int) -> Any:
    return np.array(values, np.uint8)


def test_cells_are_put_back_into_their_rows() -> None:
    found = merged(
        ([0, 3], Answer({"v": np.array([1.0, 4.0]), "t": pa.array(["a", "d"])})),
        ([1, 2], Answer({"v": np.array([2.0, 3.0]), "t": pa.array(["b", "c"])})),
    )
    assert found.columns["v"].tolist() == [1.0, 2.0, 3.0, 4.0]  # type: ignore[union-attr]
    assert found.columns["t"].to_pylist() == ["a", "b", "c", "d"]  # type: ignore[union-attr]
    assert found.code is None


def test_an_owner_that_emits_all_gives_no_codes() -> None:
    found = merged(
        ([0, 2], Answer({"v": np.zeros(2)})),
        ([1], Answer({"v": np.zeros(1)}, codes(HELD))),
    )
    assert found.code is not None
    assert found.code.tolist() == [0, HELD, 0]


def test_reasons_that_owners_number_differently_are_told_apart() -> None:
    found = merged(
        ([0, 2], Answer({}, codes(2, 1), outcomes=(COLD, BROKEN))),
        ([1, 3], Answer({}, codes(2, 3), outcomes=(COLD, LATE, BROKEN))),
        ([4], Answer({}, codes(1))),  # as declared
        declared=(COLD,),
    )
    assert found.outcomes == (COLD, BROKEN, LATE)
    assert found.code is not None
    assert found.code.tolist() == [2, 3, 1, 2, 1]


def test_more_reasons_than_codes_are_refused() -> None:
    several = [tuple(Skip(f"{who}{n}") for n in range(200)) for who in "ab"]
    with pytest.raises(ConfigError, match="250 different reasons"):
        merged(
            ([0], Answer({}, codes(1), outcomes=several[0])),
            ([1], Answer({}, codes(1), outcomes=several[1])),
        )


def test_what_was_raised_stays_with_its_row() -> None:
    found = merged(
        ([0, 2], Answer({}, codes(0, RAISED), errors={1: "two"})),
        ([1], Answer({}, codes(RAISED), errors={0: "one"})),
    )
    assert found.errors == {2: "two", 1: "one"}


def test_none_or_several_outputs_for_a_row_keep_the_order_of_rows() -> None:
    found = merged(
        ([0, 2], Answer({"v": np.array([1, 2, 3])}, codes(0, 0), np.array([0, 1, 1]))),
        ([1, 3], Answer({"v": np.array([9, 8])}, codes(HELD, 0), np.array([1, 1]))),
    )
    assert found.rows is not None
    assert found.rows.tolist() == [0, 2, 2, 3, 3]
    assert found.columns["v"].to_pylist() == [1, 2, 3, 9, 8]  # type: ignore[union-attr]
    assert found.code is not None
    assert found.code.tolist() == [0, HELD, 0, 0]
