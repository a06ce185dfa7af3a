"""What keeps a lake small and quick: small files are merged, and those that nobody reads go."""

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from raymill import faults
from raymill.state import lake_manifest as manifest
from raymill.state import owner as owners
from raymill.state.database import Execute
from raymill.state.lake import Lake
from raymill.state.lake_change import Change, Conflict
from raymill.state.lake_files import (
    PARTIAL,
    DataFile,
    in_order,
    read_files,
    what_is_wrong,
    write_file,
)
from raymill.state.lake_manifest import Fence
from raymill.state.lake_table import LakeTable

MOST_PARTS = 8  # of about one size in a partition
SMALL = 64 * 1024
TRIES = 5
KEEP_S = 900.0
ORPHAN_S = 3600.0
Alive = Callable[[str], bool | None]


def compact(
    lake: Lake,
    table: LakeTable,
    *,
    partitions: Sequence[str] | None = None,
    whole: bool = False,
    fence: Fence | None = None,
) -> int:
    """Merge files of about one size where there are many; all of a partition if `whole`.

    Readers are not disturbed, and a writer that comes in between goes first. Gives how many files
    went into others. Raises Fenced, StoreError.
    """
    merged = 0
    for group in due(lake.files(table, partitions=partitions), table.rows_a_file, whole=whole):
        merged += _merge(lake, table, group, fence)
    return merged


def due(
    files: Sequence[DataFile], most_rows: int, *, whole: bool = False
) -> Iterator[list[DataFile]]:
    """Which files are to be merged, as groups of one partition and at most so many rows."""
    classes: dict[tuple[str, int], list[DataFile]] = {}
    for file in files:
        if file.record_count < most_rows:
            size = 0 if whole else _size_class(file.file_size_bytes)
            classes.setdefault((file.partition_value, size), []).append(file)
    for found in classes.values():
        if len(found) >= (2 if whole else MOST_PARTS):
            yield from _groups(found, most_rows)


def _size_class(size: int) -> int:
    """Eight times the size is the next class, so that a row is rewritten a few times in all."""
    found = 0
    while size > SMALL * MOST_PARTS**found:
        found += 1
    return found


def _groups(files: Sequence[DataFile], most_rows: int) -> Iterator[list[DataFile]]:
    group: list[DataFile] = []
    rows = 0
    for file in files:
        if group and rows + file.record_count > most_rows:
            if len(group) > 1:
                yield group
            group, rows = [], 0
        group.append(file)
        rows += file.record_count
    if len(group) > 1:
        yield group


def _merge(lake: Lake, table: LakeTable, group: Sequence[DataFile], fence: Fence | None) -> int:
    change = Change("compact")
    with suppress(Conflict), lake.prepared(change):
        rows = in_order(read_files(lake.folder, table, group), table)
        file = write_file(lake.folder, table, group[0].partition_value, rows)
        change.new.append(file)
        change.gone.update((old.data_file_id, file) for old in group)
        lake.commit(table, change, fence=fence)
        return len(group)
    return 0


def vacuum(lake: Lake, *, keep_s: float = KEEP_S, alive: Alive = owners.alive) -> int:
    """Remove the files that ended long enough ago and that no held snapshot needs.

    Gives how many. Raises StoreError.
    """
    now = lake.now()
    with lake.database.transaction() as execute:
        oldest = _oldest(execute, now, alive)
        rows = execute(
            "SELECT data_file_id, path, lake_data_file.table_id, end_snapshot FROM lake_data_file "
            "JOIN lake_snapshot ON snapshot_id=end_snapshot "
            "WHERE end_snapshot<=? AND snapshot_time<=?",
            (oldest, now - keep_s),
        )
        for number, _, table, ended in rows:
            execute("DELETE FROM lake_file_column_stats WHERE data_file_id=?", (number,))
            execute("DELETE FROM lake_data_file WHERE data_file_id=?", (number,))
            execute(
                "UPDATE lake_table SET oldest_snapshot=? WHERE table_id=? AND oldest_snapshot<?",
                (ended, table, ended),
            )
        _forget_snapshots(execute, now - keep_s)
    faults.point("lake.forgotten")
    for _, path, _, _ in rows:
        (lake.folder / path).unlink(missing_ok=True)
        faults.point("lake.removed")
    return len(rows)


def _oldest(execute: Execute, now: float, alive: Alive) -> int:
    """The oldest snapshot that is held; readers that are gone are forgotten."""
    held = [manifest.newest(execute)]
    for name, snapshot, owner, expires in execute("SELECT * FROM lake_reader"):
        lives = alive(owner)
        if lives is False or (lives is None and expires <= now):
            execute("DELETE FROM lake_reader WHERE reader_id=?", (name,))
        else:
            held.append(snapshot)
    return min(held)


def _forget_snapshots(execute: Execute, before: float) -> None:
    """Those that tell of no file's end any more; the newest stays, since it numbers the next."""
    execute(
        "DELETE FROM lake_snapshot WHERE snapshot_time<=? AND snapshot_id NOT IN "
        "(SELECT end_snapshot FROM lake_data_file WHERE end_snapshot IS NOT NULL) "
        "AND snapshot_id<(SELECT max(snapshot_id) FROM lake_snapshot)",
        (before,),
    )


def sweep(lake: Lake, table: LakeTable | None = None, *, older_s: float = ORPHAN_S) -> int:
    """Remove files that a killed process left and that the manifest does not name.

    Younger ones stay, since their commit may be under way. Those of one table, or of the whole
    folder. Gives how many went.
    """
    before = lake.now() - older_s
    folder = lake.folder / table.name if table else lake.folder
    with lake.database.reading() as execute:
        named = {path for (path,) in execute("SELECT path FROM lake_data_file")}
    names = {path.relative_to(lake.folder).as_posix(): path for path in _files(folder)}
    orphans = {name: path for name, path in names.items() if name not in named}
    old = {name: path for name, path in orphans.items() if _born(path) <= before}
    return _remove_unnamed(lake, old) if old else 0


def _remove_unnamed(lake: Lake, files: Mapping[str, Path]) -> int:
    removed = 0
    with lake.database.transaction() as execute:  # no commit names one meanwhile
        for name, path in files.items():
            if not execute("SELECT 1 FROM lake_data_file WHERE path=?", (name,)):
                path.unlink(missing_ok=True)
                removed += 1
    return removed


def _born(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # it was renamed, or somebody else removes it
        return math.inf


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            if name.startswith("part-") and name.endswith((".parquet", PARTIAL)):
                yield Path(place, name)


def check(lake: Lake, table: LakeTable) -> list[tuple[str, str]]:
    """The files of a table that cannot be used, each with the reason. Reads all of them."""
    with lake.hold() as snapshot:
        files = lake.files(table, snapshot=snapshot)
        found = ((file.path, what_is_wrong(lake.folder, file)) for file in files)
        return [(path, wrong) for path, wrong in found if wrong is not None]
