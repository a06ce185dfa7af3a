"""`raymill filings`: one command from tickers to facts, an orchestrator of its own behind it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from filings.bulk_files import answer, bulk_file
from filings.daily_indexes import index
from filings.filer import Filer, documents, page, sec
from filings.machine import Machine, machine_at
from raymill import config, json
from raymill.testing.replay import Recorded

pytestmark = pytest.mark.system

ACCESSION = "0000012345-25-000001"


@pytest.fixture
def tiny() -> Filer:
    filer = Filer()
    filer.file(1)
    filer.file(2)
    return filer


@pytest.fixture
def machine(
    tmp_path: Path,
    tiny: Filer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Machine]:
    with sec(tiny) as server, machine_at(tmp_path, server, monkeypatch, capsys) as made:
        yield made


def test_one_command_on_a_fresh_machine_fetches_extracts_and_stores(
    machine: Machine, tiny: Filer
) -> None:
    command = [sys.executable, "-m", "raymill", "filings", "process", "tny", "NOPE", "--json"]
    done = subprocess.run(
        [*command, "--output", "out"], cwd=machine.folder, capture_output=True, env=os.environ
    )
    assert done.returncode == 1, done.stderr
    assert [(row["called"], row["status"], row["facts"]) for row in json.loads(done.stdout)] == [
        ("TNY", "completed", 2),
        ("NOPE", "error", 0),
    ]
    assert b"NOPE failed: UnknownName: Unknown company `NOPE`" in done.stderr
    assert (machine.folder / "out" / "TNY_facts.parquet").is_file()
    tiny.file(3)
    again = machine("process", "TNY")
    assert again.code == 0, again.err
    assert again.out.splitlines()[1].split() == ["TNY", "completed", "1", "0", "1"]
    assert len(documents(machine.server.paths())) == 3


def test_without_an_identity_nothing_begins(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAYMILL_FILINGS_IDENTITY")
    config.reset()
    for verb in (("process", "TNY"), ("watch", "input")):
        done = machine(*verb)
        assert done.code == 2
        assert "RAYMILL_FILINGS_IDENTITY" in done.err
    assert machine.server.count() == 0
    assert not (machine.folder / "input").exists()


def test_a_filing_that_failed_is_named_and_retried_alone(machine: Machine, tiny: Filer) -> None:
    bad = tiny.file(3, b"<?xml version='1.0'?>" + page("7")[:-300])
    done = machine("process", "TNY")
    assert done.code == 1
    told = f"TNY failed: 1 of 3 filings failed: {bad} (10-K): `report.htm` breaks off"
    assert told in done.err
    counts = json.loads(machine("status", "--json").out)["counts"]
    assert len(counts) == 9
    assert (counts["error"], counts["completed"]) == (1, 0)
    shown = machine("status", "TNY").out
    assert [line.split()[3] for line in shown.splitlines()[-3:]] == ["error"] + ["completed"] * 2
    tiny.serve(bad, "report.htm", page("7"))
    retried = machine("retry", "--json")
    assert retried.code == 0, retried.err
    assert [(row["generation"], row["filings"], row["facts"]) for row in retried.rows] == [
        (2, 1, 1)
    ]
    assert machine("retry", "TNY").code == 0
    found = machine("facts", "tny", "--metric", "revenue", "--annual", "--json")
    assert found.rows[0]["value"] in (100, 200, 7)


def test_a_run_that_failed_goes_on_where_it_failed(machine: Machine) -> None:
    lists = "/submissions/CIK0000012345.json"
    machine.server.next(lists, Recorded(400))
    done = machine("process", "TNY", "--json")
    assert done.code == 1
    assert "was refused" in done.rows[0]["message"]
    asked = machine.server.count("/files/company_tickers.json")
    (again,) = machine("retry", "TNY", "--json").rows
    assert again["run"] == done.rows[0]["run"]
    assert (again["status"], again["facts"]) == ("completed", 2)
    assert machine.server.count("/files/company_tickers.json") == asked


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("process",), "There is no company", "raymill filings process AAPL MSFT"),
        (("process", "../../evil"), "`../../evil` is neither a ticker", "as in BRK.B"),
        (("process", "A", "--since", "2024"), "`--since 2024` is no day", "2009-12-31"),
        (("status", "NOPE"), "`NOPE` was never processed", "raymill filings process NOPE"),
        (("retry", "NOPE"), "`NOPE` was never processed", "raymill filings process NOPE"),
        (("facts", "NOPE"), "No facts of `NOPE` are stored", "raymill filings process NOPE"),
        (("watch", "input", "--interval", "0"), "`--interval` cannot be 0", "above 0"),
    ],
)
def test_wrong_usage_says_what_to_type(
    machine: Machine, arguments: tuple[str, ...], message: str, hint: str
) -> None:
    done = machine(*arguments)
    assert done.code == 2
    assert message in done.err
    assert hint in done.err


def test_nothing_to_retry_is_said(machine: Machine) -> None:
    done = machine("retry", "--json")
    assert (done.code, done.rows, done.err) == (0, [], "no company has failed\n")


def test_a_bulk_file_and_an_update_beside_it(machine: Machine, tiny: Filer) -> None:
    file = bulk_file(machine.folder / "companyfacts.zip", {12345: answer(12345, 7), 2: b"{"})
    done = machine("bulk", file, "--workers", "1")
    assert done.code == 1, done.err
    assert done.out == "1 companies, 1 facts, 0 unchanged\n"
    assert "CIK0000000002.json failed:" in done.err
    assert machine("facts", "12345", "--metric", "assets", "--json").rows[0]["value"] == 7
    today = datetime.now(UTC).date()
    path = f"/Archives/edgar/daily-index/{today.year}/QTR{(today.month + 2) // 3}"
    tiny.bodies[f"{path}/form.{today:%Y%m%d}.idx"] = index(("10-K", 12345, ACCESSION))
    found = machine("update", "--since", today.isoformat(), "--workers", "1", "--json")
    assert found.code == 0, found.err
    assert "an orchestrator runs already: `--workers` is not used" in found.err
    told = json.loads(found.out)
    assert (told["days"], told["companies"], told["filings"]) == (1, 1, 2)
    assert machine("bulk", "none.zip").code == 2
