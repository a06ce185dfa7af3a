"""Filings end to end, with processes that are killed: nothing lost, nothing processed twice."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from filings.edgar_server import BLOCKED
from filings.filer import Filer, documents, page, sec
from filings.machine import Machine, machine_at, until
from raymill import json
from raymill.testing.replay import Asked, Recorded

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


@pytest.mark.slow
@pytest.mark.ray
def test_on_ray_the_same_comes_out(machine: Machine) -> None:
    done = machine("process", *(f"T{n}" for n in range(COMPANIES)), "--engine", "ray")
    assert done.code == 0, done.err
    check_all(machine)
    with machine.store() as store:
        assert {run.engine for run in store.runs(workflow="filing")} == {"ray"}


def test_the_same_asked_for_twice_at_a_time_is_one_run(machine: Machine) -> None:
    one, two = (machine.start("filings", "process", "T0", "T1", "T2") for _ in range(2))
    assert (one.wait(60), two.wait(60)) == (0, 0)
    check_all(machine)
    assert len(fetched(machine)) == COMPANIES * FILINGS


def test_ctrl_c_leaves_the_runs_going_and_says_how_to_follow_them(machine: Machine) -> None:
    command = machine.start("filings", "process", "T0", "T1")
    until(lambda: fetched(machine), "a document")
    command.send_signal(signal.SIGINT)
    _, told = command.communicate(timeout=60)
    assert command.returncode == 130
    assert b"error: Interrupted; the runs go on" in told
    assert b"hint: raymill filings status T0 T1; raymill workflows cancel k" in told

    def are_done() -> bool:
        counts = json.loads(machine("status", "--json").out)["counts"]
        return bool(counts["completed"] == 2)

    until(are_done, "the end of both")


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


def test_a_block_page_silences_everybody_and_all_goes_on_after_it(
    tmp_path: Path,
    filers: list[Filer],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    silence_s = 1.5
    answered: list[tuple[float, int]] = []
    with sec(*filers) as server:
        answer = server.answer

        def noted(asked: Asked) -> Recorded:
            found = answer(asked)
            answered.append((time.monotonic(), found.status))
            return found

        server.answer = noted  # type: ignore[method-assign]
        server.next(filers[0].path(filers[0].filings[0]["accessionNumber"], "report.htm"), BLOCKED)
        minutes = str(silence_s / 60)
        with machine_at(
            tmp_path, server, monkeypatch, capsys, FILINGS_BLOCK_MINUTES=minutes
        ) as machine:
            assert machine("process", "T0", "T1", "T2").code == 0
            check_all(machine)
    (blocked,) = [at for at, status in answered if status == 403]
    early = [at for at, _ in answered if blocked < at < blocked + silence_s - 0.1]
    assert len(early) <= 2  # under way when the page arrived; without the silence some ten


def test_a_full_disk_is_named_and_the_rest_is_done_when_there_is_space(
    machine: Machine, filers: list[Filer], need: Callable[[object, str], None]
) -> None:
    need(shutil.which("unshare"), "unshare")
    large = page("7").replace(b"</body>", b"<p>" + b"x" * 400_000 + b"</p></body>")
    bad = filers[0].file(9, large)
    disk = machine.folder / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=256k none {disk}"
    script = f"{mount} && {sys.executable} -m raymill filings process T0 --json"
    settings = {"RAYMILL_FILINGS_ARCHIVE": str(disk), "RAYMILL_WORKFLOWS_IDLE_S": "0"}
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script], capture_output=True, env=os.environ | settings
    )
    need(b"unshare" not in done.stderr, f"user namespaces ({done.stderr!r})")
    assert done.returncode == 1, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["failed"], row["facts"]) == (1, FILINGS)
    assert f"{bad} (10-K): No space left for" in row["message"]
    (again,) = machine("retry", "--json").rows
    assert (again["status"], again["filings"], again["facts"]) == ("completed", 1, 1)
