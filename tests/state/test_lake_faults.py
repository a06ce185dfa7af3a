"""A lake whose writers are killed, run into each other, or have no space left."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from raymill import faults
from raymill.errors import StoreUnavailable
from raymill.state.database import Database, Execute, open_database
from raymill.state.lake import Lake, Once
from raymill.state.lake_compaction import check, compact, sweep, vacuum
from servers import PostgresServer
from state.kills import ended, forked, is_killed_at
from state.lakes import PRICES, TICKS, Cells, held, named, on_disk, part
from state.wire import What, Wire

pytestmark = pytest.mark.system
HOUR = 3600.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def late(lake: Lake) -> Lake:
    """The lake in two hours."""
    return Lake(lake.folder, lake.database, now=lambda: time.time() + 2 * HOUR)


def assert_sound(lake: Lake) -> None:
    """Every file that is named is there and whole; what is not named is swept."""
    assert named(lake) <= on_disk(lake)
    assert check(lake, PRICES) + check(lake, TICKS) == []
    orphans = on_disk(lake) - named(lake)
    assert sweep(lake) == 0  # they are young
    assert sweep(late(lake)) == len(orphans)
    assert on_disk(lake) == named(lake)


def killed_everywhere(
    lake: Lake, work: Callable[[], object], prepare: Callable[[], object], after: list[Cells]
) -> list[bool]:
    """Kill work at each of its points; gives at which it was done already. Each time the table is
    as before or as after, and the work can be done again."""
    outcomes: list[bool] = []
    for number in count(1):
        prepare()
        before = held(lake)
        if not is_killed_at(number, work):
            assert held(lake) == after
            return outcomes
        found = held(lake)
        assert found in (before, after)
        outcomes.append(found == after)
        assert_sound(lake)
        work()
        assert held(lake) == after
        assert_sound(lake)
    raise AssertionError


def test_a_replacement_is_whole_wherever_its_writer_is_killed(
    database: Database, folder: Path
) -> None:
    lake = Lake(folder, database)
    old = part(("a", 1, 1.0), ("b", 1, 1.0), ("c", 1, 1.0))
    new = [part(("a", 2, 2.0), ("a", 3, 2.0), partition="p=2"), part(("c", 9, 9.0), keys="cd")]

    def prepare() -> None:
        lake.replace(PRICES, part(keys="abcd"))
        lake.replace(PRICES, old)

    outcomes = killed_everywhere(
        lake,
        lambda: lake.replace(PRICES, *new),
        prepare,
        [("a", 2, 2.0), ("a", 3, 2.0), ("b", 1, 1.0), ("c", 9, 9.0)],
    )
    # Three files of two points each, before the transaction, in it, after it.
    assert outcomes == [False] * 8 + [True]


def test_a_batch_is_appended_once_wherever_its_writer_is_killed(
    database: Database, folder: Path
) -> None:
    lake = Lake(folder, database)
    batches = [[("a", n, 1.0), ("b", n, 1.0)] for n in range(4)]

    def note(n: int) -> Callable[[Execute], None]:
        return lambda execute: (
            execute("INSERT INTO facts_ticker VALUES (?, ?)", (str(n), n)) and None
        )

    def write() -> None:
        for n, cells in enumerate(batches):
            lake.append(TICKS, part(*cells), once=Once("stream", n), also=note(n))

    for number in count(1):
        going = is_killed_at(number, write)
        rows = held(lake, TICKS)
        with database.reading() as execute:
            cursors = [n for (n,) in execute("SELECT cik FROM facts_ticker ORDER BY cik")]
        assert rows == sorted(row for n in cursors for row in batches[n])
        assert_sound(lake)
        if not going:
            break
    assert rows == sorted(row for cells in batches for row in cells)


def test_compaction_and_vacuum_lose_nothing_wherever_they_are_killed(
    database: Database, folder: Path
) -> None:
    lake = Lake(folder, database)
    rows = [("a", 1, 1.0), ("b", 1, 1.0), ("c", 1, 1.0)]

    def spread() -> None:
        lake.replace(PRICES, part(*(("abc"[n], 0, 0.0) for n in range(3))))
        for cell in rows:
            lake.replace(PRICES, part(cell))

    def tidy() -> None:
        compact(lake, PRICES, whole=True)
        vacuum(late(lake))

    spread()
    outcomes = killed_everywhere(lake, tidy, spread, rows)
    assert len(outcomes) > 6
    vacuum(late(lake))
    assert len(on_disk(lake)) == 1


def test_processes_that_write_at_once_lose_nothing_and_mix_nothing(
    database: Database, folder: Path
) -> None:
    lake = Lake(folder, database)
    rounds, writers = 8, "xyz"

    def write(own: str, mark: float) -> None:
        mine = Lake(folder, database)
        for n in range(rounds):
            mine.replace(PRICES, part((own, n, mark), ("s", n, mark), ("s", n + 1, mark)))
            mine.append(TICKS, part((own, n, mark)), once=Once(own, n))
            compact(mine, TICKS)

    children = [
        forked(lambda own=own, mark=mark: write(own, float(mark)))
        for mark, own in enumerate(writers)
    ]
    while compact(lake, PRICES, whole=True) or len(held(lake, TICKS)) < rounds * len(writers):
        shared = [row for row in held(lake) if row[0] == "s"]
        assert len({mark for _, _, mark in shared}) <= 1
        assert len(shared) in (0, 2)
    assert [ended(child) for child in children] == [True] * 3
    last = {row for row in held(lake) if row[0] != "s"}
    assert last == {(own, rounds - 1, float(mark)) for mark, own in enumerate(writers)}
    ticks = [(own, n, float(mark)) for mark, own in enumerate(writers) for n in range(rounds)]
    assert held(lake, TICKS) == sorted(ticks)
    assert_sound(lake)


def test_a_reader_is_not_disturbed_by_what_goes_on_beside_it(
    database: Database, folder: Path
) -> None:
    lake = Lake(folder, database)
    for n in range(10):
        lake.append(TICKS, part(("a", n, 1.0)))
    before, done = held(lake, TICKS), threading.Event()

    def change() -> None:
        for n in range(10, 20):
            lake.append(TICKS, part(("a", n, 1.0)))
            compact(lake, TICKS, whole=True)
            vacuum(late(lake), keep_s=0)

    with lake.hold() as snapshot:
        child = forked(change)
        threading.Thread(target=lambda: (ended(child), done.set())).start()
        reads = 0
        while not done.is_set() or not reads:
            assert held(lake, TICKS, snapshot=snapshot) == before
            reads += 1
    assert held(lake, TICKS) == [("a", n, 1.0) for n in range(20)]
    vacuum(late(lake))
    assert_sound(lake)


def test_a_held_snapshot_is_free_once_its_reader_is_killed(
    database: Database, folder: Path
) -> None:
    lake = Lake(folder, database)
    lake.replace(PRICES, part(("a", 1, 1.0)))

    def read() -> None:
        with lake.hold():
            faults.point("held")

    assert is_killed_at(1, read)
    lake.replace(PRICES, part(("a", 2, 1.0)))
    assert vacuum(late(lake)) == 1


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_commit_whose_connection_breaks_names_no_file_that_is_not_there(
    postgres_url: str, postgres_server: PostgresServer, folder: Path, lost: What
) -> None:
    with closing(Wire(postgres_server.folder)) as wire:
        url = postgres_url.replace(str(postgres_server.folder), str(wire.folder))
        database = open_database(folder, url)
        lake = Lake(folder, database)
        lake.replace(PRICES, part(("a", 1, 1.0)))
        faults.arm("lake.named", lambda: wire.cut(lost))
        with pytest.raises(StoreUnavailable):
            lake.replace(PRICES, part(("a", 2, 2.0)))
        faults.disarm()
        assert held(lake) == [("a", 1, 1.0) if lost == "request" else ("a", 2, 2.0)]
        assert_sound(lake)
        lake.replace(PRICES, part(("a", 2, 2.0)))
        assert held(lake) == [("a", 2, 2.0)]
        assert_sound(lake)
        database.close()


FULL = """
import random, sys
from pathlib import Path
from raymill.errors import StoreError
from raymill import faults
from raymill.state.database import open_database
from raymill.state.lake import Lake
from state.lakes import PRICES, held, named, on_disk, part

