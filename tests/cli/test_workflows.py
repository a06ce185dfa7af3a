"""`raymill workflows` and `raymill orchestrator`: real processes, one command at a time."""

import json
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

from raymill.app.workflows import STARTING, Workflows
from raymill.cli import main
from raymill.state.owner import alive
from raymill.state.store import RunRow
from servers import on_each_store

FLOWS = """
import logging, os, time
from raymill import Question, Step, Workflow
from raymill.log import get_logger

def numbers(count):
    return list(range(count))

def invert(number):
    return 1 / number

def wait(name):
    with open("begun", "a") as file:
        file.write(f"{os.getpid()}\\n")
    while not os.path.exists(name):
        time.sleep(0.01)
    return name

def bill(amount):
    logging.getLogger("till").info("a bill of %s", amount)
    get_logger().warning("bill.made", amount=amount)
    return amount

def pay(answer, amount):
    return f"{answer} {amount}"

asks = Step(Question("Pay it?", ("yes", "no")), name="approve")
payment = Workflow("payment", bill, asks, Step(pay, after=("approve", "bill")))
good = Workflow("good", numbers, len)
bad = Workflow("bad", numbers, Step(invert, each="numbers"))
slow = Workflow("slow", wait, len)
"""


class Done:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


class Shell:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(self, *arguments: str) -> Done:
        return self.at("workflows", *arguments)

    def at(self, *arguments: str) -> Done:
        self._capsys.readouterr()
        return Done(main([*arguments]), *self._capsys.readouterr())

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)


def holder() -> str | None:
    with Workflows() as workflows:
        lease = workflows.store.holder(time.time(), alive)
        return lease.owner if lease else None


def until(found: Callable[[], Any], limit_s: float = 60.0) -> Any:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {limit_s} s")


def ended() -> bool:
    """Kill the orchestrator that was started last, if there is one."""
    starting = Path(os.environ["RAYMILL_HOME"]) / STARTING
    name = holder() or (starting.read_text() if starting.is_file() else "")
    if alive(name):
        os.kill(int(name.split("/")[2]), signal.SIGKILL)
    return not alive(name)


