"""The workflow of filings, killed wherever it can be: every number is there, and there once."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from filings.filer import Filer, documents, sec
from filings.mill import mill_at
from raymill.testing.crashes import MEMORY, Crash, crash_at_every_point
from raymill.testing.replay import ReplayServer

pytestmark = pytest.mark.system


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in memory: what a killed process wrote is there, without waiting for a disk."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder) / "mill"


def crash(server: ReplayServer, place: Path, values: list[str]) -> list[Crash]:
    """Kill a run at each point; gives all crashes."""
    asked = {"company": "TNY", "called": "TNY", "output": str(place / "output")}
    with mill_at(server, place) as mill:
        room = mill.room

        def before() -> None:
            room.dataset.lake.database.close()
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            server.asked.clear()

        def check(crash: Crash) -> None:
            where = f"after crash {crash.number} at `{crash.point}`"
            assert crash.output["facts"] == len(values), where
            assert mill.values() == values, where
            fetched = Counter(documents(server.paths()))
            assert len(fetched) == len(values), where
            assert sum(fetched.values()) <= len(values) + 1, where

        return crash_at_every_point(mill.flow, asked, before=before, check=check)


def test_a_run_is_killed_at_every_point(place: Path) -> None:
    filer = Filer()
    filer.file(1)
    with sec(filer) as server:
        crashes = crash(server, place, ["100"])
    points = {one.point for one in crashes}
    assert {"net.before-request", "archive.renamed", "journal.committed"} <= points
    assert len(crashes) > 60


@pytest.mark.slow
def test_a_run_over_several_filings_is_killed_at_every_point(place: Path) -> None:
    filer = Filer()
    for number in (1, 2, 3):
        filer.file(number)
    with sec(filer) as server:
        crashes = crash(server, place, ["100", "200", "300"])
    assert len(crashes) > 120
