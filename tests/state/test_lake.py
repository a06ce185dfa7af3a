"""The lake: commits that are whole, snapshots that stay, rows that are replaced by their key."""

import pickle
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raymill import faults
from raymill.errors import Fenced, StoreError
from raymill.state.database import Database, Execute
from raymill.state.lake import Fence, Lake, LakeTable, Once, Part
from raymill.state.lake_compaction import check, compact, sweep, vacuum
from state.lakes import PRICES, TICKS, held, named, on_disk, part, rows


@pytest.fixture
def lake(database: Database, tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", database, now=lambda: 1000.0)


def later(lake: Lake, seconds: float) -> Lake:
    return Lake(lake.folder, lake.database, now=lambda: lake.now() + seconds)


def test_what_is_appended_is_read_and_nothing_else_is_written(lake: Lake) -> None:
    assert held(lake, TICKS) == []
    assert lake.append(TICKS, part(("b", 2, 2.5), ("a", 1, None))) == 1
    assert lake.append(TICKS, part(("a", 3, 3.0), partition="p=2")) == 2
    assert held(lake, TICKS) == [("a", 1, None), ("a", 3, 3.0), ("b", 2, 2.5)]
    assert on_disk(lake) == named(lake)
    assert sorted({path.rpartition("/")[0] for path in named(lake)}) == [
        "ticks/p=1",
        "ticks/p=2",
    ]


def test_a_file_is_sorted_and_says_what_it_is(lake: Lake) -> None:
    lake.append(TICKS, part(("b", 1, 1.0), ("a", 9, 2.0), ("a", 3, 3.0)))
    (path,) = lake.paths(lake.files(TICKS))
    file = pq.ParquetFile(path)
    assert file.read()["day"].to_pylist() == [3, 9, 1]
    assert file.schema_arrow.metadata[b"raymill.table"] == b"ticks"
    group = file.metadata.row_group(0)
    assert group.column(0).compression == "ZSTD"
    assert "BYTE_STREAM_SPLIT" in group.column(2).encodings
    assert [group.column(n).statistics is None for n in range(3)] == [False, False, True]


def test_nothing_appended_is_no_snapshot(lake: Lake) -> None:
    assert lake.append(TICKS, part()) is None
    assert lake.snapshot() == 0


def test_a_key_is_replaced_whole(lake: Lake) -> None:
    lake.replace(PRICES, part(("a", 1, 1.0), ("a", 2, 2.0), ("b", 1, 7.0)))
    lake.replace(PRICES, part(("a", 3, 3.0)))
    assert held(lake) == [("a", 3, 3.0), ("b", 1, 7.0)]


def test_the_same_content_again_changes_nothing(lake: Lake) -> None:
    batch = part(("a", 1, 1.0), ("a", 2, 2.0), ("b", 1, 7.0))
    assert lake.replace(PRICES, batch) == 1
    before = on_disk(lake)
    assert lake.replace(PRICES, batch) is None
    assert lake.replace(PRICES, part(("a", 2, 2.0), ("a", 1, 1.0))) is None
    assert (lake.snapshot(), on_disk(lake)) == (1, before)


def test_of_several_keys_only_those_that_differ_are_written(lake: Lake) -> None:
    lake.replace(PRICES, part(("a", 1, 1.0)))
    lake.replace(PRICES, part(("b", 1, 7.0)))
    first = lake.files(PRICES)[0].path
    lake.replace(PRICES, part(("a", 1, 1.0), ("b", 1, 8.0)))
    assert held(lake) == [("a", 1, 1.0), ("b", 1, 8.0)]
    assert first in {file.path for file in lake.files(PRICES)}


def test_a_key_without_rows_is_emptied(lake: Lake) -> None:
    lake.replace(PRICES, part(("a", 1, 1.0), ("b", 1, 7.0)))
    assert lake.replace(PRICES, part(keys="ac")) is not None
    assert held(lake) == [("b", 1, 7.0)]
    assert lake.replace(PRICES, part(keys="ac")) is None


def test_a_row_of_another_key_or_of_none_is_refused(lake: Lake) -> None:
    with pytest.raises(StoreError, match=r'row for key \["b"\] was given to table `prices` unask'):
        lake.replace(PRICES, part(("a", 1, 1.0), ("b", 1, 1.0), keys="a"))
    bare = rows(("a", 1, 1.0)).set_column(0, "name", pa.array([None], pa.string()))
    with pytest.raises(StoreError, match="has no `name`, which is part of its key"):
        lake.replace(PRICES, Part(bare, "p=1", [("a",)]))
    assert on_disk(lake) == set()


def test_an_old_snapshot_is_read_as_it_was(lake: Lake) -> None:
    lake.replace(PRICES, part(("a", 1, 1.0), ("b", 1, 7.0)))
    with lake.hold() as snapshot:
        lake.replace(PRICES, part(("a", 2, 2.0)))
        lake.replace(PRICES, part(("c", 1, 1.0)))
        compact(lake, PRICES, whole=True)
        assert vacuum(later(lake, 10_000)) == 0
        assert held(lake, snapshot=snapshot) == [("a", 1, 1.0), ("b", 1, 7.0)]
    assert held(lake) == [("a", 2, 2.0), ("b", 1, 7.0), ("c", 1, 1.0)]
    assert vacuum(later(lake, 10_000)) == 4
    with pytest.raises(StoreError, match="Snapshot 1 of table `prices` is no longer kept"):
        held(lake, snapshot=snapshot)
    assert on_disk(lake) == named(lake)
    assert len(named(lake)) == 1


def test_a_file_that_ended_stays_for_a_while(lake: Lake) -> None:
    lake.replace(PRICES, part(("a", 1, 1.0)))
    lake.replace(PRICES, part(("a", 2, 1.0)))
    assert vacuum(later(lake, 899)) == 0
    assert held(lake, snapshot=1) == [("a", 1, 1.0)]
    assert vacuum(later(lake, 901)) == 1


def test_readers_that_are_gone_hold_nothing(lake: Lake) -> None:
    lake.replace(PRICES, part(("a", 1, 1.0)))
    with lake.hold(for_s=5000):
        lake.replace(PRICES, part(("a", 2, 1.0)))
        assert vacuum(later(lake, 4999), alive=lambda owner: None) == 0
        assert vacuum(later(lake, 9999), alive=lambda owner: True) == 0
        assert vacuum(later(lake, 5000), alive=lambda owner: None) == 1


def test_rows_of_the_caller_are_committed_with_the_files_or_not_at_all(lake: Lake) -> None:
    def note(execute: Execute) -> None:
        execute("INSERT INTO lake_sequence VALUES ('cursor', 5)")

    def fail(execute: Execute) -> None:
        note(execute)
        raise KeyboardInterrupt

    def cursors() -> list[tuple[object, ...]]:
        with lake.database.reading() as execute:
            return execute("SELECT * FROM lake_sequence")

    with pytest.raises(KeyboardInterrupt):
        lake.append(TICKS, part(("a", 1, 1.0)), also=fail)
    assert (held(lake, TICKS), on_disk(lake), cursors()) == ([], set(), [])
    lake.append(TICKS, part(("a", 1, 1.0)), also=note)
    assert (held(lake, TICKS), cursors()) == ([("a", 1, 1.0)], [("cursor", 5)])


def test_a_numbered_batch_is_written_once(lake: Lake) -> None:
    assert lake.append(TICKS, part(("a", 1, 1.0)), once=Once("stream", 1)) == 1
    assert lake.append(TICKS, part(("a", 1, 1.0)), once=Once("stream", 1)) is None
    assert lake.append(TICKS, part(("a", 2, 1.0)), once=Once("stream", 2)) == 2
    assert lake.append(TICKS, part(("a", 1, 1.0)), once=Once("stream", 1)) is None
    assert lake.append(TICKS, part(("b", 1, 1.0)), once=Once("other", 1)) == 3
    assert held(lake, TICKS) == [("a", 1, 1.0), ("a", 2, 1.0), ("b", 1, 1.0)]


def test_an_epoch_that_is_over_writes_nothing(lake: Lake) -> None:
    old, new = Fence("stream", 1), Fence("stream", 2)
    lake.append(TICKS, part(("a", 1, 1.0)), fence=old)
    lake.append(TICKS, part(("a", 2, 1.0)), fence=new)
    for write, table in ((lake.append, TICKS), (lake.replace, PRICES)):
        with pytest.raises(Fenced, match="Epoch 1 of `stream` is over"):
            write(table, part(("a", 3, 1.0)), fence=old)
    with pytest.raises(Fenced):
        compact(lake, TICKS, whole=True, fence=old)
    assert held(lake, TICKS) == [("a", 1, 1.0), ("a", 2, 1.0)]
    assert held(lake, PRICES) == []
    assert on_disk(lake) == named(lake)


@pytest.mark.parametrize(
    ("where", "days", "files"),
    [
        ([("day", "=", 20)], [20], 1),
        ([("day", "<", 12)], [1, 2, 10, 11], 2),
        ([("day", "<=", 1)], [1], 1),
        ([("day", ">", 11)], [20, 21], 1),
        ([("day", ">=", 11)], [11, 20, 21], 2),
        ([("day", "!=", 20)], [1, 2, 10, 11, 21], 3),
        ([("day", "in", [2, 21, 99])], [2, 21], 2),
        ([("name", "=", "b"), ("day", ">", 10)], [11], 1),
        ([("name", "=", "z")], [], 0),
        ([("price", ">", 20.0)], [21], 3),
    ],
)
def test_conditions_leave_out_rows_and_whole_files(
    lake: Lake, where: list[tuple[str, str, object]], days: list[int], files: int
) -> None:
    for first, name in ((1, "a"), (10, "b"), (20, "c")):
        cells = [(name, day, float(day)) for day in (first, first + 1)]
        lake.append(TICKS, part(*cells))
    found = lake.read(TICKS, where, columns=["day"])  # type: ignore[arg-type]
    assert sorted(found["day"].to_pylist()) == days
    assert len(lake.files(TICKS, where)) == files  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.int8(), [-3, 0, 7]),
        (pa.float64(), [-1e300, 0.1, 1 / 3]),
        (pa.bool_(), [False, False, True]),
        (pa.date32(), [date(1969, 1, 1), date(2024, 2, 29), date(2262, 1, 1)]),
        (pa.timestamp("ns", "UTC"), [-1, 1, 1_700_000_000_123_456_789]),
        (pa.decimal128(38, 10), [Decimal("-1.5"), Decimal("0.0000000001"), Decimal("7e20")]),
        (pa.string(), ["", "a'b", "ü"]),
    ],
)
def test_bounds_of_every_type_are_read_again(
    lake: Lake, kind: pa.DataType, values: list[object]
) -> None:
    table = LakeTable("any", pa.schema([("x", kind)]), stats=("x",))
    cells = pa.array(values, kind)
    for n in range(3):
        lake.append(table, Part(pa.table({"x": cells.slice(n, 1)})))
    lake.append(table, Part(pa.table({"x": pa.nulls(2, kind)})))
    assert lake.read(table, [("x", "=", cells[2])])["x"].combine_chunks() == cells.slice(2)
    assert len(lake.files(table, [("x", "=", cells[2])])) == 1
    assert len(lake.files(table, [("x", ">=", cells[0])])) == 3
    assert len(lake.files(table, [("x", "<", cells[2])])) == 2
    assert lake.files(table, [("x", "=", None)]) == []


