"""A session with a PostgreSQL server: opened again when it is lost, its errors explained."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from raymill.errors import ConfigError, EngineUnavailable, StoreError, StoreUnavailable
from raymill.state.migrate import Migration, migrate, migrations, pending
from raymill.state.patience import Turn

if TYPE_CHECKING:
    from raymill.state.postgres_wait import EndingConnection, psycopg

    Connection = EndingConnection
R = TypeVar("R")

SCHEMA = "raymill"
OLDEST = 130_000
MIGRATING = 0x7261796D  # the number of the lock under which tables are made
LOCK_S = 10.0
TRIES = 5  # to get a lock whose holder was told to go
PATIENCE_S = 30.0  # how long a server may be away, as while it restarts
URL_HINT = "as in RAYMILL_DATABASE_URL=postgresql://user:password@host:5432/database"

# Both ends find out within half a minute that the other's machine is gone.
CONNECTION: Mapping[str, Any] = {
    "application_name": "raymill",
    "client_encoding": "UTF8",
    "connect_timeout": 10,
    "target_session_attrs": "read-write",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
SETTINGS: Mapping[str, str] = {
    "search_path": SCHEMA,
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
LATER_SETTINGS: Mapping[int, Mapping[str, str]] = {170_000: {"transaction_timeout": "120s"}}
# Who locks rows of a table now, and waits for nobody: it is at work, or stopped.
FREE = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE relation = to_regclass(%s) AND mode = 'RowExclusiveLock' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND pid <> pg_backend_pid() AND pid NOT IN (SELECT pid FROM pg_locks WHERE NOT granted)
"""


def connect(url: str, *, lock_s: float = LOCK_S, ends: float | None = None) -> "Connection":
    """Open a connection as every room uses it: each statement commits unless a transaction is
    begun. It waits until `ends`. Raises StoreUnavailable, EngineUnavailable, ConfigError."""
    given = _parts(url)
    wanted = {name: value for name, value in CONNECTION.items() if name not in given}
    if ends is not None:
        wanted["connect_timeout"] = max(1, math.ceil(ends - time.monotonic()))
    with explained(url):
        from raymill.state.postgres_wait import EndingConnection

        connection = EndingConnection.connect(url, autocommit=True, **wanted)
        try:
            connection.ends = ends
            connection.execute(_settings(lock_s, connection.info.server_version))
            _refuse_unsuitable(connection, url)
        except BaseException:
            connection.close()
            raise
    return connection


def database(url: str, name: str) -> str:
    """The address of another database of the same server."""
    return str(_library().conninfo.make_conninfo(url, **{**_parts(url), "dbname": name}))


