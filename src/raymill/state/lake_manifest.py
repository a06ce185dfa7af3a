"""The manifest: which files a table consists of in which snapshot. Statements of a transaction."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.arrow import Array
from raymill.errors import Fenced, StoreError
from raymill.state.database import Execute
from raymill.state.lake_files import Bounds, DataFile
from raymill.state.lake_table import LakeTable, Where, described, evolved

T = TypeVar("T")
MANY = 500  # values in one statement
_FILE = (
    "path, partition_value, record_count, file_size_bytes, schema_id, data_file_id, begin_snapshot"
)


@dataclass(frozen=True, slots=True)
class Fence:
    """Who commits: a commit is refused once one of a higher epoch has been seen."""

    name: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Once:
    """Which one of a numbered sequence of commits this is: a number is never written twice."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What a table holds for a key."""

    data_file_id: int | None  # None where it holds no row
    content: str


def table_id(execute: Execute, table: LakeTable, *, make: bool = False) -> int | None:
    """The number of a table, with its columns checked; None as long as nobody wrote to it."""
    found = execute("SELECT table_id, columns FROM lake_table WHERE table_name=?", (table.name,))
    columns = described(table.schema)
    if not found:
        return _made(execute, table.name, columns) if make else None
    if evolved(found[0][1], columns, table.name) and make:
        execute("UPDATE lake_table SET columns=? WHERE table_id=?", (columns, found[0][0]))
    return int(found[0][0])


def _made(execute: Execute, name: str, columns: str) -> int:
    rows = execute(
        "INSERT INTO lake_table (table_name, columns) VALUES (?, ?) RETURNING table_id",
        (name, columns),
    )
    return int(rows[0][0])


def newest(execute: Execute) -> int:
    """The newest snapshot; 0 before the first."""
    return int(execute("SELECT coalesce(max(snapshot_id), 0) FROM lake_snapshot")[0][0])


def changed(execute: Execute, tables: Sequence[LakeTable], since: int) -> int:
    """The newest snapshot behind `since` that changed one of some tables; else `since`."""
    sql = (
        "SELECT max(snapshot_id) FROM lake_snapshot JOIN lake_table USING (table_id) "
        f"WHERE snapshot_id>? AND table_name IN ({_marks(tables)})"
    )
    found = execute(sql, (since, *(one.name for one in tables)))[0][0]
    return since if found is None else int(found)


def begun(execute: Execute, table: int, now: float, changes: str) -> int:
    """A new snapshot."""
    rows = execute(
        "INSERT INTO lake_snapshot (snapshot_time, table_id, changes_made) VALUES (?, ?, ?) "
        "RETURNING snapshot_id",
        (now, table, changes),
    )
    return int(rows[0][0])


def files_of(
    execute: Execute, table: int, snapshot: int, partitions: Sequence[str] | None = None
) -> list[DataFile]:
    """The files of a table in a snapshot, in the order of partition and age, without bounds."""
    sql = (
        f"SELECT {_FILE} FROM lake_data_file WHERE table_id=? AND begin_snapshot<=? "
        "AND (end_snapshot IS NULL OR end_snapshot>?)"
    )
    rows = []
    for some in [None] if partitions is None else list(_some(partitions)):
        more = "" if some is None else f" AND partition_value IN ({_marks(some)})"
        rows += execute(sql + more, (table, snapshot, snapshot, *(some or ())))
    return [_file(row) for row in sorted(rows, key=lambda row: (row[1], row[5]))]


def files_named(execute: Execute, numbers: Iterable[int]) -> list[DataFile]:
    """Files by their numbers."""
    rows = []
    for some in _some(sorted(numbers)):
        sql = f"SELECT {_FILE} FROM lake_data_file WHERE data_file_id IN ({_marks(some)})"
        rows += execute(sql, some)
    return [_file(row) for row in rows]


def _file(row: Sequence[object]) -> DataFile:
    path, partition, count, size, columns, number, begin = row
    return DataFile(
        str(path),
        str(partition),
        int(str(count)),
        int(str(size)),
        str(columns),
        data_file_id=int(str(number)),
        begin_snapshot=int(str(begin)),
    )


def check_is_kept(execute: Execute, table: int, name: str, snapshot: int) -> None:
    """Raises StoreError where files of a snapshot may have been removed."""
    rows = execute("SELECT oldest_snapshot FROM lake_table WHERE table_id=?", (table,))
    if snapshot < rows[0][0]:
        raise StoreError(
            f"Snapshot {snapshot} of table `{name}` is no longer kept; the oldest is {rows[0][0]}",
            hint="hold a snapshot for as long as you read it",
        )


def holding(
    execute: Execute, table: LakeTable, files: Sequence[DataFile], where: Where
) -> list[DataFile]:
    """The files that may hold a row which fulfils all conditions, by their bounds."""
    kept = list(files)
    for name, operator, value in where:
        if name in table.stats and operator != "!=" and kept:
            kind: pa.DataType = table.schema.field(name).type
            bounds = _bounds(execute, name, [file.data_file_id for file in kept])
            values = list(value) if operator == "in" else [value]
            mask = _may_hold(bounds, kind, operator, values)
            kept = [file for file, may in zip(kept, mask, strict=True) if may]
    return kept


