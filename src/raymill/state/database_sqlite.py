"""The tables that every process may write, in a file of SQLite."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from raymill.state.database import Dialect, Execute, Row, Value
from raymill.state.per_process import PerProcess
from raymill.state.sqlite_file import SqliteFile, make_folder


class SqliteDatabase:
    """Tables in a file of this machine's disk, made when they are first used."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: str | Path, tables: str = "lake") -> None:
        self.path, self._tables = Path(path), tables
        self._file = PerProcess(self._opened)

    def __reduce__(self) -> tuple[Any, ...]:
        return SqliteDatabase, (self.path, self._tables)

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        """What is executed inside is committed together, durably, or not at all."""
        file = self._file.get()
        with file.transaction() as execute:
            yield _Execute(execute, file.many)

    @contextmanager
    def reading(self) -> Iterator[Execute]:
        """Read what is committed at one moment."""
        file = self._file.get()
        with file.snapshot() as execute:
            yield _Execute(execute, file.many)

    def close(self) -> None:
        """Let go of the file; it is opened again when it is used."""
        file = self._file.pop()
        if file is not None:
            file.close()

    def _opened(self) -> SqliteFile:
        make_folder(self.path.parent)
        return SqliteFile(self.path, self._tables)


class _Execute:
    """Statements of one transaction."""

    def __init__(self, execute: Callable[..., Any], many: Callable[..., Any]) -> None:
        self._execute, self._many = execute, many

    def __call__(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        rows: list[Row] = self._execute(sql, tuple(values)).fetchall()
        return rows

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run one statement for each row of values."""
        self._many(sql, [tuple(row) for row in rows])