def shown(url: str) -> str:
    """An address as it may be shown: without its password.

    >>> shown("postgresql://ada:secret@db.example:5433/mill?sslmode=require")
    'postgresql://ada@db.example:5433/mill'
    >>> shown("postgresql://one,two:5433/mill?password=secret")
    'postgresql://one,two:5433/mill'
    """
    given = _parts(url)
    user = f"{given['user']}@" if "user" in given else ""
    name = given.get("dbname", "")
    hosts, ports = given.get("host", "").split(","), given.get("port", "").split(",")
    if hosts[0].startswith("/"):
        return f"postgresql://{user}/{name}?host={hosts[0]}"
    pairs = zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=False)
    where = ",".join(f"{host}:{port}".removesuffix(":") for host, port in pairs)
    return f"postgresql://{user}{where}/{name}"


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what PostgreSQL says into a StoreError that names the server, never its password."""
    psycopg = _library()
    try:
        yield
    except psycopg.Error as error:
        raise _explanation(error, url) from error


class Server(NamedTuple):
    """What a server says of itself."""

    version: str
    ahead_s: float  # its clock, before that of this machine


def server(url: str) -> Server:
    """Ask a server. Raises StoreUnavailable, StoreError."""
    with explained(url), closing(connect(url)) as connection:
        before = time.time()
        sql = "SELECT current_setting('server_version'), extract(epoch FROM clock_timestamp())"
        version, clock = _rows(connection, sql, ())[0]
        return Server(str(version), float(clock) - (before + time.time()) / 2)


class PostgresSession:
    """One connection, used by one thread at a time, opened when it is first used."""

    def __init__(
        self,
        url: str,
        *,
        guarded: str = "",
        lock_s: float = LOCK_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Prepare a session.

        guarded: a table whose rows are locked for moments only. Who locks them for longer than
        `lock_s`, such as a process that was stopped in the midst of it, loses its session.
        """
        self.url, self._guarded = url, guarded
        self._lock_s, self._patience_s = lock_s, patience_s
        self._turn = Turn()
        self._ends: float | None = None
        self._connection: Connection | None = None
        self._was_open = self.is_closed = False

    def run(self, sql: str, values: "psycopg.abc.Params" = ()) -> list[tuple[Any, ...]]:
        """Run one statement, committed when this returns; gives its rows.

        It is run again where the session was lost on the way, so it must be one that may be.
        """
        return self.again(lambda connection: _rows(connection, sql, values))

    def again(self, work: "Callable[[Connection], R]") -> R:
        """Do work that may be done twice; again while the server is away for a moment."""
        with self._taken():
            tries_left = TRIES if self._guarded else 1
            while True:
                try:
                    return self._patiently(work)
                except _library().errors.LockNotAvailable:
                    tries_left -= 1
                    if not tries_left:
                        raise
                self._patiently(self._free)

    @contextmanager
    def transaction(self) -> "Iterator[Connection]":
        """All that is executed inside is committed together, or not at all."""
        with self._taken():
            connection = self._patiently(_answering)
            with connection.transaction():
                yield connection

    @contextmanager
    def _taken(self) -> Iterator[None]:
        """Have the session, to wait no longer than who asks."""
        with self._turn.taken() as self._ends, explained(self.url):
            yield

    def bring_up_to_date(self, tables: str) -> None:
        """Apply the migrations of these tables that the database lacks."""
        known = migrations("postgres", tables)
        table = f"{tables}_migrations"
        if not self.again(lambda connection: _missing(connection, known, table, self.url)):
            return
        with self.transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATING,))
            if not _rows(connection, "SELECT to_regnamespace(%s)", (SCHEMA,))[0][0]:
                connection.execute(f"CREATE SCHEMA {SCHEMA}")
            migrate(
                lambda sql, values: _rows(connection, in_psycopg(sql), values),
                lambda sql: _run_all(connection, sql),
                known,
                shown(self.url),
                table,
            )

    def close(self) -> None:
        """Let go of the connection, for good."""
        self.is_closed = True
        with self._turn.taken():
            self._drop()

    def _patiently(self, work: "Callable[[Connection], R]") -> R:
        """Do work; open the session again if it is lost, and do it once more."""
        deadline, pause_s = time.monotonic() + self._patience_s, 0.05
        deadline = deadline if self._ends is None else min(deadline, self._ends)
        psycopg = _library()
        while True:
            try:
                return work(self._opened())
            except (psycopg.Error, StoreUnavailable) as error:
                given_up = time.monotonic() > deadline or self.is_closed
                if not _is_lost(error) or not self._was_open or given_up:
                    raise
            self._drop()
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 1.0)

    def _opened(self) -> "Connection":
        if self.is_closed:
            raise StoreError(f"The session with `{shown(self.url)}` is closed")
        if self._connection is None:
            self._connection = connect(self.url, lock_s=self._lock_s, ends=self._ends)
            self._was_open = True
        self._connection.ends = self._ends
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _free(self, connection: "Connection") -> None:
        connection.execute(FREE, (self._guarded,))


def in_psycopg(sql: str) -> str:
    """A statement whose values stand for `?`, as psycopg wants it.

    >>> in_psycopg("SELECT 7 % 2 WHERE ? > 1")
    'SELECT 7 %% 2 WHERE %s > 1'
    """
    return sql.replace("%", "%%").replace("?", "%s")


