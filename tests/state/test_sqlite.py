"""The store on SQLite: the suite of every store, and what is SQLite's own."""

from pathlib import Path
from typing import Any

import apsw
import pytest

from raymill.errors import StoreError
from raymill.state.owner import alive, owner
from raymill.state.sqlite import SqliteStore
from raymill.state.sqlite_file import SqliteFile
from raymill.state.store import Changes, StateStore
from raymill.testing.store_suite import StoreProcesses, StoreSuite, nobody, run_row


class SqliteDoors:
    def make(self, folder: Any) -> StateStore:
        return SqliteStore(folder)

    def change_migrations(self, folder: Any, tables: str, change: str) -> None:
        database = apsw.Connection(str(folder / f"{tables}.db"))
        database.execute(change.format("migrations"))
        database.close()


class TestSqlite(SqliteDoors, StoreSuite):
    pass


@pytest.mark.system
class TestSqliteProcesses(SqliteDoors, StoreProcesses):
    pass


def test_every_commit_is_forced_to_the_disk(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    for file in store._open:
        assert file.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert file.connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    store.close()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match=r"journal.db` is damaged"):
        SqliteStore(tmp_path)


def test_a_full_disk_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    lease = store.acquire("one", 5, 100.0, nobody)
    assert lease is not None
    store._journal.connection.execute("PRAGMA max_page_count=20")
    big = [run_row(f"r{n}", input=b"x" * 4000) for n in range(60)]
    with pytest.raises(StoreError, match="No space left"):
        store.commit(lease.epoch, 101, 5, Changes(big))
    assert store.runs() == []
    store.commit(lease.epoch, 101, 5, Changes([run_row("r")]))
    store.close()


def test_a_store_that_another_machine_uses_is_refused(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    assert store.acquire("elsewhere/boot/1/2", 5, 100.0, alive) is not None
    with pytest.raises(StoreError, match="used by machine `elsewhere`"):
        store.acquire(owner(), 5, 101.0, alive)
    assert store.acquire(owner(), 5, 106.0, alive) is not None
    store.close()


def test_this_process_is_alive_and_another_start_of_its_number_is_not() -> None:
    name = owner()
    assert alive(name) is True
    assert alive(name.rpartition("/")[0] + "/1") is False
    assert alive("elsewhere/boot/1/2") is None
    machine, start, *process = name.split("/")
    assert alive("/".join((machine, f"another {start}", *process))) is None


def test_a_new_file_waits_for_another_process_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = apsw.Connection(str(tmp_path / "lake.db"))
    other.execute("BEGIN IMMEDIATE")
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            other.execute("COMMIT")

    monkeypatch.setattr("raymill.state.sqlite_file.time.sleep", sleep)
    SqliteFile(tmp_path / "lake.db", "lake").close()
    assert len(waited) == 2
    other.close()
