"""The door to the tables that every process may write, in short transactions."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

Dialect = Literal["sqlite", "postgres"]
Value = int | float | str | bytes | None
Row = tuple[Any, ...]


class Execute(Protocol):
    """Runs statements of one transaction. The values of a statement stand for its `?`."""

    def __call__(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Run one statement. Gives its rows."""

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run one statement for each row of values."""


class Database(Protocol):
    """Tables beside the journal: the manifest of the lake, limits, cursors, keys.

    Threads may share one; a fork or a pickle of it opens the tables anew. A transaction must be
    short, must not wait for anything, and must not begin another one.
    """

    dialect: Dialect

    def transaction(self) -> AbstractContextManager[Execute]:
        """What is executed inside is committed together, durably, or not at all.

        Transactions of all processes run one after the other, so that what one reads still holds
        when it writes. Raises StoreError.
        """

    def reading(self) -> AbstractContextManager[Execute]:
        """Read what is committed at one moment; nobody is kept from writing. Raises StoreError."""

    def close(self) -> None:
        """Let go of files and connections."""


def open_database(home: str | Path, url: str = "") -> Database:
    """The tables of a home: `lake.db` in its folder, or those of the PostgreSQL server at `url`."""
    if url:
        from raymill.state.database_postgres import PostgresDatabase

        return PostgresDatabase(url)
    from raymill.state.database_sqlite import SqliteDatabase

    return SqliteDatabase(Path(home) / "lake.db")
