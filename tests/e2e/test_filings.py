"""Filings end to end, with processes that are killed: nothing lost, nothing processed twice."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filings.filer import Filer, documents, sec
from filings.machine import Machine, machine_at, until
from raymill import json

pytestmark = pytest.mark.system

COMPANIES = 3
FILINGS = 4


@pytest.fixture
def filers() -> list[Filer]:
    made = [Filer(100 + n, f"T{n}", f"Tiny {n}") for n in range(COMPANIES)]
    for filer in made:
        for number in range(FILINGS):
            filer.file(number)
    return made


@pytest.fixture
def machine(
    tmp_path: Path,
    filers: list[Filer],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Machine]:
    with sec(*filers) as server, machine_at(tmp_path, server, monkeypatch, capsys) as made:
        yield made


def fetched(machine: Machine) -> list[str]:
    return documents(machine.server.paths())


def check_all(machine: Machine) -> None:
    """Every filing is in the dataset, and each was fetched once."""
    (found,) = [json.loads(machine("status", "--json").out)]
    assert {one["called"]: one["status"] for one in found["companies"]} == {
        f"T{n}": "completed" for n in range(COMPANIES)
    }
    for n in range(COMPANIES):
        rows = machine("facts", f"T{n}", "--metric", "revenue", "--json").rows
        assert rows[0]["cik"] == 100 + n
    with machine.store() as store:
        done = store.runs(workflow="filing", most=100)
        assert [run.status for run in done] == ["completed"] * COMPANIES * FILINGS


def test_a_kill_of_the_orchestrator_in_the_middle_loses_nothing_and_repeats_nothing(
    machine: Machine,
) -> None:
    command = machine.start("filings", "process", *(f"T{n}" for n in range(COMPANIES)))
    for share in (1, 3):
        until(lambda share=share: len(fetched(machine)) >= share * COMPANIES, "documents")
        machine.kill()
    assert command.wait(60) == 0
    check_all(machine)
    assert len(fetched(machine)) - COMPANIES * FILINGS <= 2 * 2  # under way at a kill: 2 workers


def test_two_orchestrators_on_one_folder_process_each_filing_once(machine: Machine) -> None:
    machine.start("orchestrator")
    machine.orchestrator()
    machine.start("orchestrator")
    done = machine("process", *(f"T{n}" for n in range(COMPANIES)))
    assert done.code == 0, done.err
    check_all(machine)
    assert len(fetched(machine)) == COMPANIES * FILINGS


def test_the_same_asked_for_twice_at_a_time_is_one_run(machine: Machine) -> None:
    one, two = (machine.start("filings", "process", "T0", "T1", "T2") for _ in range(2))
    assert (one.wait(60), two.wait(60)) == (0, 0)
    check_all(machine)
    assert len(fetched(machine)) == COMPANIES * FILINGS


def drop(machine: Machine, name: str, ticker: str) -> None:
    partial = machine.folder / "input" / "entry" / f"{name}.partial"
    partial.write_text(json.dumps({"ticker": ticker}).decode())
    partial.rename(partial.with_suffix(""))


def state(machine: Machine, ticker: str) -> dict[str, Any]:
    path = machine.folder / "input" / "processing" / f"{ticker}_state.json"
    return dict(json.loads(path.read_bytes())) if path.exists() else {}


def test_a_watched_folder_survives_kills_and_takes_each_file_once(
    machine: Machine, filers: list[Filer]
) -> None:
    started = machine("watch", "input", "--detach", "--interval", "0.1")
    assert started.code == 0, started.err
    drop(machine, "one.json", "t0")
    until(lambda: fetched(machine), "a document")
    machine.kill()
    drop(machine, "two.json", "T1")  # while nobody looks
    drop(machine, "again.json", "T0")
    assert machine("process", "T2").code == 0  # which starts an orchestrator
    for ticker in ("T0", "T1"):
        until(lambda ticker=ticker: state(machine, ticker).get("status") == "completed", ticker)
    check_all(machine)
    names = sorted(path.name for path in (machine.folder / "input" / "processing").iterdir())
    assert names == ["T0_state.json", "T1_state.json", "again.json", "one.json", "two.json"]
    assert len(fetched(machine)) - COMPANIES * FILINGS <= 2
    assert Path(state(machine, "T1")["parquet_output_path"]).name == "T1_facts.parquet"
    again = machine("watch", "input", "--detach", "--interval", "0.1")
    assert again.out == started.out
    os.kill(machine.orchestrator(), signal.SIGTERM)
