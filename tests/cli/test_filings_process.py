"""`raymill filings process` on a fresh machine: one command, an orchestrator of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filings.edgar_server import IDENTITY
from filings.filer import Filer, documents, page, sec
from raymill.testing.replay import Recorded, ReplayServer

pytestmark = pytest.mark.system


class Machine:
    """A folder, and the command in it with a server in the place of the SEC's."""

    def __init__(self, folder: Path, server: ReplayServer) -> None:
        self.folder, self.server = folder, server
        self.env = {
            **os.environ,
            "RAYMILL_HOME": str(folder / "home"),
            "RAYMILL_FILINGS_IDENTITY": IDENTITY,
            "RAYMILL_FILINGS_WWW_URL": server.url,
            "RAYMILL_FILINGS_DATA_URL": server.url,
            "RAYMILL_WORKFLOWS_IDLE_S": "1",
        }

    def __call__(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "raymill", "filings", *arguments],
            env=self.env | env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture
def tiny() -> Filer:
    filer = Filer()
    filer.file(1)
    filer.file(2)
    return filer


@pytest.fixture
def machine(tmp_path: Path, tiny: Filer) -> Iterator[Machine]:
    with sec(tiny) as server:
        yield Machine(tmp_path, server)


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_one_command_fetches_extracts_and_stores(machine: Machine, tiny: Filer) -> None:
    done = machine("process", "tny", "NOPE", "--json", "--output", "out")
    assert done.returncode == 1, done.stderr
    assert [(row["called"], row["status"], row["facts"]) for row in rows(done)] == [
        ("TNY", "completed", 2),
        ("NOPE", "error", 0),
    ]
    assert "NOPE failed: UnknownName: Unknown company `NOPE`" in done.stderr
    assert (machine.folder / "out" / "TNY_facts.parquet").is_file()
    tiny.file(3)
    again = machine("process", "TNY")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[1].split() == ["TNY", "completed", "1", "0", "1"]
    assert len(documents(machine.server.paths())) == 3


def test_without_an_identity_nothing_begins(machine: Machine) -> None:
    done = machine("process", "TNY", RAYMILL_FILINGS_IDENTITY="")
    assert done.returncode == 2
    assert "RAYMILL_FILINGS_IDENTITY" in done.stderr
    assert machine.server.count() == 0


def test_a_filing_that_failed_is_named_and_retried_alone(machine: Machine, tiny: Filer) -> None:
    bad = tiny.file(3, b"<?xml version='1.0'?>" + page("7")[:-300])
    done = machine("process", "TNY")
    assert done.returncode == 1
    told = f"TNY failed: 1 of 3 filings failed: {bad} (10-K): `report.htm` breaks off"
    assert told in done.stderr
    counts = json.loads(machine("status", "--json").stdout)["counts"]
    assert len(counts) == 9
    assert (counts["error"], counts["completed"]) == (1, 0)
    shown = machine("status", "TNY").stdout
    assert [line.split()[3] for line in shown.splitlines()[-3:]] == ["error"] + ["completed"] * 2
    tiny.serve(bad, "report.htm", page("7"))
    retried = machine("retry", "--json")
    assert retried.returncode == 0, retried.stderr
    assert [(row["generation"], row["filings"], row["facts"]) for row in rows(retried)] == [
        (2, 1, 1)
    ]
    assert machine("retry", "TNY").returncode == 0
    found = machine("facts", "tny", "--metric", "revenue", "--annual", "--json")
    assert json.loads(found.stdout)[0]["value"] in (100, 200, 7)


def test_a_run_that_failed_goes_on_where_it_failed(machine: Machine, tiny: Filer) -> None:
    lists = "/submissions/CIK0000012345.json"
    machine.server.next(lists, Recorded(400))
    done = machine("process", "TNY", "--json")
    assert done.returncode == 1
    assert "was refused" in rows(done)[0]["message"]
    asked = machine.server.count("/files/company_tickers.json")
    (again,) = rows(machine("retry", "TNY", "--json"))
    assert (again["run"], again["status"], again["facts"]) == (
        rows(done)[0]["run"],
        "completed",
        2,
    )
    assert machine.server.count("/files/company_tickers.json") == asked
