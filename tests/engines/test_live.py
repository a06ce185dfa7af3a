"""A task that is asked item by item. Values are worked out by hand, see `test_standalone.py`."""

import pickle

import pytest

from raymill.engines.items import ItemSource, as_batch, numbered
from raymill.engines.live import LiveTask

MEANS = {"q": 0.0, "r": 1.0, "p0": 1.0}


def test_state_is_kept_between_calls_whatever_the_items_look_like() -> None:
    live = LiveTask.of("kalman_filter", MEANS)
    assert live.answer([3.0]).results == [1.5]
    assert live.answer(["3", None, 6]).results == pytest.approx([2.0, None, 3.0])
    assert live.answer([8]).results == pytest.approx([4.0])


def test_what_failed_is_told_with_its_reason() -> None:
    given = LiveTask.of("kalman_filter", MEANS).answer([3.0, "x", float("inf")])
    assert given.results == [1.5, None, None]
    assert given.failed == {1: "`value` is not a number", 2: "`value` is infinite"}


def test_a_task_made_of_several_fields_gives_them_all() -> None:
    live = LiveTask.of("kalman_filter", {**MEANS, "field": ["a", "b"]})
    assert live.answer([{"a": 3, "b": 6}]).results == [
        {"a": 3, "b": 6, "a_value": 1.5, "b_value": 3.0}
    ]


def test_nothing_asked_is_nothing_answered() -> None:
    assert LiveTask.of("noop").answer([]).results == []


def test_items_are_cut_into_pieces_that_carry_their_rows() -> None:
    source = ItemSource(numbered(as_batch(list(range(2500)), "value")))
    pieces = list(source.pieces())
    assert [piece.stop - piece.start for piece in pieces] == [1000, 1000, 500]
    elsewhere = pickle.loads(pickle.dumps(source))
    assert elsewhere.schema() == source.schema()
    assert elsewhere.batch.num_rows == 0
    (block,) = elsewhere.read(pieces[2])
    assert block.batch.column("value")[0].as_py() == 2000
    assert [piece.number for piece in source.pieces(2)] == [2]
