"""Parquet files: row groups as pieces."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.sourcing import drain, put
from raymill.connectors import parquet
from raymill.connectors.parquet import ParquetSource
from raymill.errors import DataError, InputError, UnknownName

ROWS = 200_000


@pytest.fixture
def table() -> pa.Table:
    ids = pa.array([f"sensor-{row % 100:03d}-of-the-first-floor" for row in range(ROWS)])
    names = pa.array([f"a name of its own, {row}" for row in range(ROWS)])
    return pa.table({"id": ids, "name": names, "v": np.arange(ROWS) / 4, "a.b": np.arange(ROWS)})


def write(folder: Path, name: str, table: pa.Table, rows: int | None = None) -> str:
    pq.write_table(table, folder / name, row_group_size=rows)
    return str(folder / name)


@pytest.mark.parametrize(
    ("group", "many", "pieces"),
    # 200,000 rows: groups of 1,000 are read 65 at a time; groups of 70,000 one by one; the last
    # two are one group, read whole or in slices of 65,536.
    [(1000, 1 << 20, 4), (70_000, 1 << 20, 3), (ROWS, 1 << 20, 1), (ROWS, 100_000, 4)],
)
def test_all_rows_come_in_order_in_blocks_of_65536(
    tmp_path: Path,
    table: pa.Table,
    monkeypatch: pytest.MonkeyPatch,
    group: int,
    many: int,
    pieces: int,
) -> None:
    monkeypatch.setattr(parquet, "_MANY_ROWS", many)
    path = write(tmp_path, "x.parquet", table, group)
    source = ParquetSource((path, path))
    given = list(source.pieces())
    assert [piece.number for piece in given] == list(range(2 * pieces))
    blocks = [block for piece in given for block in source.read(piece)]
    assert max(block.span for block in blocks) <= 65_536
    assert sum(block.size_bytes for block in blocks) == source.size_bytes()
    whole = pa.Table.from_batches([block.batch for block in blocks])
    assert whole.slice(ROWS)["v"].to_pylist() == table["v"].to_pylist()
    for first in (1, 2, 2 * pieces - 1, 2 * pieces):
        later = list(source.pieces(first))
        assert [piece.number for piece in later] == list(range(first, 2 * pieces))
        again = [block.batch for piece in later for block in source.read(piece)]
        before = len(blocks) - len(again)
        assert again == [block.batch for block in blocks[before:]]


def test_text_of_few_values_stays_a_dictionary(tmp_path: Path, table: pa.Table) -> None:
    source = ParquetSource((write(tmp_path, "x.parquet", table.slice(0, 5000)),))
    assert [str(kind) for kind in source.schema().types] == [
        "dictionary<values=string, indices=int32, ordered=0>",
        "string",
        "double",
        "int64",
    ]
    got = drain(source)
    assert got.rows[1] == (2, ("sensor-001-of-the-first-floor", "a name of its own, 1", 0.25, 1))


def test_only_selected_columns_are_read(tmp_path: Path, table: pa.Table) -> None:
    source = ParquetSource((write(tmp_path, "x.parquet", table.slice(0, 3)),))
    narrow = source.select(frozenset({"a.b", "v"}))
    assert narrow.schema().names == ["v", "a.b"]
    assert drain(narrow).values == [(0.0, 0), (0.25, 1), (0.5, 2)]
    assert len(drain(source.select(frozenset())).rows) == 3
    with pytest.raises(UnknownName, match="Unknown column `w`"):
        source.select(frozenset({"w"}))


def test_files_must_agree(tmp_path: Path) -> None:
    first = write(tmp_path, "1.parquet", pa.table({"a": [1], "b": ["x"]}))
    missing = write(tmp_path, "2.parquet", pa.table({"a": [1]}))
    other = write(tmp_path, "3.parquet", pa.table({"a": [1.5], "b": ["x"]}))
    more = write(tmp_path, "4.parquet", pa.table({"a": [1], "b": ["x"], "c": [1]}))
    turned = write(tmp_path, "5.parquet", pa.table({"b": ["x"], "a": [1]}))
    for path, problem in [
        (missing, r"2.parquet` has no column `b`, which `.*1.parquet` has"),
        (other, r"Column `a` is double in `.*3.parquet` but int64 in `.*1.parquet`"),
        (more, r"4.parquet` has a column `c`, which `.*1.parquet` has not"),
        (turned, r"5.parquet` has the columns of `.*1.parquet` in another order"),
    ]:
        with pytest.raises(InputError, match=problem):
            ParquetSource((first, path)).schema()


def test_a_file_without_rows_has_columns(tmp_path: Path) -> None:
    source = ParquetSource((write(tmp_path, "x.parquet", pa.table({"a": pa.array([], "f8")})),))
    assert source.schema().names == ["a"]
    assert list(source.pieces()) == []


def test_a_truncated_file_and_one_of_another_format(tmp_path: Path) -> None:
    path = write(tmp_path, "x.parquet", pa.table({"a": [1, 2, 3]}))
    cut = put(tmp_path, "cut.parquet", Path(path).read_bytes()[:-20])
    with pytest.raises(DataError, match=r"cut.parquet` breaks off or is damaged"):
        ParquetSource((cut,)).schema()
    with pytest.raises(DataError, match="breaks off"):
        ParquetSource((put(tmp_path, "empty.parquet", b""),)).schema()
    with pytest.raises(InputError, match=r"text.parquet` is no Parquet file"):
        ParquetSource((put(tmp_path, "text.parquet", "hello, world"),)).schema()


def test_damage_inside_stops_the_run_and_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table({"a": np.random.default_rng(1).random(10_000)})
    pq.write_table(table, path, write_page_checksum=True)
    data = bytearray(path.read_bytes())
    data[5000:5010] = bytes(10)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"x.parquet` is damaged"):
        drain(ParquetSource((str(path),)))