def test_only_the_partitions_that_are_named_are_read(lake: Lake) -> None:
    for n in range(3):
        lake.append(TICKS, part(("a", n, 1.0), partition=f"p={n}"))
    assert held(lake, TICKS, partitions=["p=0", "p=2", "p=9"]) == [("a", 0, 1.0), ("a", 2, 1.0)]
    assert held(lake, TICKS, partitions=[]) == []


def test_batches_give_the_same_rows(lake: Lake) -> None:
    assert list(lake.batches(TICKS)) == []
    lake.append(TICKS, part(("a", 1, 1.0), ("b", 2, 2.0)))
    (batch,) = lake.batches(TICKS, [("day", "=", 2)], columns=["name"])
    assert batch.to_pydict() == {"name": ["b"]}


def test_many_small_files_become_one_of_the_same_rows(lake: Lake) -> None:
    for n in range(7):
        lake.replace(PRICES, part((chr(97 + n), n, float(n))))
    assert compact(lake, PRICES) == 0
    lake.replace(PRICES, part(("h", 7, 7.0)))
    before = held(lake)
    assert compact(lake, PRICES) == 8
    (file,) = lake.files(PRICES)
    assert (file.record_count, held(lake)) == (8, before)
    # The keys have moved with their rows.
    assert lake.replace(PRICES, part(("c", 2, 2.0))) is None
    lake.replace(PRICES, part(("c", 9, 9.0)))
    assert held(lake) == sorted([*(row for row in before if row[0] != "c"), ("c", 9, 9.0)])


