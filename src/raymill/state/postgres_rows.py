"""A commit as one statement for PostgreSQL, so that no transaction is open between two messages.

Rows travel as one JSON text for each table. That is one message in each direction, half the work of
a statement for each row, and leaves no moment in which a process that stops holds a lock.
"""

from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, NamedTuple, get_args, get_type_hints

from raymill import json
from raymill.state.store import RUN_CHANGES, Changes, EventRow, RunRow, ScheduleRow, StepRow

SQL_TYPES: Mapping[type, str] = {str: "text", int: "bigint", float: "float8", bytes: "text"}
NUL, SHOWN_NUL = "\0", "\N{SYMBOL FOR NULL}"  # a text of PostgreSQL holds no NUL


class LimitRow(NamedTuple):
    """When a rate limit next grants a permit."""

    name: str
    next: float


class Table:
    """How rows of a kind are written to a table."""

    def __init__(self, name: str, kind: type[Any], then: str) -> None:
        fields = get_type_hints(kind)
        types = {field: _plain(hint) for field, hint in fields.items()}
        self._fields = list(fields)
        self._coded = [place for place, type_ in enumerate(types.values()) if type_ is bytes]
        columns = ", ".join(fields)
        given = ", ".join(f"decode({f}, 'base64')" if t is bytes else f for f, t in types.items())
        typed = ", ".join(f"{field} {SQL_TYPES[type_]}" for field, type_ in types.items())
        self.insert = (
            f"INSERT INTO {name} ({columns}) SELECT {given} "
            f"FROM fence, json_to_recordset(%s::json) AS given ({typed}) {then}"
        )

    def text(self, rows: Iterable[Sequence[Any]]) -> str:
        """Rows as one JSON text."""
        text = self._dumped(rows)
        return text if r"\u0000" not in text else self._dumped(map(_without_nul, rows))

    def _dumped(self, rows: Iterable[Sequence[Any]]) -> str:
        return json.dumps([self._record(row) for row in rows], strict=True).decode()

    def _record(self, row: Sequence[Any]) -> dict[str, Any]:
        values = list(row)
        for place in self._coded:
            if values[place] is not None:
                values[place] = b2a_base64(values[place], newline=False).decode()
        return dict(zip(self._fields, values, strict=True))


def _plain(hint: Any) -> type:
    """The type of a column: `bytes` of `bytes | None`."""
    plain: type = get_args(hint)[0] if isinstance(hint, UnionType) else hint
    return plain


def _without_nul(row: Sequence[Any]) -> list[Any]:
    return [value.replace(NUL, SHOWN_NUL) if isinstance(value, str) else value for value in row]


def _replacing(key: str, fields: Iterable[str]) -> str:
    chosen = ", ".join(f"{f}=excluded.{f}" for f in fields if f not in key.split(", "))
    return f"ON CONFLICT ({key}) DO UPDATE SET {chosen}"


RUNS = Table("runs", RunRow, _replacing("id", RUN_CHANGES))
STEPS = Table("steps", StepRow, _replacing("run, step, item", StepRow._fields))
EVENTS = Table("events", EventRow, "")
LIMITS = Table("limits", LimitRow, _replacing("name", LimitRow._fields))
SCHEDULES = Table("schedules", ScheduleRow, _replacing("name", ScheduleRow._fields))

# A commit that is sent again, since nobody heard whether it was made, finds its own token.
FENCE = (
    "fence AS (UPDATE lease SET beat=%s, expires=%s, token=%s "
    "WHERE name='orchestrator' AND epoch=%s AND token<>%s RETURNING epoch)"
)
TAKEN = "UPDATE taken SET message=greatest(message, %s) FROM fence WHERE box='inbox'"
NO_SCHEDULE = "DELETE FROM schedules USING fence WHERE name = ANY(%s)"


def statement(
    epoch: int, token: str, now: float, ttl_s: float, changes: Changes
) -> tuple[str, tuple[Any, ...]]:
    """The statement of a commit with its values; it gives a row if the epoch still holds."""
    fence = (now, now + ttl_s, token, epoch, token)
    parts = list(_parts(changes))
    written = "".join(f", part_{n} AS ({sql})" for n, (sql, _) in enumerate(parts))
    sql = f"WITH {FENCE}{written} SELECT epoch FROM fence"
    return sql, (*fence, *(value for _, value in parts))


def _parts(changes: Changes) -> Iterable[tuple[str, Any]]:
    if changes.runs:
        yield RUNS.insert, RUNS.text(_last_runs(changes.runs))
    if changes.steps:
        rows = {row[:3]: row for row in changes.steps}
        yield STEPS.insert, STEPS.text(rows.values())
    if changes.events:
        yield EVENTS.insert, EVENTS.text(changes.events)
    if changes.limits:
        yield LIMITS.insert, LIMITS.text(list(changes.limits.items()))
    if kept := [row for row in changes.schedules.values() if row is not None]:
        yield SCHEDULES.insert, SCHEDULES.text(kept)
    if gone := [name for name, row in changes.schedules.items() if row is None]:
        yield NO_SCHEDULE, gone
    if changes.taken is not None:
        yield TAKEN, changes.taken


def _last_runs(rows: Iterable[RunRow]) -> list[RunRow]:
    """One row for each run: what it began with, and what the last one changes."""
    last: dict[str, RunRow] = {}
    for row in rows:
        first = last.get(row.id)
        changed = {name: getattr(row, name) for name in RUN_CHANGES}
        last[row.id] = first._replace(**changed) if first else row
    return list(last.values())
