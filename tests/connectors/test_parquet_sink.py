"""Parquet out: readable by others, row groups and statistics as they should be."""

import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.sinking import through
from raymill.connectors.parquet_sink import ParquetSink
from raymill.errors import SinkError

TABLE = pa.table(
    {
        "key": pa.array(["b", None, "a", "é"] * 5).dictionary_encode(),
        "number": pa.array([0.1, None, -math.inf, 5e-324] * 5),
        "whole": pa.array(range(20), pa.int32()),
        "list": pa.array([[1.5, None], [], None, [2.5]] * 5),
        "time": pa.array(range(20), pa.timestamp("ms", "UTC")),
        "flag": pa.array([True, None] * 10),
    },
    metadata={"origin": "test"},
)


@pytest.fixture(params=["snappy", "zstd", "none"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    sink = ParquetSink(str(tmp_path / "out.parquet"), compression=request.param)
    sink.group = 8
    through(sink, *TABLE.to_batches(max_chunksize=3))
    return Path(sink.path)


@pytest.fixture
def polars(need: Callable[[object, str], None]) -> Any:
    need(importlib.util.find_spec("polars"), "polars (extra `market`)")
    return importlib.import_module("polars")


def test_arrow_reads_the_same_table(path: Path) -> None:
    read = pq.read_table(path)
    assert read.equals(TABLE.set_column(0, "key", TABLE["key"].cast(pa.string())))
    assert read.schema.metadata == {b"origin": b"test"}


def test_polars_reads_the_same_records(path: Path, polars: Any) -> None:
    assert polars.read_parquet(path).drop("time").to_dicts() == TABLE.drop(["time"]).to_pylist()
    assert polars.read_parquet(path)["time"].dt.epoch("ms").to_list() == list(range(20))


def test_a_reader_that_skips_groups_by_statistics_finds_the_right_ones(
    path: Path, polars: Any
) -> None:
    found = polars.scan_parquet(path).filter(polars.col("whole") >= 15).select("whole").collect()
    assert found["whole"].to_list() == [15, 16, 17, 18, 19]
    assert pq.read_table(path, filters=[("whole", "<", 8)])["whole"].to_pylist() == list(range(8))


def test_duckdb_reads_the_same_records(path: Path) -> None:
    query = f"select whole, key, list from read_parquet('{path}') where whole > 13 order by whole"
    rows = TABLE.slice(14).select(["whole", "key", "list"]).to_pylist()
    assert duckdb.sql(query).fetchall() == [tuple(row.values()) for row in rows]


def test_each_row_group_has_its_statistics_and_place(path: Path) -> None:
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [8, 8, 4]
    wholes = [group.column(2).statistics for group in groups]
    assert [(each.min, each.max, each.null_count) for each in wholes] == [
        (0, 7, 0),
        (8, 15, 0),
        (16, 19, 0),
    ]
    places = [group.column(0).dictionary_page_offset for group in groups]
    assert places[0] == 4
    sizes = [sum(group.column(n).total_compressed_size for n in range(6)) for group in groups]
    assert places[1:] == [4 + sizes[0], 4 + sizes[0] + sizes[1]]


def test_text_has_a_dictionary_and_numbers_do_not(path: Path) -> None:
    group = pq.read_metadata(path).row_group(0)
    assert [group.column(number).has_dictionary_page for number in (0, 1, 2)] == [
        True,
        False,
        False,
    ]


def test_what_parquet_cannot_hold_is_refused_before_the_run(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    with pytest.raises(SinkError, match="cannot be written as `parquet`"):
        ParquetSink(str(path)).open(pa.schema({"a": pa.month_day_nano_interval()}))
    hidden = pa.schema({"b": pa.list_(pa.dictionary(pa.int8(), pa.string()))})
    with pytest.raises(SinkError, match="Column `b` of type `list<"):
        ParquetSink(str(path)).open(hidden)
    assert list(tmp_path.iterdir()) == []