@lru_cache(maxsize=1)
def _library() -> Any:
    """psycopg, which is loaded only where a server is used."""
    try:
        from raymill.state.postgres_wait import psycopg
    except ImportError as error:
        raise EngineUnavailable(
            f"PostgreSQL needs psycopg: {error}", hint="pip install 'raymill[postgres]'"
        ) from None
    return psycopg


def _parts(url: str) -> dict[str, str]:
    psycopg = _library()
    try:
        return {name: str(v) for name, v in psycopg.conninfo.conninfo_to_dict(url).items() if v}
    except psycopg.Error:  # its text holds the address, and so perhaps a password
        raise ConfigError("The address of the database is none", hint=URL_HINT) from None


def _settings(lock_s: float, version: int) -> str:
    wanted = {**SETTINGS, "lock_timeout": f"{round(lock_s * 1000)}ms"}
    for since, settings in LATER_SETTINGS.items():
        wanted |= settings if version >= since else {}
    calls = [f"set_config('{name}', '{value}', false)" for name, value in wanted.items()]
    # What is acknowledged is on the disk, whatever sessions of this database begin with.
    durable = "coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on')"
    calls.append(f"set_config('synchronous_commit', {durable}, false)")
    return f"SELECT {', '.join(calls)}"


def _refuse_unsuitable(connection: "Connection", url: str) -> None:
    info = connection.info
    if info.server_version < OLDEST:
        raise StoreError(
            f"`{shown(url)}` is PostgreSQL {info.server_version // 10_000}",
            hint=f"use version {OLDEST // 10_000} or newer",
        )
    encoding = info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreError(
            f"Database `{shown(url)}` has encoding {encoding}",
            hint="make one with CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0",
        )


def _missing(
    connection: "Connection", known: list[Migration], table: str, url: str
) -> list[Migration]:
    if _rows(connection, "SELECT to_regclass(%s)", (f"{SCHEMA}.{table}",))[0][0] is None:
        return known
    applied = _rows(connection, f"SELECT version, checksum FROM {table}", ())
    return pending(known, dict(applied), shown(url))


def _rows(connection: "Connection", sql: str, values: Any) -> list[tuple[Any, ...]]:
    cursor = connection.execute(sql, values)
    return cursor.fetchall() if cursor.description else []


def _run_all(connection: "Connection", sql: str) -> None:
    connection.execute(sql)


def _answering(connection: "Connection") -> "Connection":
    connection.execute("SELECT 1")
    return connection


def _is_lost(error: Exception) -> bool:
    """Whether the session is gone, or the server not there yet."""
    if isinstance(error, StoreUnavailable):
        return True
    code = getattr(error, "sqlstate", None)
    psycopg = _library()
    if code is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return bool(code.startswith(("08", "57P")) or code == "25P03")


def _explanation(error: Any, url: str) -> StoreError:
    where, errors = shown(url), _library().errors
    lines = [line for line in str(error).splitlines() if not line.startswith("\t")]  # no advice
    reason = error.diag.message_primary or " ".join(lines) or type(error).__name__
    if _is_lost(error):
        reason = reason.removeprefix("connection failed: ")
        hint = "see that it runs, and what RAYMILL_DATABASE_URL says; `raymill doctor` tries it"
        return StoreUnavailable(f"PostgreSQL at `{where}` cannot be reached: {reason}", hint=hint)
    if isinstance(error, errors.DiskFull):
        return StoreError(f"No space left for `{where}`", hint="free some, then go on")
    if isinstance(error, errors.LockNotAvailable):
        hint = "see pg_stat_activity for a session that is stopped in a transaction, and end it"
        return StoreError(f"`{where}` is held up by another session: {reason}", hint=hint)
    if isinstance(error, errors.InsufficientPrivilege):
        hint = "let the owner of the database grant it, or use the owner's name"
        return StoreError(f"`{where}` cannot be used: {reason}", hint=hint)
    return StoreError(f"`{where}` cannot be used: {reason}")
