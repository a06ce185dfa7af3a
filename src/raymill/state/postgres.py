"""The store on PostgreSQL, for orchestrators and programs on several machines."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from raymill import faults
from raymill.errors import Fenced
from raymill.state.postgres_rows import statement
from raymill.state.postgres_session import PATIENCE_S, PostgresSession, shown
from raymill.state.store import (
    Alive,
    Changes,
    EventRow,
    Lease,
    Message,
    RunRow,
    ScheduleRow,
    StepRow,
)

if TYPE_CHECKING:
    from raymill.state.postgres_session import Connection

R = TypeVar("R")

HELD_UP_S = 2.0  # who locks the lease or the inbox for longer is stopped, or gone
CHANNEL = "raymill_inbox"
EAR_S = 0.2

_ACQUIRE = (
    "UPDATE lease SET epoch=epoch+1, owner=%s, beat=%s, expires=%s, token='' "
    "WHERE name='orchestrator' AND epoch=%s AND owner=%s AND expires=%s RETURNING epoch"
)
_SEND = f"""
WITH last AS (
  UPDATE sent SET message=message+%(count)s WHERE box='inbox' RETURNING message
), kept AS (
  INSERT INTO messages (id, kind, run, body, at)
  SELECT last.message - %(count)s + given.place, given.kind, given.run, given.body, %(at)s
  FROM last, unnest(%(kinds)s::text[], %(runs)s::text[], %(bodies)s::bytea[])
    WITH ORDINALITY AS given (kind, run, body, place)
)
SELECT message, pg_notify('{CHANNEL}', '') FROM last
"""


class PostgresStore:
    """A store in a database of a server; its tables are made when it is first used."""

    def __init__(
        self, url: str, *, held_up_s: float = HELD_UP_S, patience_s: float = PATIENCE_S
    ) -> None:
        self.url = url
        self._reader = PostgresSession(url, patience_s=patience_s)
        self._journal, self._inbox = (
            PostgresSession(url, guarded=table, lock_s=held_up_s, patience_s=patience_s)
            for table in ("lease", "sent")
        )
        self._ear = PostgresSession(url, patience_s=patience_s)
        self._heard: Connection | None = None
        try:
            for tables in ("journal", "inbox"):
                self._reader.bring_up_to_date(tables)
        except BaseException:
            self.close()
            raise

    def acquire(self, owner: str, ttl_s: float, now: float, alive: Alive) -> Lease | None:
        """Take the lease with a new epoch; None while another owner holds it."""
        while True:
            seen = self._lease()
            if _is_held(seen, now, alive) and seen.owner != owner:
                return None
            values = (owner, now, now + ttl_s, seen.epoch, seen.owner, seen.expires)
            if taken := self._journal.run(_ACQUIRE, values):
                faults.point("lease.taken")
                return Lease(int(taken[0][0]), owner, now + ttl_s)

    def holder(self, now: float, alive: Alive) -> Lease | None:
        """The lease that is in force, None without one."""
        seen = self._lease()
        return seen if _is_held(seen, now, alive) else None

    def release(self, epoch: int) -> None:
        """Give the lease back; nothing if another epoch has begun."""
        self._journal.run("UPDATE lease SET owner='', expires=0 WHERE epoch=%s", (epoch,))

    def commit(self, epoch: int, now: float, ttl_s: float, changes: Changes) -> None:
        """Write all changes durably and renew the lease. Raises Fenced, StoreError.

        Where the session is lost on the way, it is opened again and the commit sent again, which
        writes nothing if it had been made.
        """
        faults.point("journal.before-commit")
        token = os.urandom(8).hex()
        if not self._journal.run(*statement(epoch, token, now, ttl_s, changes)):
            self._refuse_unless_made(epoch, token)
        faults.point("journal.committed")

    def _refuse_unless_made(self, epoch: int, token: str) -> None:
        if self._journal.run("SELECT epoch, token FROM lease") != [(epoch, token)]:
            raise Fenced(
                f"Epoch {epoch} is over: another orchestrator runs the workflows of "
                f"`{shown(self.url)}`"
            )

    def open_runs(self) -> list[RunRow]:
        """The runs that have not ended, oldest first."""
        return self._rows(
            RunRow,
            "FROM runs WHERE status <> 'completed' AND status IN ('running','paused') "
            "ORDER BY created, id",
        )

    def run(self, id: str) -> RunRow | None:
        """One run."""
        found = self._rows(RunRow, "FROM runs WHERE id=%s", id)
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
        wanted = [
            ("status = %s", status),
            ("workflow = %s", workflow),
            ("(created, id) < (SELECT created, id FROM runs WHERE id = %s)", before or None),
        ]
        where = [text for text, value in wanted if value is not None]
        if status not in (None, "completed"):
            where.append("status <> 'completed'")  # what the partial index asks for
        values = [value for _, value in wanted if value is not None]
        return self._rows(
            RunRow,
            f"FROM runs {'WHERE' if where else ''} {' AND '.join(where)} "
            "ORDER BY created DESC, id DESC LIMIT %s",
            *values,
            most,
        )

    def steps(self, run: str) -> list[StepRow]:
        """The steps of a run that have begun."""
        return self._rows(StepRow, "FROM steps WHERE run=%s ORDER BY step, item", run)

    def events(self, run: str) -> list[EventRow]:
        """What happened in a run, in order."""
        return self._rows(EventRow, "FROM events WHERE run=%s ORDER BY id", run)

    def limits(self) -> dict[str, float]:
        """For each rate limit, when it next grants a permit."""
        return dict(self._reader.run("SELECT name, next FROM limits"))

    def schedules(self) -> list[ScheduleRow]:
        """All schedules, by name."""
        return self._rows(ScheduleRow, "FROM schedules ORDER BY name")

    def taken(self) -> int:
        """The last message of the inbox that is in the journal."""
        return int(self._reader.run("SELECT message FROM taken WHERE box='inbox'")[0][0])

    def send(self, messages: Iterable[tuple[str, str, bytes]], now: float) -> int:
        """Put (kind, run, body) into the inbox, durably. Gives the id of the last one.

        Where the session is lost on the way they are sent again, and may then be there twice.
        """
        given = list(messages)
        values: dict[str, Any] = {"count": len(given), "at": now}
        for place, name in enumerate(("kinds", "runs", "bodies")):
            values[name] = [message[place] for message in given]
        last = self._inbox.run(_SEND, values)[0][0]
        faults.point("inbox.sent")
        return int(last)

    def inbox(self, after: int = 0, most: int = 1000) -> Sequence[Message]:
        """Messages that came after one, in order."""
        return self._rows(Message, "FROM messages WHERE id > %s ORDER BY id LIMIT %s", after, most)

    def messages(self, run: str) -> Sequence[Message]:
        """The messages about a run that still lie in the inbox."""
        return self._rows(Message, "FROM messages WHERE run=%s ORDER BY id", run)

    def forget(self, upto: int) -> None:
        """Drop messages that are in the journal."""
        self._inbox.run("DELETE FROM messages WHERE id <= %s", (upto,))

    def wait(self, timeout_s: float) -> bool:
        """Wait until a message may have come; False where none did in this time."""
        until = time.monotonic() + timeout_s
        while not self._ear.is_closed:
            left_s = until - time.monotonic()
            if self._ear.again(partial(self._hear, min(left_s, EAR_S))):
                return True
            if left_s <= EAR_S:
                break
        return False

    def _hear(self, patience_s: float, connection: "Connection") -> bool:
        if connection is not self._heard:  # what came before it began to listen is to be looked at
            connection.execute(f"LISTEN {CHANNEL}")
            self._heard = connection
            return True
        return any(True for _ in connection.notifies(timeout=max(0.0, patience_s), stop_after=1))

    def close(self) -> None:
        """Let go of files and connections."""
        for session in (self._reader, self._journal, self._inbox, self._ear):
            session.close()

    def _lease(self) -> Lease:
        return Lease(*self._reader.run("SELECT epoch, owner, expires FROM lease")[0])

    def _rows(self, kind: Callable[..., R], sql: str, *values: Any) -> list[R]:
        fields = ", ".join(kind._fields)  # type: ignore[attr-defined]
        return [kind(*row) for row in self._reader.run(f"SELECT {fields} {sql}", values)]


def _is_held(seen: Lease, now: float, alive: Alive) -> bool:
    return bool(seen.owner) and seen.expires > now and alive(seen.owner) is not False
