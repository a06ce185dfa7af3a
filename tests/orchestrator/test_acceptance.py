"""What a user may rely on: takeover, no double start, deadlines, limits over processes."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from raymill.app.workbench import Workbench
from raymill.app.workflows import Workflows
from raymill.engines.pool import LocalPool
from raymill.flow.places import workflow_at
from raymill.flow.pool import Call
from raymill.flow.workflow import Step, Workflow
from raymill.orchestrator import ready
from raymill.testing import FaultPlan, SimCluster
from raymill.testing.simulated_processes import LEASE_S

from .driven import Driven

LONG = Workflow("long", abs, *(Step(abs, name=f"abs{n}") for n in range(3)), version="1")


def when(history: str, what: str) -> float:
    found = re.search(rf"^ *([\d.]+) +\S+ +{what}", history, re.MULTILINE)
    assert found, what
    return float(found[1])


@pytest.mark.parametrize("sees_owners", [True, False])
@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_another_orchestrator_takes_over_within_two_leases(fault: str, sees_owners: bool) -> None:
    for seed in range(10):
        cluster = SimCluster(
            [LONG], seed=seed, faults=FaultPlan(), on_demand=False, sees_owners=sees_owners
        )
        runs = [cluster.submit(LONG, -number, at=4.5) for number in range(8)]
        if fault == "killed":
            cluster.crash(at=5.0)
        else:
            cluster.freeze(at=5.0, seconds=20.0)
        done = cluster.run()
        assert when(done.history, r"takes the lease: epoch 2") <= 5.0 + 2 * LEASE_S
        assert done.outputs == list(range(8))
        assert {done.runs[run].status for run in runs} == {"completed"}


def test_a_time_that_comes_twice_since_the_clock_was_set_back_begins_one_run() -> None:
    row = [
        "often",
        "long",
        "long",
        "-1",
        "",
        60,
        "UTC",
        "one",
        0,
        "local",
        "active",
        0.0,
        60.0,
        None,
    ]
    d = Driven(LONG)
    d.clock.time = 50.0
    d.open()
    d.send(("schedule", "often", {"action": "add", "row": row}))
    d.clock.time = 61.0
    d.turn()
    assert d.begun() == ["abs#1"]
    again = Driven(LONG, memory=d.memory)
    again.clock.time = 10.0
    again.open()
    assert again.begun() == ["abs#2"]
    again.send(
        ("schedule", "often", {"action": "pause"}), ("schedule", "often", {"action": "resume"})
    )
    for time_ in (59.0, 61.0):
        again.clock.time = time_
        again.turn()
    assert [run.id for run in again.store.runs()] == ["often@1970-01-01T00:01:00Z"]
    assert again.begun() == ["abs#2"]
    again.clock.time = 121.0
    again.turn()
    assert len(again.store.runs()) == 2


HANG = """
import time
from raymill import Retry, Step, Workflow

def numbers(count):
    return list(range(count))

def quick(number, ctx):
    if number == 30 and ctx.attempt == 1:
        time.sleep(60)
    return number

flow = Workflow("w", numbers,
                Step(quick, each="numbers", timeout_s=6.0, retry=Retry(attempts=2, first_s=0.01)))
"""


class NotingPool(LocalPool):
    """Notes which items travelled together."""

    def submit(self, calls: Sequence[Call]) -> None:
        self.together = [*getattr(self, "together", []), [call.key.item for call in calls]]
        super().submit(calls)


@pytest.mark.system
def test_a_step_over_its_deadline_costs_the_others_of_its_call_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "SHORT_S", 5.0)  # however slow this machine is
    (tmp_path / "quick.py").write_text(HANG)
    place = f"{tmp_path}/quick.py:flow"
    pool = NotingPool(1, tmp_path / "store" / "artifacts", workflow_at)
    b = Workbench(tmp_path / "store", pool=pool, find=workflow_at)
    (run,) = b.start(workflow_at(place), 60, place=place)
    b.run()
    assert b.output(run) == list(range(60))
    assert len(next(items for items in pool.together if 30 in items)) > 10
    rows = {row.item: row for row in b.store.steps(run) if row.item >= 0}
    counted = {n: (row.attempt, row.failures, row.losses) for n, row in rows.items()}
    assert counted.pop(30) == (2, 1, 0)
    assert set(counted.values()) == {(1, 0, 0)}
    b.close()


FLOWS = """
import os, time
from raymill import Limit, Step, Workflow