lake = Lake("disk/lake", open_database(sys.argv[1]))
lake.replace(PRICES, part(("a", 1, 1.0)))
chance = random.Random(7)
big = part(*(("b", chance.getrandbits(60), chance.random()) for _ in range(60_000)))
try:
    lake.replace(PRICES, big)
except StoreError as error:
    print(str(error).partition(" `")[0])
print(held(lake), on_disk(lake) == named(lake))
lake.replace(PRICES, part(("c", 1, 1.0)))
print(held(lake))
"""


@pytest.mark.parametrize("home", ["home", "disk"])
def test_a_full_disk_is_said_and_nothing_is_half_written(
    home: str, tmp_path: Path, need: Callable[[object, str], None]
) -> None:
    need(shutil.which("unshare"), "unshare")
    (tmp_path / "full.py").write_text(FULL)
    script = (
        "mkdir disk home && mount -t tmpfs -o size=700k none disk && "
        f"{sys.executable} full.py {home}"
    )
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        ["unshare", "-Urm", "bash", "-c", f"export PYTHONPATH=$PYTHONPATH:{tests}; {script}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    need("unshare" not in done.stderr, f"user namespaces ({done.stderr.strip()})")
    assert done.stdout.splitlines() == [
        "No space left for",
        "[('a', 1, 1.0)] True",
        "[('a', 1, 1.0), ('c', 1, 1.0)]",
    ], done.stderr
