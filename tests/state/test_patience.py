"""Who waits for a store that is away, for how long, and who is told at once."""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Any

import apsw
import pytest

from raymill.errors import StoreUnavailable
from raymill.state.database import open_database
from raymill.state.patience import Turn, patience, patience_s
from raymill.state.per_process import PerProcess
from raymill.state.postgres import PostgresStore
from servers import PostgresServer

LONG_S = 60.0


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    """Do work in a thread that is as patient as this one."""
    thread = threading.Thread(target=copy_context().run, args=(work,))
    thread.start()
    return thread


def away() -> None:
    raise StoreUnavailable("gone")


def test_patience_is_that_of_who_asks() -> None:
    assert patience_s(30.0) == 30.0
    with patience(2.0):
        assert patience_s(30.0) == 2.0
        assert patience_s(1.0) == 1.0
    assert patience_s(30.0) == 30.0


def test_nobody_waits_in_line_for_what_is_known_to_be_away() -> None:
    turn, looking, over = Turn(), threading.Event(), threading.Event()
    failed = []

    def look() -> None:
        with turn.taken():
            looking.set()
            assert over.wait(LONG_S)
            failed.append(True)
            away()

    def probe() -> None:
        with pytest.raises(StoreUnavailable, match="gone"):
            look()

    with patience(LONG_S):
        with pytest.raises(StoreUnavailable, match="gone"), turn.taken():
            away()
        thread = in_thread(probe)
        assert looking.wait(LONG_S)
        with pytest.raises(StoreUnavailable, match="away, or held up"), turn.taken():
            pass
        assert failed == []
        over.set()
        thread.join(LONG_S)
        with turn.taken() as ends:
            assert ends is not None
            assert ends > time.monotonic()


def test_what_could_not_be_opened_is_opened_by_whoever_comes_next() -> None:
    tries = [away, lambda: "here"]
    kept = PerProcess(lambda: tries.pop(0)())
    with patience(LONG_S):
        with pytest.raises(StoreUnavailable):
            kept.get()
        assert kept.get() == "here"


def test_a_file_that_another_holds_is_waited_for_no_longer_than_who_asks(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    with database.transaction() as execute:
        execute("CREATE TABLE kept (n INTEGER)")
    other = apsw.Connection(str(tmp_path / "lake.db"))
    other.execute("BEGIN IMMEDIATE")
    with patience(0.01):
        with pytest.raises(StoreUnavailable, match="held up by another"), database.transaction():
            pass
        with database.reading() as execute:
            assert execute("SELECT n FROM kept") == []
        other.close()
        with database.transaction() as execute:
            execute("INSERT INTO kept VALUES (1)")
    database.close()


@pytest.mark.system
def test_a_server_that_says_nothing_is_given_up_and_taken_up_again(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    store = PostgresStore(postgres_url)
    database = open_database(".", postgres_url)
    with database.transaction() as execute:
        execute("CREATE TABLE kept (n INTEGER)")
    postgres_server.freeze()
    try:
        with patience(0.05):
            with pytest.raises(StoreUnavailable, match="does not answer in time"):
                store.runs()
            with pytest.raises(StoreUnavailable), database.transaction():
                pass
    finally:
        postgres_server.thaw()
    assert store.runs() == []
    with patience(LONG_S), database.transaction() as execute:
        execute("INSERT INTO kept VALUES (1)")
    store.close()
    database.close()