def test_partitions_are_never_merged_with_each_other(lake: Lake) -> None:
    for n in range(4):
        lake.append(TICKS, part(("a", n, 1.0), partition=f"p={n % 2}"))
    assert compact(lake, TICKS, whole=True) == 4
    assert [file.partition_value for file in lake.files(TICKS)] == ["p=0", "p=1"]


WIDER = LakeTable(
    PRICES.name,
    pa.schema([*PRICES.schema, pa.field("note", pa.string())]),
    sort=PRICES.sort,
    key=PRICES.key,
    stats=(*PRICES.stats, "note"),
)


def test_a_column_may_be_added(lake: Lake) -> None:
    lake.replace(PRICES, part(("a", 1, 1.0), ("b", 1, 1.0)))
    assert lake.read(WIDER)["note"].to_pylist() == [None, None]
    noted = rows(("c", 1, 1.0)).append_column("note", pa.array(["new"]))
    lake.replace(WIDER, Part(noted, "p=1", [("c",)]))
    assert lake.read(WIDER, [("note", "=", "new")])["name"].to_pylist() == ["c"]
    compact(lake, WIDER, whole=True)
    assert sorted(lake.read(WIDER).to_pydict()["note"], key=str) == [None, None, "new"]
    with pytest.raises(StoreError, match="has a column `note` that this version does not know"):
        lake.read(PRICES)


