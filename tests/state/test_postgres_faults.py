"""The store on PostgreSQL when sessions break, servers restart and processes stop in mid-commit."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from raymill import faults
from raymill.errors import ConfigError, Fenced, StoreError, StoreUnavailable
from raymill.state.owner import alive, owner
from raymill.state.postgres import PostgresStore
from raymill.state.postgres_session import connect
from raymill.state.store import Changes, EventRow
from raymill.testing.store_suite import nobody, run_row, step_row
from servers import PostgresServer
from state.wire import Wire


def asked(url: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(connect(url)) as connection:
        cursor = connection.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def leased(url: str, **how: Any) -> tuple[PostgresStore, int]:
    store = PostgresStore(url, **how)
    lease = store.acquire("one", 5, 100.0, nobody)
    assert lease is not None
    return store, lease.epoch


def event(number: int) -> EventRow:
    return EventRow("r1", float(number), "e", "", -1, number, "")


@pytest.fixture
def wire(postgres_server: PostgresServer) -> Iterator[Wire]:
    made = Wire(postgres_server.folder)
    yield made
    made.close()


@pytest.fixture
def wired_url(postgres_url: str, postgres_server: PostgresServer, wire: Wire) -> str:
    return postgres_url.replace(str(postgres_server.folder), str(wire.folder))


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_commit_whose_connection_breaks_is_made_once(
    wired_url: str, wire: Wire, lost: Any
) -> None:
    store, epoch = leased(wired_url)
    store.commit(epoch, 101, 5, Changes(events=[event(0)]))
    wire.cut(lost)
    store.commit(epoch, 102, 5, Changes(events=[event(1)], taken=7))
    store.commit(epoch, 103, 5, Changes(events=[event(2)]))
    assert [row.attempt for row in store.events("r1")] == [0, 1, 2]
    assert store.taken() == 7
    store.close()


def test_a_commit_that_was_lost_on_the_way_is_fenced_where_another_took_over_since(
    postgres_url: str, wired_url: str, wire: Wire
) -> None:
    store, epoch = leased(wired_url)
    other = PostgresStore(postgres_url)
    wire.cut("request")
    faults.arm("journal.before-commit", lambda: other.acquire("two", 5, 200.0, nobody) and None)
    with pytest.raises(Fenced, match=f"Epoch {epoch} is over"):
        store.commit(epoch, 102, 5, Changes(events=[event(1)]))
    assert store.events("r1") == []
    store.close()
    other.close()


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_request_whose_connection_breaks_is_not_lost(
    wired_url: str, wire: Wire, lost: Any
) -> None:
    store = PostgresStore(wired_url)
    store.send([("submit", "r0", b"{}")], 1.0)
    wire.cut(lost)
    last = store.send([("submit", "r1", b"{}")], 1.0)
    found = store.inbox()
    assert [message.run for message in found][-1] == "r1"
    assert {message.run for message in found} == {"r0", "r1"}
    assert found[-1].id == last
    store.close()


def test_sessions_that_the_server_ends_are_opened_again(postgres_url: str) -> None:
    store, epoch = leased(postgres_url)
    store.send([("submit", "r1", b"{}")], 1.0)
    ended = asked(
        postgres_url,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'raymill' "
        "AND pid <> pg_backend_pid()",
    )
    assert ended == [(3,)]
    store.commit(epoch, 101, 5, Changes([run_row("r1")]))
    assert store.run("r1") == run_row("r1")
    assert store.send([("submit", "r2", b"{}")], 1.0) == 2
    store.close()


@pytest.mark.system
def test_commits_go_on_while_the_server_crashes_and_starts_again(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    store, epoch = leased(postgres_url)
    halfway = threading.Event()

    def go_on() -> None:
        for number in range(400):
            store.commit(epoch, 101, 5, Changes(events=[event(number)]))
            if number == 50:
                halfway.set()

    thread = threading.Thread(target=go_on)
    thread.start()
    assert halfway.wait(30)
    postgres_server.restart()
    thread.join()
    assert [row.attempt for row in store.events("r1")] == list(range(400))
    store.close()


def test_a_server_that_stays_away_is_an_error_without_a_password(
    wired_url: str, wire: Wire
) -> None:
    store, epoch = leased(wired_url.replace("@", ":geheim@"), patience_s=0.1)
    wire.down()
    with pytest.raises(StoreUnavailable, match="cannot be reached") as caught:
        store.commit(epoch, 101, 5, Changes(events=[event(0)]))
    assert caught.value.exit_code == 3
    chain = f"{caught.value} {caught.value.hint} {caught.value.__cause__!r}"
    assert "geheim" not in chain
    assert "RAYMILL_DATABASE_URL" in chain
    wire.up()
    store.commit(epoch, 102, 5, Changes(events=[event(1)]))
    assert [row.attempt for row in store.events("r1")] == [1]
    store.close()


class Stopped:
    """A process of its own that stops itself when it has done something; `go_on` lets it end."""

    def __init__(self, work: Callable[[Callable[[], None]], None]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside other threads
            self.pid = os.fork()
        if self.pid == 0:
            try:
                work(lambda: os.kill(os.getpid(), signal.SIGSTOP))
                os._exit(0)
            except BaseException as error:
                os._exit(3 if isinstance(error, Fenced) else 4)
        assert os.WIFSTOPPED(os.waitpid(self.pid, os.WUNTRACED)[1])

    def go_on(self) -> int:
        """How it ends: 0, 3 where it was fenced, 4 where another error ended it."""
        os.kill(self.pid, signal.SIGCONT)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.mark.system
@pytest.mark.parametrize("locked", ["UPDATE lease SET beat=1", "UPDATE sent SET message=9"])
def test_a_process_that_stops_in_mid_commit_holds_nobody_up(postgres_url: str, locked: str) -> None:
    PostgresStore(postgres_url).close()

    def freeze(stop: Callable[[], None]) -> None:
        with closing(connect(postgres_url)) as connection, connection.pipeline():
            connection.execute("BEGIN")
            connection.execute(locked)
            # Sent, and no end of the pipeline asked for: the server counts this as being at work.
            deadline = time.monotonic() + 30
            table = locked.split()[1]
            held = "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND granted"
            while asked(postgres_url, held, table) == [(0,)] and time.monotonic() < deadline:
                pass
            stop()
            connection.execute("COMMIT")

    stopped = Stopped(freeze)
    store = PostgresStore(postgres_url, held_up_s=0.5)
    lease = store.acquire("two", 5, 200.0, nobody)
    assert lease is not None
    store.commit(lease.epoch, 201.0, 5, Changes([run_row("r1")]))
    assert store.send([("submit", "r1", b"{}")], 1.0) == 1
    assert stopped.go_on() == 4
    assert store.run("r1") == run_row("r1")
    assert [message.id for message in store.inbox()] == [1]
    store.close()


@pytest.mark.system
def test_a_holder_that_was_stopped_is_fenced_when_it_goes_on(postgres_url: str) -> None:
    def hold(stop: Callable[[], None]) -> None:
        store, epoch = leased(postgres_url)
        faults.arm("journal.before-commit", stop)
        store.commit(epoch, 101, 5, Changes([run_row("old")]))

    stopped = Stopped(hold)
    store = PostgresStore(postgres_url)
    assert store.acquire("two", 5, 104.9, nobody) is None
    lease = store.acquire("two", 5, 105.1, nobody)
    assert lease is not None
    assert stopped.go_on() == 3
    assert store.run("old") is None
    store.close()


def test_a_lease_of_another_machine_holds_until_it_expires(postgres_url: str) -> None:
    store = PostgresStore(postgres_url)
    assert store.acquire("elsewhere/boot/1/2", 5, 100.0, alive) is not None
    assert store.acquire(owner(), 5, 104.9, alive) is None
    assert store.acquire(owner(), 5, 105.1, alive) is not None
    store.close()


def test_who_waits_hears_nothing_where_nothing_is_sent(postgres_url: str) -> None:
    store = PostgresStore(postgres_url)
    assert store.wait(0.0)  # what came before it began to listen is to be looked at
    assert not store.wait(0.0)
    assert not store.wait(0.01)
    store.send([("submit", "r1", b"{}"), ("submit", "r2", b"{}")], 1.0)
    assert store.wait(30.0)
    assert not store.wait(0.0)
    store.close()


def test_who_waits_looks_again_after_its_session_was_lost(wired_url: str, wire: Wire) -> None:
    store = PostgresStore(wired_url)
    store.wait(0.0)
    wire.down()
    wire.up()
    assert store.wait(30.0)
    store.close()


def test_closing_ends_the_wait(postgres_url: str) -> None:
    store = PostgresStore(postgres_url)
    store.wait(0.0)
    heard: list[bool] = []
    thread = threading.Thread(target=lambda: heard.append(store.wait(60.0)))
    thread.start()
    store.close()
    thread.join(30)
    assert heard in ([False], [True])
    with pytest.raises(StoreError, match="is closed"):
        store.taken()


def test_what_is_acknowledged_is_on_the_disk_whatever_sessions_begin_with(
    postgres_url: str,
) -> None:
    name = postgres_url.split("/")[3].partition("?")[0]
    for usual, ours in (("off", "on"), ("local", "local"), ("remote_apply", "remote_apply")):
        asked(postgres_url, f"ALTER DATABASE {name} SET synchronous_commit = '{usual}'")
        assert asked(postgres_url, "SHOW synchronous_commit") == [(ours,)]


def test_a_server_that_may_only_be_read_is_refused(postgres_url: str) -> None:
    PostgresStore(postgres_url).close()
    name = postgres_url.split("/")[3].partition("?")[0]
    asked(postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(StoreUnavailable, match="read-only"):
        PostgresStore(postgres_url)


def test_a_database_in_another_encoding_is_refused(postgres_server: PostgresServer) -> None:
    postgres_server.execute(
        "CREATE DATABASE western ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
    )
    try:
        with pytest.raises(StoreError, match=r"/western\?host=.*` has encoding LATIN1"):
            PostgresStore(postgres_server.url("western"))
    finally:
        postgres_server.execute("DROP DATABASE western")


def test_a_user_without_rights_is_told_so(postgres_url: str) -> None:
    asked(postgres_url, "CREATE ROLE poor LOGIN")
    url = postgres_url.replace("postgres@", "poor@")
    try:
        with pytest.raises(StoreError, match="permission denied for database") as caught:
            PostgresStore(url)
        assert "let the owner of the database grant it" in (caught.value.hint or "")
        PostgresStore(postgres_url).close()
        with pytest.raises(StoreError, match="permission denied for schema raymill"):
            PostgresStore(url).taken()
    finally:
        asked(postgres_url, "DROP ROLE poor")


def test_an_address_that_cannot_be_read_is_not_shown() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ConfigError) as caught:
        PostgresStore("postgresql://ada:geh%eim@host/mill")
    assert "geh" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_full_disk_is_said_and_nothing_is_written(postgres_url: str) -> None:
    store, epoch = leased(postgres_url)
    asked(
        postgres_url,
        """
        CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER no_room BEFORE INSERT ON steps FOR EACH STATEMENT EXECUTE FUNCTION no_room();
        """,
    )
    with pytest.raises(StoreError, match="No space left for `postgresql://"):
        store.commit(epoch, 101, 5, Changes([run_row("r1")], [step_row("r1")], [event(1)]))
    assert (store.run("r1"), store.steps("r1"), store.events("r1")) == (None, [], [])
    store.close()
