"""Ctrl-C: once, twice, without a checkpoint, on a terminal; and going on from there."""

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from cli.running import Shell, process

pytestmark = pytest.mark.system

# Interrupts its own run at the given values, where the file `calm` is not there.
TASK = """
import os, signal
from raymill import task

@task
def echo(n: float, *, at: str = "") -> float:
    if at and not os.path.exists("calm") and n in map(float, at.split("+")):
        os.kill(os.getpid(), signal.SIGINT)
    return n
"""
ROWS, WIDE = 6000, "x" * 1000  # 6 MB: three pieces


@pytest.fixture
def inputs(sh: Shell) -> Shell:
    sh.write("task.py", TASK)
    sh.write("wide.csv", "n,text\n" + "".join(f"{row},{WIDE}\n" for row in range(ROWS)))
    return sh


def run(sh: Shell, *options: str) -> subprocess.CompletedProcess[bytes]:
    named = ("run", "task.py:echo", "wide.csv", "--field", "n", "-o", "out.csv")
    return process(sh.folder, *named, *options)


def whole() -> str:
    rows = (f"{row},{WIDE},{row}.0\n" for row in range(ROWS))
    return "n,text,value\n" + "".join(rows)


def test_once_commits_says_how_to_go_on_and_resumes_to_the_same_bytes(
    workers: int, inputs: Shell
) -> None:
    options = ("--checkpoint", "state", "--set", "at=100")
    first = run(inputs, *options)
    assert first.returncode == 130, first.stderr
    assert first.stderr.decode().splitlines()[1:] == [
        "error: Interrupted",
        "hint: go on with the same command and --resume",
    ]
    assert not Path("out.csv").exists()
    done = Path("out.csv.partial").stat().st_size
    assert 0 < done < len(whole())
    inputs.write("calm", "")
    again = run(inputs, *options, "--resume", "--workers", f"{workers}")
    assert again.returncode == 0, again.stderr
    assert again.stderr.startswith(b"echo on local")
    assert b", resumed\n" in again.stderr
    assert inputs.read("out.csv") == whole()


def test_twice_ends_at_once(inputs: Shell) -> None:
    done = run(inputs, "--checkpoint", "state", "--set", "at=100+101")
    assert done.returncode == 130
    assert done.stderr.decode().splitlines()[1:] == [
        "error: Interrupted",
        "hint: the same command with --resume goes on from the last checkpoint",
    ]


def test_without_a_checkpoint_once_is_enough(inputs: Shell) -> None:
    done = run(inputs, "--set", "at=100")
    assert (done.returncode, done.stderr.decode()) == (
        130,
        "error: Interrupted\nhint: --checkpoint DIR lets such a run be resumed\n",
    )
    assert not Path("out.csv").exists()


def test_resume_without_a_checkpoint_starts_over(inputs: Shell) -> None:
    done = run(inputs, "--checkpoint", "state", "--resume")
    assert done.returncode == 0
    assert done.stderr.startswith(b"echo on local, 1 worker\n")
    assert inputs.read("out.csv") == whole()


def test_a_resume_with_another_parameter_is_refused(inputs: Shell) -> None:
    assert run(inputs, "--checkpoint", "state", "--set", "at=100").returncode == 130
    done = run(inputs, "--checkpoint", "state", "--resume", "--set", "at=200")
    assert done.returncode == 2
    assert b"tasks[0].parameters.at was '100', now it is '200'" in done.stderr


def test_a_series_goes_on_behind_the_files_that_are_done(inputs: Shell) -> None:
    inputs.write("a.csv", "n\n-1\n")
    named = ("run", "task.py:echo", "a.csv", "wide.csv", "--field", "n", "-o", "out/")
    options = ("--checkpoint", "state", "--set", "at=100")
    assert process(inputs.folder, *named, *options).returncode == 130
    written = Path("out/a.csv").stat().st_mtime_ns
    inputs.write("calm", "")
    again = process(inputs.folder, *named, *options, "--resume")
    assert again.returncode == 0, again.stderr
    assert Path("out/a.csv").stat().st_mtime_ns == written
    assert inputs.read("out/wide.csv") == whole()
    assert re.search(rb"^total +6,001 +6,001 ", again.stderr, re.MULTILINE)
    assert list(Path("state").rglob("*")) == []


def on_a_terminal(folder: Path, *arguments: str, until: bytes) -> tuple[int, bytes]:
    """Run on a terminal; press Ctrl-C when `until` is shown. Gives exit code and all that was."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(TERM="xterm", COLUMNS="120", NO_COLOR="1")
        os.execv(sys.executable, [sys.executable, "-m", "raymill", *arguments])
    shown, pressed = b"", False
    while select.select([terminal], [], [], 60)[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        shown += data
        if until in shown and not pressed:
            os.write(terminal, b"\x03")
            pressed = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_on_a_terminal_there_is_a_progress_bar_and_ctrl_c(inputs: Shell) -> None:
    named = ("run", "noop", "wide.csv", "-o", "out.csv", "--rate", "100")
    code, shown = on_a_terminal(inputs.folder, *named, until=b" records ")
    assert code == 130
    assert re.search(rb"noop .* \d+ records .*/s .* left ", shown)
    assert b"error: Interrupted" in shown


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ((), b"--checkpoint DIR lets such a run be resumed"),
        (("--checkpoint", "state"), b"go on with the same command and --resume"),
    ],
)
def test_ctrl_c_reaches_worker_processes_too_and_nothing_hangs(
    options: tuple[str, ...], hint: bytes, inputs: Shell
) -> None:
    named = ("run", "task.py:echo", "wide.csv", "--field", "n", "-o", "out.csv", "--rate", "100")
    arguments = (*named, "--workers", "2", *options)
    code, shown = on_a_terminal(inputs.folder, *arguments, until=b" records ")
    assert code == 130
    assert hint in shown


def test_off_a_terminal_there_is_no_progress_bar(inputs: Shell) -> None:
    assert b"left" not in run(inputs).stderr
