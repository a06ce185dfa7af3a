"""A folder with readings and tasks, and the command in it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.running import READINGS, TASKS, Shell


@pytest.fixture
def sh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    """`sh("run", ...)` in a folder that has `readings.csv` and `mine.py`."""
    monkeypatch.chdir(tmp_path)
    before = [*sys.path]
    shell = Shell(tmp_path, capsys)
    shell.write("readings.csv", READINGS)
    shell.write("mine.py", TASKS)
    yield shell
    sys.path[:] = before
    sys.modules.pop("mine", None)
