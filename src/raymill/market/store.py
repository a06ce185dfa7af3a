"""Market records in the lake: each stored once, by the rule of its kind, or not at all.

A commit names new files and, in the same transaction, what they mean: coverage, the place of a
crawl, records that were set aside. Writing the same records again leaves the same content.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.errors import StoreError
from raymill.market import notes
from raymill.market.batches import near, parted, pieces, revisions_of, time_of
from raymill.market.merge import keyed, merged, once
from raymill.market.notes import Revision, SetAside
from raymill.market.registry import instruments_of
from raymill.market.schemas import Adjusted, Kind
from raymill.market.stored import RULES, TABLES, TIMES, folders_of_range
from raymill.state import lake_manifest as manifest
from raymill.state.database import Database, Execute
from raymill.state.lake import TRIES, Lake
from raymill.state.lake_change import Change, Conflict, put
from raymill.state.lake_compaction import compact, sweep, vacuum
from raymill.state.lake_files import DataFile, read_files
from raymill.state.lake_manifest import Fence, Once
from raymill.state.lake_table import Condition, LakeTable, fitted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SWEEP_S = 900.0  # between two looks of a process for what killed ones left


@dataclass(frozen=True, slots=True)
class Written:
    """What came of records: how many are new, took the place of others, were known, were unsound.

    repeated: a number of a sequence that was written before; nothing was looked at.
    folders: where records went; reasons: how many were unsound for which reason.
    """

    new: int = 0
    replaced: int = 0
    known: int = 0
    unsound: int = 0
    revised: int = 0
    repeated: bool = False
    folders: tuple[str, ...] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)


Also = Callable[[Execute, Written], None]
"""Writes rows in the transaction of records, told what came of these."""


def _nothing(execute: Execute, written: Written) -> None:
    return None


@dataclass(slots=True)
class _Plan:
    """What one commit of records does."""

    new: int = 0
    replaced: int = 0
    revisions: list[Revision] = field(default_factory=list)


class MarketStore:
    """The records of all venues, in a folder and the tables of a database."""

    def __init__(
        self, folder: str | Path, database: Database, *, now: Callable[[], float] = time.time
    ) -> None:
        self.lake = Lake(folder, database, now=now)
        self.database, self.now = database, now
        self._swept: dict[str, float] = {}  # when each table was

    def put(
        self,
        kind: Kind,
        venue: str,
        rows: pa.Table,
        *,
        also: Also = _nothing,
        fence: Fence | None = None,
        once_only: Once | None = None,
        now_us: int | None = None,
    ) -> Written:
        """Store records of one kind and venue; bars of one interval at a time.

        also, fence, once_only: as `also`, `fence` and `once` of `Lake.append`; `also` is called
        too where no record is new. now_us: the time at the vendor.

        Raises StoreError, Fenced.
        """
        table = TABLES[kind]
        given = fitted(rows, table)
        at = int(self.now() * 1e6) if now_us is None else now_us
        sound, aside = parted(kind, given, at)
        stay = once(sound, RULES[kind])
        wanted = sound if stay is None else arrow.take_rows(sound, stay)
        parts = list(pieces(kind, venue, wanted))
        for _ in range(TRIES):
            change, plan = Change("append"), _Plan()
            with suppress(Conflict), self.lake.prepared(change):
                seen = self.lake.snapshot()
                for folder, part in parts:
                    self._plan(kind, table, folder, part, seen, change, plan)
                written = _written(given.num_rows, aside, plan, parts)
                committed: list[Written] = []
                note = self._noted(table, seen, aside, plan, written, also, committed)
                self.lake.commit(table, change, also=note, fence=fence, once=once_only)
                return committed[0] if committed else Written(repeated=True)
        raise StoreError(
            f"Records of `{venue}` cannot be written: others came in between {TRIES} times",
            hint="let fewer processes write the same days",
        )

    def _plan(
        self,
        kind: Kind,
        table: LakeTable,
        folder: str,
        rows: pa.Table,
        seen: int,
        change: Change,
        plan: _Plan,
    ) -> None:
        """Write the records of one folder that are new, and the files that they change anew."""
        files = self.lake.files(table, near(kind, rows), snapshot=seen or None, partitions=[folder])
        if not files:
            put(self.lake.folder, table, folder, rows, change)
            plan.new += rows.num_rows
            return
        rule, where = RULES[kind], near(kind, rows)
        columns = list(dict.fromkeys([*rule.keys, *rule.spare, *rule.values]))
        held = read_files(self.lake.folder, table, files, columns, where)
        found = merged(rows, held, rule)
        new = rows if len(found.new) == rows.num_rows else arrow.take_rows(rows, found.new)
        put(self.lake.folder, table, folder, new, change)
        plan.new += new.num_rows
        if len(found.gone):
            plan.replaced += len(found.gone)
            plan.revisions += revisions_of(kind, held, rows, found.revised)
            self._take_out(kind, table, folder, files, new, change)

    def _take_out(
        self,
        kind: Kind,
        table: LakeTable,
        folder: str,
        files: Sequence[DataFile],
        new: pa.Table,
        change: Change,
    ) -> None:
        """Write files that hold records of the same keys anew, without them."""
        for file in files:
            rows = read_files(self.lake.folder, table, [file])
            coming, there = keyed([new, rows], RULES[kind])
            stays = ~np.isin(there, coming)
            if not stays.all():
                rest = arrow.keep_rows(rows, stays)
                left = put(self.lake.folder, table, folder, rest, change)
                change.gone[file.data_file_id] = left

    def _noted(
        self,
        table: LakeTable,
        seen: int,
        aside: Sequence[SetAside],
        plan: _Plan,
        written: Written,
        also: Also,
        committed: list[Written],
    ) -> Callable[[Execute], None]:
        """What is written in the transaction; nothing is, where this was written before."""

        def note(execute: Execute) -> None:
            if _came_between(execute, table, written.folders, seen):
                raise Conflict
            now = self.now()
            if aside:
                notes.set_aside(execute, aside, now)
            if plan.revisions:
                notes.revised(execute, plan.revisions, now)
            also(execute, written)
            committed.append(written)

        return note

    def note(self, also: Callable[[Execute], None], *, fence: Fence | None = None) -> None:
        """Commit rows beside the records alone."""
        with self.database.transaction() as execute:
            if fence is not None:
                manifest.check_fence(execute, fence)
            also(execute)

    def read(
        self,
        kind: Kind,
        instruments: Sequence[int],
        begin_us: int,
        end_us: int,
        *,
        venue: str,
        interval: str | None = None,
        adj: Adjusted | None = None,
        source: str | None = None,
        columns: Sequence[str] | None = None,
        snapshot: int | None = None,
    ) -> pa.Table:
        """Records of instruments in [begin, end), by instrument and time."""
        table, at = TABLES[kind], TIMES[kind]
        where: list[Condition] = [("instrument_id", "in", list(instruments))]
        if kind != "corporate_action":
            where += [(at, ">=", time_of(begin_us)), (at, "<", time_of(end_us))]
        where += [("adj", "=", adj)] if adj and kind == "bar" else []
        where += [("source", "=", source)] if source else []
        names = folders_of_range(kind, venue, interval, begin_us, end_us)
        if kind == "bar" and names is None:
            where.append(("interval", "=", interval))
        rows = self.lake.read(table, where, columns=columns, snapshot=snapshot, partitions=names)
        known = set(rows.column_names)
        order = [name for name in table.sort if name in known]
        return arrow.take_rows(rows, arrow.sort_places(rows, order)) if order else rows

    @contextmanager
    def sql(self) -> Iterator["DuckDBPyConnection"]:
        """DuckDB over one snapshot: views `trades`, `quotes`, `bars`, `corporate_actions`,
        `fundamentals` and `instruments`."""
        from raymill.state.lake_sql import opened

        with opened(self.lake, *TABLES.values()) as connection:
            connection.register("instruments", instruments_of(self.database))
            yield connection

    def tidy(self, kind: Kind, folders: Sequence[str] | None = None, *, whole: bool = False) -> int:
        """Merge small files; remove what nobody needs. Gives how many were merged."""
        merged_files = compact(self.lake, TABLES[kind], partitions=folders, whole=whole)
        if merged_files:
            vacuum(self.lake)
            self._sweep(TABLES[kind])
        return merged_files

    def _sweep(self, table: LakeTable) -> None:
        """Remove what killed processes left, which nobody does in every commit: it takes a list of
        all folders, and what lies there has to be an hour old."""
        now = self.now()
        if now - self._swept.get(table.name, -SWEEP_S) >= SWEEP_S:
            self._swept[table.name] = now
            sweep(self.lake, table)


def _written(
    given: int, aside: Sequence[SetAside], plan: _Plan, pieces: Sequence[tuple[str, pa.Table]]
) -> Written:
    return Written(
        plan.new,
        plan.replaced,
        given - len(aside) - plan.new,
        len(aside),
        len(plan.revisions),
        folders=tuple(folder for folder, _ in pieces),
        reasons=Counter(one.reason for one in aside),
    )


def _came_between(execute: Execute, table: LakeTable, names: Sequence[str], seen: int) -> bool:
    """Whether somebody wrote to one of these folders since they were looked at."""
    if not names:
        return False
    number = manifest.table_id(execute, table)
    marks = ",".join("?" * len(names))
    rows = execute(
        "SELECT 1 FROM lake_data_file WHERE table_id=? AND end_snapshot IS NULL "
        f"AND begin_snapshot>? AND begin_snapshot<(SELECT max(snapshot_id) FROM lake_snapshot) "
        f"AND partition_value IN ({marks}) LIMIT 1",
        [number, seen, *names],
    )
    return bool(rows)
