"""The lake: tables of Parquet files, and a manifest that says which files they consist of.

Files are written and forced to the disk before one transaction names them, together with whatever
rows the caller adds. A reader takes a snapshot, and no later commit changes what it reads.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa

from raymill import faults
from raymill.errors import StoreError
from raymill.state import lake_manifest as manifest
from raymill.state.database import Database, Execute
from raymill.state.lake_change import Change, Conflict, Wanted, plan, put
from raymill.state.lake_files import DataFile, batches_of, in_order, read_files, remove_file
from raymill.state.lake_manifest import Fence, Kept, Once
from raymill.state.lake_table import LakeTable, Part, Where, fitted
from raymill.state.owner import owner

__all__ = ["Fence", "Lake", "LakeTable", "Once", "Part"]

TRIES = 50  # of a commit that others get in the way of
HOLD_S = 3600.0
Also = Callable[[Execute], None]


def _nothing(execute: Execute) -> None:
    return None


class Lake:
    """The tables in a folder. Any number of processes may write and read them at a time."""

    def __init__(
        self, folder: str | Path, database: Database, *, now: Callable[[], float] = time.time
    ) -> None:
        self.folder = Path(folder).absolute()
        self.database, self.now = database, now

    def append(
        self,
        table: LakeTable,
        *parts: Part,
        also: Also = _nothing,
        fence: Fence | None = None,
        once: Once | None = None,
    ) -> int | None:
        """Add rows to a table without a key. Gives the new snapshot, None where nothing changed.

        `also` writes rows of the caller's in the same transaction. With `fence`, a commit of an
        epoch that is over raises Fenced. With `once`, a number that was written before changes
        nothing, and `also` is not called. Raises StoreError.
        """
        if table.key:
            raise StoreError(
                f"Rows of table `{table.name}` are replaced by their key, not appended"
            )
        if once is not None and self._is_written(once):
            return None
        for _ in range(TRIES):
            change = Change("append")
            with suppress(Conflict), self.prepared(change):
                for part in parts:
                    rows = fitted(part.rows, table)
                    if table.sorted_when == "written":
                        rows = in_order(rows, table)
                    put(self.folder, table, part.partition, rows, change)
                return self.commit(table, change, also=also, fence=fence, once=once)
        raise _too_often(table)

    def replace(
        self,
        table: LakeTable,
        *parts: Part,
        also: Also = _nothing,
        fence: Fence | None = None,
    ) -> int | None:
        """Let the table hold for the keys of the parts exactly their rows, all at once.

        Gives the new snapshot; None where it holds them already, but `also` is called. What it
        does with `fence` and raises is as in `append`.
        """
        wanted = [Wanted.of(table, part) for part in parts]
        for _ in range(TRIES):
            change = Change("replace")
            with suppress(Conflict), self.prepared(change):
                held, files = self._held(table, [key for part in wanted for key in part.contents])
                plan(self.folder, table, wanted, held, files, change)
                return self.commit(table, change, also=also, fence=fence)
        raise _too_often(table)

    def commit(
        self,
        table: LakeTable,
        change: Change,
        *,
        also: Also = _nothing,
        fence: Fence | None = None,
        once: Once | None = None,
    ) -> int | None:
        """Make a change visible. Raises Conflict, Fenced, StoreError, having changed nothing."""
        snapshot = None
        faults.point("lake.ready")
        with self.database.transaction() as execute:
            if fence is not None:
                manifest.check_fence(execute, fence)
            if once is not None and not manifest.is_new(execute, once):
                self._forget(change)
                return None
            number = manifest.table_id(execute, table, make=True)
            assert number is not None
            if change:
                snapshot = self._apply(execute, number, change)
            also(execute)
            faults.point("lake.named")
            # Whether a commit that failed is on the disk is not known: its files stay.
            change.new = []
        faults.point("lake.committed")
        return snapshot

    def _apply(self, execute: Execute, table: int, change: Change) -> int:
        now = manifest.kept(execute, table, change.seen)
        if any(now.get(key) != seen for key, seen in change.seen.items()):
            raise Conflict
        snapshot = manifest.begun(execute, table, self.now(), change.what)
        numbers = {}
        for file in change.new:
            if not (self.folder / file.path).is_file():
                raise Conflict  # swept, since it took too long
            numbers[file.path] = manifest.add(execute, table, snapshot, file)
        if not manifest.end(execute, snapshot, change.gone):
            raise Conflict
        for old, new in change.gone.items():
            manifest.move_keys(execute, [old], numbers[new.path] if new else None)
        rows = [(k, Kept(numbers[file.path] if file else None, c)) for k, file, c in change.keys]
        manifest.keep(execute, table, rows)
        return snapshot

    def _held(
        self, table: LakeTable, keys: Sequence[str]
    ) -> tuple[dict[str, Kept], list[DataFile]]:
        with self.database.reading() as execute:
            number = manifest.table_id(execute, table)
            if number is None:
                return {}, []
            held = manifest.kept(execute, number, keys)
            lie = {one.data_file_id for one in held.values() if one.data_file_id is not None}
            return held, manifest.files_named(execute, lie)

    def _is_written(self, once: Once) -> bool:
        with self.database.reading() as execute:
            sql = "SELECT 1 FROM lake_sequence WHERE name=? AND number>=?"
            return bool(execute(sql, (once.name, once.number)))

    @contextmanager
    def prepared(self, change: Change) -> Iterator[None]:
        """Whatever goes wrong before the commit, no file stays that nobody will name."""
        try:
            yield
        except BaseException:
            self._forget(change)
            raise

    def _forget(self, change: Change) -> None:
        for file in change.new:
            remove_file(self.folder, file)
        change.new = []

    def snapshot(self) -> int:
        """The newest snapshot, of all tables together."""
        with self.database.reading() as execute:
            return manifest.newest(execute)

    def changed(self, *tables: LakeTable, since: int = 0) -> int:
        """The newest snapshot behind `since` that changed one of some tables; else `since`."""
        with self.database.reading() as execute:
            return manifest.changed(execute, tables, since)

    @contextmanager
    def hold(self, for_s: float = HOLD_S) -> Iterator[int]:
        """The newest snapshot, whose files stay until the block ends.

        If this process is killed they stay no longer; if it is on another machine than the one
        that removes files, for `for_s` seconds.
        """
        name = f"{owner()}/{os.urandom(6).hex()}"
        with self.database.transaction() as execute:
            snapshot = manifest.newest(execute)
            row = (name, snapshot, owner(), self.now() + for_s)
            execute("INSERT INTO lake_reader VALUES (?,?,?,?)", row)
        try:
            yield snapshot
        finally:
            with self.database.transaction() as execute:
                execute("DELETE FROM lake_reader WHERE reader_id=?", (name,))

    def files(
        self,
        table: LakeTable,
        where: Where = (),
        *,
        snapshot: int | None = None,
        partitions: Sequence[str] | None = None,
    ) -> list[DataFile]:
        """The files of a snapshot, the newest unless told, that may hold what is asked for."""
        with self.database.reading() as execute:
            number = manifest.table_id(execute, table)
            if number is None:
                return []
            at = manifest.newest(execute) if snapshot is None else snapshot
            manifest.check_is_kept(execute, number, table.name, at)
            found = manifest.files_of(execute, number, at, partitions)
            return manifest.holding(execute, table, found, where)

    def read(
        self,
        table: LakeTable,
        where: Where = (),
        *,
        columns: Sequence[str] | None = None,
        snapshot: int | None = None,
        partitions: Sequence[str] | None = None,
    ) -> pa.Table:
        """The rows that fulfil all conditions. Raises StoreError naming a missing or bad file."""
        files = self.files(table, where, snapshot=snapshot, partitions=partitions)
        try:
            return read_files(self.folder, table, files, columns, where)
        except StoreError:
            again = self.files(table, where, snapshot=snapshot, partitions=partitions)
            if again == files:
                raise
            return read_files(self.folder, table, again, columns, where)

    def batches(
        self,
        table: LakeTable,
        where: Where = (),
        *,
        columns: Sequence[str] | None = None,
        partitions: Sequence[str] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """The same rows, some at a time, of a snapshot that is held meanwhile."""
        with self.hold() as snapshot:
            files = self.files(table, where, snapshot=snapshot, partitions=partitions)
            yield from batches_of(self.folder, table, files, columns, where)

    def paths(self, files: Sequence[DataFile]) -> list[str]:
        """The paths of files, for DuckDB and others that read Parquet."""
        return [str(self.folder / file.path) for file in files]


def _too_often(table: LakeTable) -> StoreError:
    return StoreError(
        f"Table `{table.name}` cannot be written: others came in between {TRIES} times",
        hint="let fewer processes write the same keys",
    )