def note(text):
    with open("begun", "a") as file:
        file.write(f"{time.monotonic()} {os.getpid()} {text}\\n")

def wait(name):
    note("begin wait")
    while not os.path.exists(name):
        time.sleep(0.01)
    return name

def limited(number, ctx):
    note(f"begin {number}.{ctx.attempt}")
    time.sleep(0.02)
    note(f"end {number}.{ctx.attempt}")
    return number

slow = Workflow("slow", wait, len)
few = Workflow("few", Step(limited, limit=Limit("few", at_once=2, rate=20)))
"""
SUBMIT = """
import sys
from raymill.app.workflows import Workflows
with Workflows() as workflows:
    for number in range(int(sys.argv[1]), int(sys.argv[1]) + 8):
        print(workflows.submit("flows.py:few", number, key=str(number)))
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with workflows; whatever process was started in it is ended."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAYMILL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RAYMILL_WORKFLOWS_LEASE_S", "1")
    (tmp_path / "flows.py").write_text(FLOWS)
    started.clear()
    yield tmp_path
    for process in started:
        process.kill()
        process.communicate()


started: list["subprocess.Popen[str]"] = []


def run_python(*arguments: str) -> "subprocess.Popen[str]":
    """Start a process; the fixture ends it."""
    made = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    started.append(made)
    return made


def orchestrator() -> "subprocess.Popen[str]":
    """Start one, and give it once it has said what it does."""
    made = run_python("-m", "raymill", "orchestrator", "--workers", "4")
    assert made.stderr is not None
    made.said = made.stderr.readline()  # type: ignore[attr-defined]
    return made


def begun() -> list[str]:
    return Path("begun").read_text().splitlines() if Path("begun").exists() else []


def until(found: Callable[[], Any], limit_s: float = 60.0) -> Any:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {limit_s} s")


@pytest.mark.system
def test_commands_services_and_a_second_orchestrator_begin_nothing(home: Path) -> None:
    first = orchestrator()
    assert "runs the workflows" in first.said  # type: ignore[attr-defined]
    with Workflows() as workflows:
        run = workflows.submit("flows.py:slow", "go")
        until(begun)
        second = orchestrator()
        assert "stands by" in second.said  # type: ignore[attr-defined]
        for command in (["ls"], ["show", run], ["start", "flows.py:slow", "--input", '"go"']):
            done = run_python("-m", "raymill", "workflows", *command)
            out, error = done.communicate(timeout=60)
            assert (done.returncode, error) == (0, "")
        other = out.strip()
        until(lambda: len(begun()) == 2)
        with Workflows(home / "home") as again:  # as a second service has it
            assert again.ls()
        Path("go").touch()
        assert (workflows.result(run), workflows.result(other)) == (2, 2)
        attempts = [step.attempt for step in workflows.show(run).steps]
    assert attempts == [1, 1]
    assert {line.split()[1] for line in begun()} == {str(first.pid)}
    assert len(begun()) == 2


@pytest.mark.system
def test_limits_hold_over_three_submitting_processes_and_a_kill(home: Path) -> None:
    since = time.monotonic()
    one = orchestrator()
    people = [run_python("-c", SUBMIT, str(number)) for number in (0, 8, 16)]
    until(lambda: len(begun()) >= 10)
    one.kill()
    one.wait()
    killed = time.monotonic()
    orchestrator()
    runs = [run for who in people for run in who.communicate(timeout=60)[0].split()]
    with Workflows() as workflows:
        assert sorted(workflows.result(run) for run in runs) == list(range(24))
    times = sorted((float(line.split()[0]), *line.split()[1:]) for line in begun())
    begins = [time for time, _, what, _ in times if what == "begin"]
    assert len({number.partition(".")[0] for *_, what, number in times if what == "end"}) == 24
    # A permit each twentieth of a second, from before the first one was asked for
    assert begins[-1] - since >= (len(begins) - 1) / 20
    going: set[str] = set()
    for at, pid, what, number in times:
        if at > killed:
            going = {name for name in going if not name.startswith(f"{one.pid} ")}
        going ^= {f"{pid} {number}"}
        assert len(going) <= 2, (at, what, going)
