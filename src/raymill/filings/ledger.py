"""The companies that were asked for: the newest run of each, and where it stood when last told.

The journal of runs is the truth. The ledger is what lists and counts are made of, so that nobody
reads ten thousand runs for them; whoever finds it behind the journal brings it up to date.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from raymill import json
from raymill.filings.status import ProcessingStatus
from raymill.state.database import Database, Execute

_NAMES = (
    *("called", "generation", "run", "asked", "status", "cik", "filings", "facts", "failed"),
    *("message", "created", "updated"),
)
_SELECT = f"SELECT {','.join(_NAMES)} FROM filings_company"
_FIRST = (
    f"INSERT INTO filings_company ({','.join(_NAMES)}) VALUES ({','.join('?' * len(_NAMES))}) "
    "ON CONFLICT (called) DO NOTHING"
)
_NEXT = (
    "UPDATE filings_company SET generation=?, run=?, asked=?, status=?, filings=0, facts=0, "
    "failed=0, message='', created=?, updated=? WHERE called=? AND generation=?"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a company stands: its newest run, counts of it, and why it failed."""

    called: str
    run: str
    status: ProcessingStatus
    generation: int = 1  # how often it was asked for
    asked: Mapping[str, Any] | None = None
    cik: int | None = None
    filings: int = 0
    facts: int = 0
    failed: int = 0
    message: str = ""
    created: float = 0.0
    updated: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; times in UTC."""
        times = {name: _time(getattr(self, name)) for name in ("created", "updated")}
        return asdict(self) | {"status": self.status.value} | times


class Claim(NamedTuple):
    """A run that is about to be the newest of a company."""

    called: str
    generation: int
    run: str
    asked: Mapping[str, Any]


class Ledger:
    """The standings of all companies, in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, called: str) -> Standing | None:
        """A company; None if it was never asked for."""
        with self._database.reading() as execute:
            rows = execute(f"{_SELECT} WHERE called=?", (called,))
        return _standing(rows[0]) if rows else None

    def claim(self, claims: Sequence[Claim], now: float) -> list[Standing]:
        """Note runs of companies, where the one before still is their newest, by one commit.

        Gives those that could be noted; for the others somebody else was quicker: look again.
        """
        found = []
        with self._database.transaction() as execute:
            for one in claims:
                status = ProcessingStatus.DISCOVERED
                made = Standing(one.called, one.run, status, one.generation, one.asked)
                made = replace(made, created=now, updated=now)
                if _claimed(execute, made):
                    found.append(made)
        return found

    def note(
        self, called: str, run: str, status: ProcessingStatus, now: float, **about: Any
    ) -> None:
        """Note where a run stands: `cik`, `filings`, `facts`, `failed`, `message`.

        Nothing happens where the company has a newer run.
        """
        values = {"status": status.value, "updated": now, **about}
        changes = ", ".join(f"{name}=?" for name in values)
        with self._database.transaction() as execute:
            execute(
                f"UPDATE filings_company SET {changes} WHERE called=? AND run=?",
                (*values.values(), called, run),
            )

    def counts(self, since: float = 0.0) -> dict[ProcessingStatus, int]:
        """How many companies stand where: each of the nine, zero or not.

        since: only those that something was noted of after this time.
        """
        with self._database.reading() as execute:
            rows = execute(
                "SELECT status, count(*) FROM filings_company WHERE updated>? GROUP BY status",
                (since,),
            )
        found: dict[str, int] = dict(rows)
        return {status: found.get(status.value, 0) for status in ProcessingStatus}

    def page(
        self, *, after: str = "", most: int = 50, status: ProcessingStatus | None = None
    ) -> list[Standing]:
        """A page of companies by name."""
        where, values = "", [after]
        if status is not None:
            where, values = " AND status=?", [after, status.value]
        with self._database.reading() as execute:
            rows = execute(
                f"{_SELECT} WHERE called>?{where} ORDER BY called LIMIT ?", (*values, most)
            )
        return [_standing(row) for row in rows]

    def going(self) -> dict[str, ProcessingStatus]:
        """The companies that have not ended, and where they stood when last told."""
        over = [status.value for status in ProcessingStatus if status.is_over]
        with self._database.reading() as execute:
            rows = execute(
                "SELECT called, status FROM filings_company WHERE status NOT IN (?,?)", over
            )
        return {called: ProcessingStatus(status) for called, status in rows}

    def open(self, most: int = 1000) -> list[Standing]:
        """Companies that have not ended, as far as was told."""
        over = [status.value for status in ProcessingStatus if status.is_over]
        marks = ",".join("?" * len(over))
        with self._database.reading() as execute:
            rows = execute(f"{_SELECT} WHERE status NOT IN ({marks}) LIMIT ?", (*over, most))
        return [_standing(row) for row in rows]

    def since(self, updated: float, most: int = 1000) -> list[Standing]:
        """What was noted after a time, the oldest first."""
        with self._database.reading() as execute:
            rows = execute(f"{_SELECT} WHERE updated>? ORDER BY updated LIMIT ?", (updated, most))
        return [_standing(row) for row in rows]

    def cursor(self, name: str) -> str | None:
        """What was noted under a name."""
        with self._database.reading() as execute:
            rows = execute("SELECT value FROM filings_cursor WHERE name=?", (name,))
        return str(rows[0][0]) if rows else None

    def move(self, name: str, value: str) -> None:
        """Note a value under a name; one that sorts before what is there changes nothing."""
        with self._database.transaction() as execute:
            execute(
                "INSERT INTO filings_cursor VALUES (?, ?) ON CONFLICT (name) DO UPDATE "
                "SET value=excluded.value WHERE excluded.value > filings_cursor.value",
                (name, value),
            )

    def marks(self, names: Collection[str]) -> dict[str, str]:
        """What was noted under some names."""
        if not names:
            return {}
        where = ",".join("?" * len(names))
        with self._database.reading() as execute:
            sql = f"SELECT name, value FROM filings_cursor WHERE name IN ({where})"
            return dict(execute(sql, tuple(names)))

    def mark(self, values: Mapping[str, str]) -> None:
        """Note values under names, in the place of what is there."""
        with self._database.transaction() as execute:
            execute.many(
                "INSERT INTO filings_cursor VALUES (?, ?) ON CONFLICT (name) DO UPDATE "
                "SET value=excluded.value",
                sorted(values.items()),
            )

    def names(self) -> dict[int, str]:
        """What the companies are called that were asked for, by their CIKs."""
        with self._database.reading() as execute:
            sql = (
                "SELECT cik, called FROM filings_company WHERE cik IS NOT NULL ORDER BY called DESC"
            )
            return dict(execute(sql))

    def oldest(self) -> float | None:
        """When the company was completed that was so longest ago."""
        completed = ProcessingStatus.COMPLETED.value
        with self._database.reading() as execute:
            sql = "SELECT min(updated) FROM filings_company WHERE status=?"
            found = execute(sql, (completed,))[0][0]
        return None if found is None else float(found)


def _claimed(execute: Execute, made: Standing) -> bool:
    sql = "SELECT generation FROM filings_company WHERE called=?"
    before = execute(sql, (made.called,))
    if (int(before[0][0]) if before else 0) != made.generation - 1:
        return False
    text, status = json.dumps(made.asked).decode(), made.status.value
    values = (made.generation, made.run, text, status)
    times = (made.created, made.updated)
    if before:
        execute(_NEXT, (*values, *times, made.called, made.generation - 1))
    else:
        execute(_FIRST, (made.called, *values, None, 0, 0, 0, "", *times))
    return True


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _standing(row: Sequence[Any]) -> Standing:
    cells = dict(zip(_NAMES, row, strict=True))
    cells["status"] = ProcessingStatus(cells["status"])
    cells["asked"] = json.loads(cells["asked"])
    return Standing(**cells)
