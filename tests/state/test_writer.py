"""The writer: groups what waits, in order, and says when it failed."""

import threading
from pathlib import Path
from typing import Any

from raymill.errors import Fenced
from raymill.state.sqlite import SqliteStore
from raymill.state.store import Changes, Lease
from raymill.state.writer import Writer
from raymill.testing.store_suite import nobody, run_row


def opened(folder: Path) -> tuple[SqliteStore, Lease]:
    store = SqliteStore(folder)
    lease = store.acquire("one", 5, 100.0, nobody)
    assert lease is not None
    return store, lease


def test_what_waits_during_a_commit_goes_into_the_next_one_together(tmp_path: Path) -> None:
    store, lease = opened(tmp_path)
    begun, gate = threading.Event(), threading.Event()
    told: list[Any] = []
    writer = Writer(store, lease, told.append, now=lambda: 101.0)
    writer.put(Changes([run_row("r0")]), lambda: (begun.set(), gate.wait()))
    begun.wait()
    for n in range(1, 50):
        writer.put(Changes([run_row(f"r{n}")]), lambda n=n: told.append(n))
    gate.set()
    writer.close()
    assert told == list(range(1, 50))
    assert writer.commits == 2
    assert len(store.runs(most=99)) == 50
    store.close()


def test_a_writer_whose_epoch_is_over_says_so_and_stops(tmp_path: Path) -> None:
    store, lease = opened(tmp_path)
    assert store.acquire("two", 5, 106.0, nobody) is not None
    failures: list[Any] = []
    acknowledged: list[Any] = []
    writer = Writer(store, lease, failures.append, now=lambda: 107.0)
    writer.put(Changes([run_row("r0")]), lambda: acknowledged.append("r0"))
    writer.close()
    assert [type(failure) for failure in failures] == [Fenced]
    assert acknowledged == []
    assert store.runs() == []
    store.close()


def test_a_change_is_written_at_once_only_where_nothing_waits(tmp_path: Path) -> None:
    store, lease = opened(tmp_path)
    begun, gate, written = threading.Event(), threading.Event(), threading.Event()
    writer = Writer(store, lease, lambda error: None, now=lambda: 101.0)
    assert writer.write(Changes([run_row("r0")]))
    assert store.run("r0") is not None
    writer.put(Changes([run_row("r1")]), lambda: (begun.set(), gate.wait()))
    begun.wait()
    writer.put(Changes([run_row("r2")]), written.set)
    assert not writer.write(Changes([run_row("r3")]))
    gate.set()
    written.wait()
    writer.close()
    assert [row.id for row in store.runs()] == ["r2", "r1", "r0"]
    assert writer.write(Changes([run_row("r3")]))
    store.close()


def test_the_lease_is_sure_as_long_as_it_was_taken_for_and_both_clocks_agree(
    tmp_path: Path,
) -> None:
    store, lease = opened(tmp_path)
    wall, steady = [103.0], [7.0]
    writer = Writer(
        store, lease, lambda error: None, ttl_s=60, now=lambda: wall[0], steady=lambda: steady[0]
    )
    assert writer.holds
    wall[0], steady[0] = 105.0, 9.0  # it was taken at 100, for 5 s
    assert not writer.holds
    assert writer.write(Changes([run_row("r0")]))
    assert writer.holds
    wall[0], steady[0] = 90.0, 69.0  # stopped for a minute, while the clock was set back
    assert not writer.holds
    wall[0], steady[0] = 165.0, 9.0  # set ahead
    assert not writer.holds
    writer.close()
    store.close()
