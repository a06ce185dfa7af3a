"""The store on SQLite: `journal.db` for the one orchestrator, `inbox.db` for everybody else."""

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from raymill import faults
from raymill.errors import Fenced, StoreError
from raymill.state.owner import machine
from raymill.state.sqlite_file import SqliteFile, make_folder
from raymill.state.store import (
    RUN_CHANGES,
    Alive,
    Changes,
    EventRow,
    Lease,
    Message,
    RunRow,
    ScheduleRow,
    StepRow,
)

R = TypeVar("R")

POLL_S = 0.05

_RUN = (
    f"INSERT INTO runs VALUES ({','.join('?' * len(RunRow._fields))}) ON CONFLICT (id) DO UPDATE "
    f"SET {', '.join(f'{name}=excluded.{name}' for name in RUN_CHANGES)}"
)
_STEP = f"INSERT OR REPLACE INTO steps VALUES ({','.join('?' * len(StepRow._fields))})"
_SCHEDULE = f"INSERT INTO schedules VALUES ({','.join('?' * len(ScheduleRow._fields))})"
_EVENT = f"INSERT INTO events ({','.join(EventRow._fields)}) VALUES (?,?,?,?,?,?,?)"
_BEAT = "UPDATE lease SET beat=?, expires=? WHERE name='orchestrator' AND epoch=?"


