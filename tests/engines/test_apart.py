"""A step in a process of its own does not outlive the orchestrator that it belongs to."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raymill.state.owner import alive, owner

pytestmark = pytest.mark.system

LIMIT_S = 60.0
STEPS = """
import os, sys, time
from pathlib import Path
from raymill import Step, Workflow

def wait(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    while True:
        time.sleep(0.05)

flow = Workflow("waiting", Step(wait, timeout_s=600))
"""
PARENT = """
import sys
from pathlib import Path
from raymill.engines.apart import Apart
from raymill.flow.pool import Call, Key

if __name__ == "__main__":
    call = Call(Key("run", "wait", -1, 1), "waiting", "steps.py:flow", (b'"pid"',), None)
    Apart(Path("artifacts")).run(call, 600, lambda key, progress: None)
"""


def test_it_ends_when_its_orchestrator_is_killed(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text(STEPS)
    (tmp_path / "parent.py").write_text(PARENT)
    parent = subprocess.Popen([sys.executable, "parent.py"], cwd=tmp_path)
    ends = time.monotonic() + LIMIT_S
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < ends
        time.sleep(0.01)
    name = owner(int((tmp_path / "pid").read_text()))
    assert alive(name)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    while alive(name):
        assert time.monotonic() < ends
        time.sleep(0.01)