@pytest.fixture
def shell(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    store_url: str,
) -> Iterator[Shell]:
    """A folder with workflows; whatever orchestrator was started is ended."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAYMILL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RAYMILL_DATABASE_URL", store_url)
    monkeypatch.setenv("RAYMILL_WORKFLOWS_LEASE_S", "1")
    monkeypatch.setenv("RAYMILL_WORKFLOWS_IDLE_S", "5")
    (tmp_path / "flows.py").write_text(FLOWS)
    yield Shell(tmp_path, capsys)
    until(ended)


def orchestrator() -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "raymill", "orchestrator", "--workers", "2"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def row(run: str) -> RunRow | None:
    with Workflows() as workflows:
        return workflows.store.run(run)


@on_each_store
@pytest.mark.system
def test_one_command_starts_a_run_and_another_follows_it_to_its_end(shell: Shell) -> None:
    run = shell("start", "flows.py:good", "--input", "3").out.strip()
    done = shell("watch", run)
    assert (done.code, done.out) == (0, "3\n")
    assert "numbers done\nlen done\n" in done.err or done.err.endswith("len done\n")
    shown = shell.json("show", run)
    assert (shown["status"], shown["input"], shown["output"]) == ("completed", 3, 3)
    assert [(s["step"], s["status"], s["attempt"]) for s in shown["steps"]] == [
        ("numbers", "done", 1),
        ("len", "done", 1),
    ]
    assert "output: 3" in shell("show", run).out
    # A failed run, the same orchestrator
    bad = shell("start", "flows.py:bad", "--input", "2").out.strip()
    done = shell("watch", bad)
    assert done.code == 1
    assert f"error: run `{bad}` failed: ZeroDivisionError: division by zero" in done.err
    assert [r["id"] for r in shell.json("ls")] == [bad, run]
    assert [r["id"] for r in shell.json("ls", "--status", "failed")] == [bad]
    assert bad in shell("ls").out
    # Requests that make no sense are refused, those that do are carried out
    done = shell("cancel", run)
    assert done.code == 2
    assert "is completed; `cancel` is for runs that are submitted or running" in done.err
    assert shell.json("redrive") == [{"run": bad, "asked": "retry"}]
    until(lambda: len(shell.json("show", bad)["events"]) >= 3)
    assert shell("redrive", "good").err == "no run has failed\n"
    # Code that was changed is loaded anew
    (shell.folder / "flows.py").write_text(FLOWS.replace("range(count)", "range(2 * count)"))
    os.utime(shell.folder / "flows.py", (1, 1))
    command = [sys.executable, "-m", "raymill", "workflows", "start", "flows.py:good"]
    started = subprocess.run([*command, "--input", "3"], capture_output=True, text=True)
    assert shell("watch", started.stdout.strip()).out == "6\n"


@pytest.mark.system
def test_the_same_key_is_the_same_run(shell: Shell) -> None:
    runs = {shell("start", "flows.py:good", "--input", "3", "--key", "k1").out for _ in range(3)}
    (run,) = runs
    assert shell("watch", run.strip()).out == "3\n"
    assert shell("start", "flows.py:good", "--input", "3", "--key", "k1").out == run
    assert len(shell.json("ls")) == 1


@pytest.mark.system
def test_looking_and_submitting_begins_no_step_here(shell: Shell) -> None:
    run = shell("start", "flows.py:slow", "--input", '"go"').out.strip()
    until((shell.folder / "begun").exists)
    for _ in range(3):
        shell("ls")
        shell("show", run)
        shell("start", "flows.py:good", "--input", "1")
    (shell.folder / "go").touch()
    assert shell("watch", run).out == "2\n"
    pids = (shell.folder / "begun").read_text().split()
    assert len(pids) == 1
    assert int(pids[0]) != os.getpid()


@pytest.mark.system
def test_a_run_is_paused_resumed_and_cancelled(shell: Shell) -> None:
    run = shell("start", "flows.py:slow", "--input", '"go"').out.strip()
    until((shell.folder / "begun").exists)
    assert shell("pause", run).err == f"asked to pause {run}\n"
    until(lambda: shell.json("show", run)["status"] == "paused")
    (shell.folder / "go").touch()
    shell("resume", run)
    assert shell("watch", run).out == "2\n"
    (shell.folder / "begun").unlink()
    other = shell("start", "flows.py:slow", "--input", '"never"').out.strip()
    until((shell.folder / "begun").exists)
    shell("cancel", other)
    done = shell("watch", other)
    assert done.code == 1
    assert f"run `{other}` cancelled" in done.err
    (shell.folder / "never").touch()


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("start", "flows.py:god"), "Unknown object in `flows.py` `god`", "`good`"),
        (("start", "nothing.py:flow"), "does not exist", ""),
        (("start", "god"), "Unknown workflow `god`", "there are: backtest, filings"),
        (("start", "flows.py:numbers"), "is of type function, not a Workflow", "name a Workflow"),
        (("start", "flows.py:good", "--input", "{"), "is no JSON", "--input"),
        (("show", "r1"), "There is no run `r1`", "raymill workflows ls"),
        (("cancel",), "needs a run", "raymill workflows ls"),
    ],
)
def test_wrong_usage_is_refused(shell: Shell, arguments: Any, message: str, hint: str) -> None:
    done = shell(*arguments)
    assert done.code == 2
    assert message.replace("flows.py", str(shell.folder / "flows.py")) in done.err or (
        message in done.err
    )
    assert hint in done.err


@on_each_store
@pytest.mark.system
def test_a_standby_takes_over_from_an_orchestrator_that_was_killed(shell: Shell) -> None:
    with orchestrator() as first:
        until(lambda: (holder() or "").split("/")[2:3] == [str(first.pid)])
        with orchestrator() as second:
            run = shell("start", "flows.py:slow", "--input", '"go"').out.strip()
            until((shell.folder / "begun").exists)
            first.kill()
            first.wait()
            (shell.folder / "go").touch()
            until(lambda: (holder() or "").split("/")[2:3] == [str(second.pid)])
            assert shell("watch", run).out == "2\n"
            shown = shell.json("show", run)
            assert [step["attempt"] for step in shown["steps"]] == [2, 1]
            assert [event["kind"] for event in shown["events"]] == ["lost"]
            second.send_signal(signal.SIGINT)
            assert second.wait(30) == 130


@on_each_store
@pytest.mark.system
def test_an_orchestrator_that_was_stopped_is_fenced_when_it_comes_back(shell: Shell) -> None:
    with orchestrator() as first:
        until(lambda: (holder() or "").split("/")[2:3] == [str(first.pid)])
        run = shell("start", "flows.py:slow", "--input", '"go"').out.strip()
        until((shell.folder / "begun").exists)
        first.send_signal(signal.SIGSTOP)
        with orchestrator() as second:
            # Two lease periods of 1 s, and the start of the process
            until(lambda: (holder() or "").split("/")[2:3] == [str(second.pid)], limit_s=20)
            (shell.folder / "go").touch()
            assert shell("watch", run).out == "2\n"
            before = row(run)
            first.send_signal(signal.SIGCONT)
            assert first.wait(30) == 1
            assert row(run) == before
            second.terminate()
            assert second.wait(30) == 0


ELSEWHERE = 'echo elsewhere >/proc/sys/kernel/hostname && exec "$@"'


def elsewhere(home: Path) -> "subprocess.Popen[bytes]":
    """An orchestrator on a machine of another name, with a home of its own."""
    command = [sys.executable, "-m", "raymill", "orchestrator", "--workers", "2"]
    return subprocess.Popen(
        [
            "unshare",
            *([] if os.geteuid() == 0 else ["-Ur"]),
            "--uts",
            "sh",
            "-c",
            ELSEWHERE,
            "sh",
            *command,
        ],
        env={**os.environ, "RAYMILL_HOME": str(home)},
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.system
@pytest.mark.postgres
@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
def test_a_machine_takes_over_from_another_one_that_is_gone(
    shell: Shell, need: Callable[[object, str], None]
) -> None:
    need(shutil.which("unshare"), "unshare")
    with elsewhere(shell.folder / "other home") as other:
        until(lambda: other.poll() is not None or (holder() or "").startswith("elsewhere/"))
        need(other.poll() is None, "namespaces")
        run = shell("start", "flows.py:slow", "--input", '"go"').out.strip()
        until((shell.folder / "begun").exists)
        other.kill()
        (shell.folder / "go").touch()
    assert shell("watch", run).out == "2\n"
    assert not (holder() or "").startswith("elsewhere/")
    shown = shell.json("show", run)
    assert [step["attempt"] for step in shown["steps"]] == [2, 1]


@pytest.mark.system
def test_a_run_asks_is_answered_and_shows_when_its_steps_went_on(shell: Shell) -> None:
    run = shell("start", "flows.py:payment", "--input", "12").out.strip()
    until(lambda: [s["status"] for s in shell.json("show", run)["steps"]] == ["done", "asked"])
    assert f"approve asks: Pay it?\nhint: raymill workflows answer {run} approve VALUE" in (
        shell("show", run).out
    )
    refused = shell("answer", run, "approve", "maybe")
    assert (refused.code, refused.err.splitlines()[1]) == (2, "hint: it takes yes, no")
    refused = shell("answer", run, "aprove", "yes")
    assert (refused.code, refused.err.splitlines()[1]) == (2, "hint: it asks approve")
    assert shell.json("answer", run, "approve", "yes") == {
        "run": run,
        "step": "approve",
        "answered": "yes",
    }
    assert shell("watch", run).out == '"yes 12"\n'
    assert shell("answer", run, "approve", "yes").code == 2
    lines = [json.loads(line) for line in shell("logs", run, "--json").out.splitlines()]
    assert [(one["step"], one["level"], one["event"]) for one in lines] == [
        ("bill", "info", "a bill of 12"),
        ("bill", "warning", "bill.made"),
    ]
    assert " warning bill bill.made amount=12\n" in shell("logs", run, "--follow").out
    shell("show", run, "--trace", "trace.json")
    events = json.loads((shell.folder / "trace.json").read_text())
    assert [e["name"] for e in events if e["ph"] == "X"] == ["bill", "approve", "pay"]
    assert "█" in shell("show", run).out
    assert shell("logs", "nothing").code == 2


@pytest.mark.system
def test_a_schedule_starts_runs_until_it_is_taken_away(shell: Shell) -> None:
    def schedules(*arguments: str) -> Any:
        return shell.at("schedules", *arguments)

    added = schedules("add", "tick", "flows.py:good", "--every", "1s", "--input", "3", "--json")
    made = json.loads(added.out)
    assert (made["name"], made["every_s"], made["status"]) == ("tick", 1.0, "submitted")
    until(lambda: len([r for r in shell.json("ls") if r["status"] == "completed"]) >= 2)
    names = [row["id"] for row in shell.json("ls")]
    assert all(name.startswith("tick@20") and name.endswith("Z") for name in names)
    assert len(set(names)) == len(names)
    (shown,) = json.loads(schedules("ls", "--json").out)
    assert (shown["status"], shown["workflow"], shown["catch_up"]) == ("active", "good", "one")
    assert schedules("pause", "tick").code == 0
    until(lambda: json.loads(schedules("ls", "--json").out)[0]["status"] == "paused")
    assert schedules("resume", "tick").code == 0
    assert schedules("rm", "tick").code == 0
    until(lambda: json.loads(schedules("ls", "--json").out) == [])
    refused = schedules("rm", "tack")
    assert (refused.code, refused.err.splitlines()[0]) == (2, "error: Unknown schedule `tack`")
    refused = schedules("add", "x", "flows.py:good", "--cron", "61 * * * *")
    assert "is no cron expression: Bad minute" in refused.err


def test_an_engine_that_is_not_there_is_refused_with_what_there_is(shell: Shell) -> None:
    refused = shell("start", "flows.py:good", "--engine", "rye")
    assert refused.code == 2
    assert refused.err.startswith("error: Unknown engine `rye`\n")


@pytest.mark.system
@pytest.mark.ray
def test_the_steps_of_a_run_go_on_ray_where_it_says_so(shell: Shell) -> None:
    run = shell("start", "flows.py:payment", "--input", "7", "--engine", "ray").out.strip()
    steps = until(
        lambda: (
            [one for one in shell.json("show", run)["steps"] if one["status"] == "asked"]
            and shell.json("show", run)["steps"]
        ),
        limit_s=90,
    )
    assert steps[0]["worker"].startswith("ray-")
    shell("answer", run, "approve", "no")
    assert shell("watch", run).out == '"no 7"\n'
    shown = shell.json("show", run)
    assert shown["engine"] == "ray"
    assert [one["worker"][:4] for one in shown["steps"]] == ["ray-", "", "ray-"]
    assert "bill.made" in shell("logs", run).out
