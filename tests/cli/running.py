"""What the tests of `raymill run` share: the command in this process, and in one of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from raymill.cli import main

READINGS = "sensor,temperature\na,21.0\nb,19.5\na,21.4\n"

TASKS = """
from raymill import Pipeline, Skip, Stream, read, task

WARM = Skip("warm")

@task
def double(temperature: float) -> float:
    return 2 * temperature

@task
def cool(temperature: float, *, most: float = 21.0) -> float | Skip:
    return temperature if temperature <= most else WARM

def plain(temperature: float, *, by: float = 1.0) -> float:
    return temperature + by

def twice(stream: Stream, *, by: float = 1.0) -> Stream:
    return stream.then(plain, by=by, as_="once").then(plain, by=by, field="once")

def both(stream: Stream) -> Pipeline:
    return stream.then(double).write("one.csv") + stream.write("two.csv")

part = read("readings.csv").then(double)
whole = read("readings.csv").then(double).write("whole.csv")
number = 3
"""


class Done(NamedTuple):
    """A command that ended."""

    code: int
    out: str
    err: str


class Shell:
    """Runs `raymill` in a folder with some files."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(self, *arguments: str) -> Done:
        self._capsys.readouterr()
        code = main(list(arguments))
        return Done(code, *self._capsys.readouterr())

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()


def process(folder: Path, *arguments: str, **how: Any) -> subprocess.CompletedProcess[bytes]:
    """Run `raymill` in a process of its own."""
    command = [sys.executable, "-m", "raymill", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, **how)