class SqliteStore:
    """A store in a folder of this machine's disk, made when it is first used."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        make_folder(self.folder)
        self._open: list[SqliteFile] = []
        self._journal = self._connect("journal")
        self._reader = self._connect("journal")
        self._inbox = self._connect("inbox")

    def acquire(self, owner: str, ttl_s: float, now: float, alive: Alive) -> Lease | None:
        """Take the lease with a new epoch; None while another owner holds it."""
        with self._journal.transaction() as execute:
            if (held := _held(execute, now, alive)) and held.owner != owner:
                _same_machine(held, self.folder)
                return None
            row = execute(
                "UPDATE lease SET epoch=epoch+1, owner=?, beat=?, expires=? "
                "WHERE name='orchestrator' RETURNING epoch",
                (owner, now, now + ttl_s),
            ).fetchone()
        faults.point("lease.taken")
        return Lease(int(row[0]), owner, now + ttl_s)

    def holder(self, now: float, alive: Alive) -> Lease | None:
        """The lease that is in force, None without one."""
        with self._reader.reading() as execute:
            return _held(execute, now, alive)

    def release(self, epoch: int) -> None:
        """Give the lease back; nothing if another epoch has begun."""
        with self._journal.transaction() as execute:
            execute("UPDATE lease SET owner='', expires=0 WHERE epoch=?", (epoch,))

    def commit(self, epoch: int, now: float, ttl_s: float, changes: Changes) -> None:
        """Write all changes durably and renew the lease. Raises Fenced, StoreError."""
        faults.point("journal.before-commit")
        with self._journal.transaction() as execute:
            execute(_BEAT, (now, now + ttl_s, epoch))
            if self._journal.connection.changes() == 0:
                raise Fenced(
                    f"Epoch {epoch} is over: another orchestrator runs the workflows of "
                    f"`{self.folder}`"
                )
            self._write(changes)
            faults.point("journal.written")
        faults.point("journal.committed")

    def _write(self, changes: Changes) -> None:
        many = self._journal.many
        if changes.runs:
            many(_RUN, changes.runs)
        if changes.steps:
            many(_STEP, changes.steps)
        if changes.events:
            many(_EVENT, changes.events)
        if changes.limits:
            many("INSERT OR REPLACE INTO limits VALUES (?,?)", list(changes.limits.items()))
        for name, row in changes.schedules.items():
            many("DELETE FROM schedules WHERE name=?", [(name,)])
            if row is not None:
                many(_SCHEDULE, [row])
        if changes.taken is not None:
            many("UPDATE taken SET message=max(message, ?)", [(changes.taken,)])

    def open_runs(self) -> list[RunRow]:
        """The runs that have not ended, oldest first."""
        return self._rows(
            "SELECT * FROM runs WHERE status <> 'completed' AND status IN ('running','paused') "
            "ORDER BY created, id",
            (),
            RunRow,
        )

    def run(self, id: str) -> RunRow | None:
        """One run."""
        found = self._rows("SELECT * FROM runs WHERE id=?", (id,), RunRow)
        return found[0] if found else None

    def runs(
        self,
        *,
        status: str | None = None,
        workflow: str | None = None,
        before: str = "",
        most: int = 50,
    ) -> list[RunRow]:
        """A page of runs, newest first; `before` is the last id of the page before."""
        wanted: list[tuple[str, str | None]] = [
            ("status = ?", status),
            ("workflow = ?", workflow),
            ("(created, id) < (SELECT created, id FROM runs WHERE id = ?)", before or None),
        ]
        where = [text for text, value in wanted if value is not None]
        if status not in (None, "completed"):
            where.append("status <> 'completed'")  # what the partial index asks for
        values = [value for _, value in wanted if value is not None]
        return self._rows(
            f"SELECT * FROM runs {'WHERE' if where else ''} {' AND '.join(where)} "
            "ORDER BY created DESC, id DESC LIMIT ?",
            (*values, most),
            RunRow,
        )

    def steps(self, run: str) -> list[StepRow]:
        """The steps of a run that have begun."""
        return self._rows("SELECT * FROM steps WHERE run=?", (run,), StepRow)

    def events(self, run: str) -> list[EventRow]:
        """What happened in a run, in order."""
        fields = ",".join(EventRow._fields)
        return self._rows(f"SELECT {fields} FROM events WHERE run=? ORDER BY id", (run,), EventRow)

    def limits(self) -> dict[str, float]:
        """For each rate limit, when it next grants a permit."""
        with self._reader.reading() as execute:
            return dict(execute("SELECT name, next FROM limits"))

    def schedules(self) -> list[ScheduleRow]:
        """All schedules, by name."""
        return self._rows("SELECT * FROM schedules ORDER BY name", (), ScheduleRow)

    def taken(self) -> int:
        """The last message of the inbox that is in the journal."""
        with self._reader.reading() as execute:
            return int(execute("SELECT message FROM taken WHERE box='inbox'").fetchone()[0])

    def send(self, messages: Iterable[tuple[str, str, bytes]], now: float) -> int:
        """Put (kind, run, body) into the inbox, durably. Gives the id of the last one."""
        with self._inbox.transaction():
            self._inbox.many(
                "INSERT INTO messages (kind, run, body, at) VALUES (?,?,?,?)",
                [(*message, now) for message in messages],
            )
        faults.point("inbox.sent")
        return self._inbox.connection.last_insert_rowid()

    def inbox(self, after: int = 0, most: int = 1000) -> Sequence[Message]:
        """Messages that came after one, in order."""
        with self._inbox.reading() as execute:
            rows = execute(
                "SELECT * FROM messages WHERE id > ? ORDER BY id LIMIT ?", (after, most)
            ).fetchall()
        return [Message(*row) for row in rows]

    def messages(self, run: str) -> Sequence[Message]:
        """The messages about a run that still lie in the inbox."""
        with self._inbox.reading() as execute:
            rows = execute("SELECT * FROM messages WHERE run=? ORDER BY id", (run,)).fetchall()
        return [Message(*row) for row in rows]

    def forget(self, upto: int) -> None:
        """Drop messages that are in the journal."""
        with self._inbox.transaction() as execute:
            execute("DELETE FROM messages WHERE id <= ?", (upto,))

    def wait(self, timeout_s: float) -> bool:
        """Wait for a moment: who sends is another process, and rings no bell."""
        time.sleep(min(timeout_s, POLL_S))
        return True

    def close(self) -> None:
        """Let go of files and connections."""
        for file in self._open:
            file.close()
        self._open.clear()

    def _rows(self, sql: str, values: Iterable[Any], kind: Callable[..., R]) -> list[R]:
        with self._reader.reading() as execute:
            return [kind(*row) for row in execute(sql, tuple(values)).fetchall()]

    def _connect(self, name: str) -> SqliteFile:
        self._open.append(SqliteFile(self.folder / f"{name}.db", name))
        return self._open[-1]


def _held(execute: Callable[..., Any], now: float, alive: Alive) -> Lease | None:
    epoch, owner, expires = execute("SELECT epoch, owner, expires FROM lease").fetchone()
    if not owner or expires <= now or alive(owner) is False:
        return None
    return Lease(epoch, owner, expires)


def _same_machine(held: Lease, folder: Path) -> None:
    if machine(held.owner) not in ("", socket.gethostname()) and held.owner.count("/") == 3:
        raise StoreError(
            f"`{folder}` is used by machine `{machine(held.owner)}`; SQLite serves one machine",
            hint="set RAYMILL_HOME to a folder of this machine, or RAYMILL_DATABASE_URL to a "
            "PostgreSQL server, which serves several",
        )
