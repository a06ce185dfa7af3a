"""Numbered SQL files, each applied once, with its checksum kept beside it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from raymill.errors import StoreError

TABLE = """CREATE TABLE IF NOT EXISTS {} (
  version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)"""


class Migration(NamedTuple):
    """One numbered file."""

    version: int
    name: str
    checksum: str
    sql: str


def migrations(dialect: str, database: str) -> list[Migration]:
    """The files of a database, in order.

    >>> [migration.name for migration in migrations("sqlite", "inbox")]
    ['0001_messages.sql']
    """
    folder = files("raymill.state").joinpath("migrations", dialect, database)
    found = sorted((entry for entry in folder.iterdir()), key=lambda entry: entry.name)
    return [_read(entry.name, entry.read_text(encoding="utf-8")) for entry in found]


def _read(name: str, sql: str) -> Migration:
    return Migration(int(name[:4]), name, hashlib.sha256(sql.encode()).hexdigest(), sql)


def pending(known: Sequence[Migration], applied: Mapping[int, str], where: str) -> list[Migration]:
    """The migrations that a database lacks. Raises StoreError if it is newer or was changed."""
    for version, checksum in applied.items():
        if version > len(known):
            raise StoreError(
                f"`{where}` was written by a newer version of raymill (schema {version}, "
                f"this one knows {len(known)})",
                hint="install that version, or set RAYMILL_HOME or RAYMILL_DATABASE_URL to another "
                "place",
            )
        if known[version - 1].checksum != checksum:
            raise StoreError(
                f"Migration {known[version - 1].name} of `{where}` is not the one that was applied",
                hint="install the release that wrote it",
            )
    return [migration for migration in known if migration.version not in applied]


def migrate(
    run: Callable[[str, tuple[object, ...]], list[tuple[object, ...]]],
    script: Callable[[str], None],
    known: Sequence[Migration],
    where: str,
    table: str = "migrations",
) -> int:
    """Bring a database up to date within the transaction that is open. Gives how many ran.

    table: where it is noted which ones were applied.
    """
    script(TABLE.format(table))
    rows = run(f"SELECT version, checksum FROM {table}", ())
    missing = pending(known, {int(str(v)): str(c) for v, c in rows}, where)
    for one in missing:
        script(one.sql)
        run(f"INSERT INTO {table} VALUES (?, ?, ?)", (one.version, one.name, one.checksum))
    return len(missing)
