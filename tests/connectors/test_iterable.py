"""Records of the same program as a source."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from connectors.sourcing import drain
from raymill.connectors.iterable import IterableSource
from raymill.errors import InputError


def test_dictionaries_become_rows_and_missing_keys_null() -> None:
    source = IterableSource([{"a": 1, "b": "x"}, {"a": 2.5}, {"c": {"k": [1]}}])
    assert [str(kind) for kind in source.schema().types] == ["double", "string", "string"]
    assert drain(source).rows == [
        (1, (1.0, "x", None)),
        (2, (2.5, None, None)),
        (3, (None, None, '{"k":[1]}')),
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5, None, 2], "double"),
        (["x", None], "string"),
        ([np.int64(1)], "int64"),
        ([datetime(2026, 1, 1, tzinfo=UTC)], "timestamp[us, tz=UTC]"),
    ],
)
def test_plain_values_are_the_column_value(values: list[Any], kind: str) -> None:
    source = IterableSource(values)
    assert source.schema().names == ["value"]
    assert str(source.schema().field("value").type) == kind
    assert drain(source).values == values


def test_records_that_do_not_fit_the_first_thousand_are_rejected() -> None:
    late = [{"v": 1.5}, {"v": 7}, {"w": 1}, "text", {"v": True}]
    got = drain(IterableSource([{"v": 1}] * 1000 + late))
    assert got.rows[-1] == (1002, (7,))
    assert got.rejects == [
        (1001, "column `v`: `1.5` is no int64", '{"v":1.5}'),
        (1003, "unknown field `w`", '{"w":1}'),
        (1004, '"text" is no dictionary', '"text"'),
        (1005, "column `v`: `true` is no int64", '{"v":true}'),
    ]


def test_a_truth_value_is_no_number() -> None:
    got = drain(IterableSource([1.5] * 1000 + [True]))
    assert [reason for _, reason, _ in got.rejects] == ["column `value`: `true` is no double"]


def test_a_list_can_be_read_again_and_from_the_middle() -> None:
    source = IterableSource([{"v": v} for v in range(10)], rows=4)
    assert source.resumable
    assert [piece.number for piece in source.pieces()] == [0, 1, 2]
    assert drain(source, list(source.pieces(1))).values == [4, 5, 6, 7, 8, 9]


def test_a_generator_is_read_once() -> None:
    def numbers() -> Iterator[int]:
        yield from range(5000)

    source = IterableSource(numbers())
    assert not source.resumable
    assert drain(source).values == list(range(5000))
    with pytest.raises(InputError, match="can be read only once"):
        next(source.pieces())


def test_tables_and_batches_are_cut_not_copied() -> None:
    table = pa.table({"v": np.arange(150_000), "w": np.arange(150_000)})
    source = IterableSource(table).select(frozenset({"v"}))
    pieces = list(source.pieces())
    assert [piece.data.num_rows for piece in pieces] == [65_536, 65_536, 18_928]  # type: ignore[union-attr]
    assert drain(source).values == list(range(150_000))
    batches = [pa.record_batch({"v": [1]}), pa.record_batch({"v": [2]})]
    assert drain(IterableSource(iter(batches))).values == [1, 2]
    assert drain(IterableSource(batches[0])).values == [1]


def test_batches_must_agree() -> None:
    batches = [pa.record_batch({"v": [1]}), pa.record_batch({"v": ["x"]})]
    with pytest.raises(InputError, match="Column `v` is string in `a later batch`"):
        drain(IterableSource(batches))


def test_nothing_is_no_records() -> None:
    source = IterableSource([])
    assert (source.schema().names, drain(source).rows) == ([], [])


def test_a_schema_can_be_given() -> None:
    schema = pa.schema([("v", pa.float64())])
    source = IterableSource(iter([{"v": 1}, {"v": None}]), schema=schema)
    assert drain(source).values == [1.0, None]


@pytest.mark.parametrize("what", ["text", b"bytes", 7])
def test_text_and_numbers_are_no_records(what: Any) -> None:
    with pytest.raises(InputError, match="is no source of records"):
        IterableSource(what)
