"""The companies that were asked for: the newest run of each, and where it stood when last told.

The journal of runs is the truth. The ledger is what lists and counts are made of, so that nobody
reads ten thousand runs for them; whoever finds it behind the journal brings it up to date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from raymill import json
from raymill.filings.status import ProcessingStatus
from raymill.state.database import Database

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


class Ledger:
    """The standings of all companies, in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, called: str) -> Standing | None:
        """A company; None if it was never asked for."""
        with self._database.reading() as execute:
            rows = execute(f"{_SELECT} WHERE called=?", (called,))
        return _standing(rows[0]) if rows else None

    def claim(self, called: str, generation: int, run: str, asked: Any, now: float) -> bool:
        """Note a run of a company, where the one before still is its newest.

        False if somebody else was quicker: look again.
        """
        text = json.dumps(asked).decode()
        status = ProcessingStatus.DISCOVERED.value
        with self._database.transaction() as execute:
            found = execute("SELECT generation FROM filings_company WHERE called=?", (called,))
            newest = int(found[0][0]) if found else 0
            if newest != generation - 1:
                return False
            if not found:
                row = (called, generation, run, text, status, None, 0, 0, 0, "", now, now)
                execute(_FIRST, row)
            else:
                execute(_NEXT, (generation, run, text, status, now, now, called, newest))
            return True

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

    def counts(self) -> dict[ProcessingStatus, int]:
        """How many companies stand where: each of the nine, zero or not."""
        with self._database.reading() as execute:
            rows = execute("SELECT status, count(*) FROM filings_company GROUP BY status")
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


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _standing(row: Sequence[Any]) -> Standing:
    cells = dict(zip(_NAMES, row, strict=True))
    cells["status"] = ProcessingStatus(cells["status"])
    cells["asked"] = json.loads(cells["asked"])
    return Standing(**cells)