def _bounds(
    execute: Execute, name: str, files: Sequence[int]
) -> list[tuple[str | None, str | None] | None]:
    """None where a file has no bounds of this column, as one that is older than they are."""
    found: dict[int, tuple[str | None, str | None]] = {}
    for some in _some(files):
        rows = execute(
            "SELECT data_file_id, min_value, max_value FROM lake_file_column_stats "
            f"WHERE column_name=? AND data_file_id IN ({_marks(some)})",
            (name, *some),
        )
        found.update((number, (least, most)) for number, least, most in rows)
    return [found.get(number) for number in files]


def _may_hold(
    bounds: Sequence[tuple[str | None, str | None] | None],
    kind: pa.DataType,
    operator: str,
    values: Sequence[object],
) -> list[bool]:
    known = [pair for pair in bounds if pair is not None]
    texts = (arrow.array([pair[side] for pair in known], pa.string()) for side in (0, 1))
    least, most = (arrow.cast(column, kind) for column in texts)
    fits = np.zeros(len(known), np.bool_)
    for value in arrow.array(list(values), kind):
        fits |= arrow.to_numpy(arrow.fill_null(_between(least, most, operator, value), False))
    answers = iter(fits.tolist())
    return [pair is None or next(answers) for pair in bounds]


def _between(least: Array, most: Array, operator: str, value: object) -> Array:
    if operator in ("<", "<="):
        return arrow.less(least, value) if operator == "<" else arrow.less_equal(least, value)
    if operator in (">", ">="):
        return arrow.greater(most, value) if operator == ">" else arrow.greater_equal(most, value)
    return arrow.both(arrow.less_equal(least, value), arrow.greater_equal(most, value))


def add(execute: Execute, table: int, snapshot: int, file: DataFile) -> int:
    """Name a file. Gives its number."""
    rows = execute(
        "INSERT INTO lake_data_file (table_id, begin_snapshot, path, partition_value, "
        "record_count, file_size_bytes, schema_id) VALUES (?,?,?,?,?,?,?) RETURNING data_file_id",
        (
            table,
            snapshot,
            file.path,
            file.partition_value,
            file.record_count,
            file.file_size_bytes,
            file.schema_id,
        ),
    )
    number = int(rows[0][0])
    execute.many(
        "INSERT INTO lake_file_column_stats VALUES (?,?,?,?,?)", list(_stats(number, file.bounds))
    )
    return number


def _stats(number: int, bounds: Iterable[Bounds]) -> Iterator[tuple[int | str | None, ...]]:
    for one in bounds:
        yield number, one.column_name, one.null_count, one.min_value, one.max_value


def end(execute: Execute, snapshot: int, files: Iterable[int]) -> bool:
    """Let files be no part of later snapshots. False if one of them was none already."""
    for some in _some(files):
        ended = execute(
            f"UPDATE lake_data_file SET end_snapshot=? WHERE end_snapshot IS NULL "
            f"AND data_file_id IN ({_marks(some)}) RETURNING data_file_id",
            (snapshot, *some),
        )
        if len(ended) != len(some):
            return False
    return True


def kept(execute: Execute, table: int, keys: Iterable[str]) -> dict[str, Kept]:
    """What is held now for those of these keys that were ever stored."""
    found: dict[str, Kept] = {}
    for some in _some(keys):
        rows = execute(
            "SELECT key, data_file_id, content FROM lake_key "
            f"WHERE table_id=? AND key IN ({_marks(some)})",
            (table, *some),
        )
        found.update((key, Kept(number, content)) for key, number, content in rows)
    return found


def keep(execute: Execute, table: int, keys: Iterable[tuple[str, Kept]]) -> None:
    """Note what is held for keys."""
    execute.many(
        "INSERT INTO lake_key VALUES (?,?,?,?) ON CONFLICT (table_id, key) DO UPDATE "
        "SET data_file_id=excluded.data_file_id, content=excluded.content",
        [(table, key, one.data_file_id, one.content) for key, one in keys],
    )


def move_keys(execute: Execute, old: Iterable[int], new: int | None) -> None:
    """Note that the keys of some files lie in another one."""
    for some in _some(old):
        execute(
            f"UPDATE lake_key SET data_file_id=? WHERE data_file_id IN ({_marks(some)})",
            (new, *some),
        )


def check_fence(execute: Execute, fence: Fence) -> None:
    """Raises Fenced where a higher epoch was seen; a later one of a lower epoch will be refused."""
    rows = execute(
        "INSERT INTO lake_fence VALUES (?, ?) ON CONFLICT (name) DO UPDATE "
        "SET epoch=excluded.epoch WHERE lake_fence.epoch <= excluded.epoch RETURNING epoch",
        (fence.name, fence.epoch),
    )
    if not rows:
        raise Fenced(f"Epoch {fence.epoch} of `{fence.name}` is over: another one writes there")


def is_new(execute: Execute, once: Once) -> bool:
    """Whether a number of a sequence comes after all that were written; notes it."""
    return bool(
        execute(
            "INSERT INTO lake_sequence VALUES (?, ?) ON CONFLICT (name) DO UPDATE "
            "SET number=excluded.number WHERE lake_sequence.number < excluded.number "
            "RETURNING number",
            (once.name, once.number),
        )
    )


def _some(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while some := list(islice(rest, MANY)):
        yield some


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