def test_a_column_of_another_type_is_refused(lake: Lake) -> None:
    lake.append(TICKS, part(("a", 1, 1.0)))
    other = LakeTable(TICKS.name, pa.schema([*list(TICKS.schema)[:2], ("price", pa.string())]))
    with pytest.raises(StoreError, match="Column `price` of table `ticks` is double, not string"):
        lake.read(other)


def test_a_table_with_a_key_is_not_appended_to(lake: Lake) -> None:
    with pytest.raises(StoreError, match="are replaced by their key, not appended"):
        lake.append(PRICES, part(("a", 1, 1.0)))


def test_rows_that_do_not_fit_are_refused(lake: Lake) -> None:
    with pytest.raises(StoreError, match="Table `ticks` has no column `volume`"):
        lake.append(TICKS, Part(rows().append_column("volume", pa.array([], pa.int64()))))
    words = pa.table({"name": ["a"], "day": ["monday"]})
    with pytest.raises(StoreError, match="Column `day` does not fit table `ticks`"):
        lake.append(TICKS, Part(words))
    lake.append(TICKS, Part(pa.table({"day": pa.array([7], pa.int16()), "name": ["a"]})))
    assert held(lake, TICKS) == [("a", 7, None)]


def test_a_missing_and_a_damaged_file_are_named(lake: Lake) -> None:
    lake.append(TICKS, part(("a", 1, 1.0)))
    lake.append(TICKS, part(("b", 1, 1.0)))
    good, bad = (Path(path) for path in lake.paths(lake.files(TICKS)))
    data = bytearray(bad.read_bytes())
    bad.write_bytes(data[:-20])
    with pytest.raises(StoreError, match=f"File `{bad}` of the lake is damaged: .* bytes inst"):
        lake.read(TICKS)
    data[8] ^= 0xFF
    bad.write_bytes(data)
    with pytest.raises(StoreError, match=f"File `{bad}` of the lake is damaged"):
        lake.read(TICKS)
    bad.unlink()
    with pytest.raises(StoreError, match=f"File `{bad}` of the lake is missing"):
        lake.read(TICKS)
    assert check(lake, TICKS) == [(bad.relative_to(lake.folder).as_posix(), "is missing")]
    assert good.exists()


def test_what_a_killed_process_left_is_swept_when_it_is_old(lake: Lake) -> None:
    lake.append(TICKS, part(("a", 1, 1.0)))
    folder = lake.folder / "ticks" / "p=1"
    for name in ("part-1.parquet", "part-2.parquet.partial"):
        (folder / name).write_bytes(b"half")
    (folder / "note.txt").write_text("not ours")
    born = (folder / "part-1.parquet").stat().st_mtime
    young = Lake(lake.folder, lake.database, now=lambda: born + 3599)
    old = Lake(lake.folder, lake.database, now=lambda: born + 3602)
    assert sweep(young) == 0
    assert sweep(old) == 2
    assert on_disk(lake) - named(lake) == {"ticks/p=1/note.txt"}
    assert held(lake, TICKS) == [("a", 1, 1.0)]


def test_a_commit_whose_files_were_swept_meanwhile_writes_them_again(lake: Lake) -> None:
    def sweep_once(name: str) -> None:
        if name == "lake.ready" and not swept:
            swept.append(sweep(later(Lake(lake.folder, lake.database), 10_000)))

    swept: list[int] = []
    faults.watch(sweep_once)
    assert lake.append(TICKS, part(("a", 1, 1.0))) is not None
    swept_first = swept.pop()
    assert lake.replace(PRICES, part(("b", 1, 1.0))) is not None
    assert (swept_first, swept) == (1, [1])
    assert held(lake, TICKS) + held(lake) == [("a", 1, 1.0), ("b", 1, 1.0)]


def test_a_lake_goes_to_other_processes(lake: Lake) -> None:
    lake = Lake(lake.folder, lake.database)
    lake.append(TICKS, part(("a", 1, 1.0)))
    other = pickle.loads(pickle.dumps(lake))
    other.append(TICKS, part(("b", 1, 1.0)))
    other.database.close()
    assert held(lake, TICKS) == [("a", 1, 1.0), ("b", 1, 1.0)]
