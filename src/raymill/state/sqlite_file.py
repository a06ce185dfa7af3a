"""A file of SQLite: opened for many processes, brought up to date, its errors explained."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from raymill.errors import StoreError, StoreUnavailable
from raymill.state.migrate import migrate, migrations
from raymill.state.patience import Turn, patience_s

BUSY_MS = 10_000
CHECKPOINT_PAGES = 8_000  # 32 MB of log; at 4 MB a busy file waits for itself all the time


class SqliteFile:
    """One connection, used by one thread at a time."""

    def __init__(self, path: str | Path, tables: str) -> None:
        """Open a file, made when it is absent; `tables` names the migrations that it gets."""
        self._path = str(path)
        self._turn, self._busy_ms = Turn(), 0
        with explained(self._path):
            self.connection = apsw.Connection(self._path)
        self.many = self.connection.executemany
        try:
            self._bring_up_to_date(tables)
        except BaseException:
            self.connection.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Callable[..., Any]]:
        """All that is executed inside is committed together, or not at all."""
        with self._between("BEGIN IMMEDIATE") as execute:
            yield execute

    @contextmanager
    def reading(self) -> Iterator[Callable[..., Any]]:
        """Read what is committed."""
        with self._taken():
            yield self.connection.execute

    @contextmanager
    def snapshot(self) -> Iterator[Callable[..., Any]]:
        """Read what is committed at this moment, in as many statements as it takes."""
        with self._between("BEGIN") as execute:
            yield execute

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def _bring_up_to_date(self, tables: str) -> None:
        with explained(self._path):
            self._wait(patience_s(BUSY_MS / 1000))
            self._log_ahead()
            self.connection.execute("PRAGMA synchronous=FULL")
            self.connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        with self.transaction() as execute:
            migrate(
                lambda sql, values: execute(sql, values).fetchall(),
                lambda sql: execute(sql).fetchall() and None,
                migrations("sqlite", tables),
                self._path,
            )

    def _log_ahead(self) -> None:
        """Give a new file its log; unlike elsewhere, SQLite does not wait for another who does."""
        until = time.monotonic() + self._busy_ms / 1000
        while True:
            try:
                self.connection.execute("PRAGMA journal_mode=WAL")
                return
            except apsw.BusyError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.005)

    @contextmanager
    def _taken(self) -> Iterator[None]:
        """Have the file, to wait for others no longer than who asks."""
        with self._turn.taken() as ends, explained(self._path):
            left_s = BUSY_MS / 1000 if ends is None else ends - time.monotonic()
            self._wait(min(left_s, BUSY_MS / 1000))
            yield

    def _wait(self, seconds: float) -> None:
        if (wanted := max(1, round(seconds * 1000))) != self._busy_ms:
            self.connection.set_busy_timeout(wanted)
            self._busy_ms = wanted

    @contextmanager
    def _between(self, begin: str) -> Iterator[Callable[..., Any]]:
        with self._taken():
            execute = self.connection.execute
            execute(begin)
            try:
                yield execute
                execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    execute("ROLLBACK")
                raise


@contextmanager
def explained(path: object) -> Iterator[None]:
    """Turn what SQLite says into a StoreError that names the file."""
    try:
        yield
    except apsw.FullError as error:
        raise StoreError(f"No space left for `{path}`", hint="free some, then go on") from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise StoreUnavailable(
            f"`{path}` is held up by another process", hint="see which one, and end it"
        ) from error
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise StoreError(
            f"`{path}` is damaged: {error}", hint="restore it, or move it away to begin anew"
        ) from error
    except apsw.Error as error:
        raise StoreError(f"`{path}` cannot be used: {error}") from error


def make_folder(folder: Path) -> None:
    """Make a folder where there is none. Raises StoreError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"Folder `{folder}` cannot be made: {error.strerror}") from error
