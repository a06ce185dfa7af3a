"""The tables that every process may write, on a PostgreSQL server."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from raymill.state.database import Dialect, Execute, Row, Value
from raymill.state.per_process import PerProcess
from raymill.state.postgres_session import PostgresSession, in_psycopg

if TYPE_CHECKING:
    from raymill.state.postgres_session import Connection

ONE_AT_A_TIME = 0x6C616B65  # the number of the lock under which transactions write
# The server ends a session that stops within a transaction after 30 s; that is waited for.
LOCK_S = 40.0


class PostgresDatabase:
    """Tables beside the journal's, made when they are first used."""

    dialect: Dialect = "postgres"

    def __init__(self, url: str, tables: str = "lake") -> None:
        self.url, self._tables = url, tables
        self._session = PerProcess(self._opened)

    def __reduce__(self) -> tuple[Any, ...]:
        return PostgresDatabase, (self.url, self._tables)

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        """What is executed inside is committed together, durably, or not at all."""
        with self._session.get().transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (ONE_AT_A_TIME,))
            yield _Execute(connection)

    @contextmanager
    def reading(self) -> Iterator[Execute]:
        """Read what is committed at one moment."""
        with self._session.get().transaction() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield _Execute(connection)

    def close(self) -> None:
        """Let go of the connection; it is opened again when it is used."""
        session = self._session.pop()
        if session is not None:
            session.close()

    def _opened(self) -> PostgresSession:
        session = PostgresSession(self.url, lock_s=LOCK_S)
        session.bring_up_to_date(self._tables)
        return session


class _Execute:
    """Statements of one transaction."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    def __call__(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        cursor = self._connection.execute(in_psycopg(sql), tuple(values))
        return cursor.fetchall() if cursor.description else []

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run one statement for each row of values."""
        with self._connection.cursor() as cursor:
            cursor.executemany(in_psycopg(sql), [tuple(row) for row in rows])
