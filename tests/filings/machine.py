"""A machine for tests: a folder, a server in the place of the SEC's, the command, orchestrators."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from filings.edgar_server import IDENTITY
from raymill import config, json
from raymill.cli import main
from raymill.state.owner import alive
from raymill.state.sqlite import SqliteStore
from raymill.testing.replay import ReplayServer

LIMIT_S = 60.0


class Done(NamedTuple):
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What it wrote as JSON."""
        found: list[dict[str, Any]] = json.loads(self.out)
        return found


class Machine:
    """Runs `raymill filings` in this process; orchestrators are processes of their own."""

    def __init__(
        self, folder: Path, server: ReplayServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self.home, self.server = folder, folder / "home", server
        self._capsys = capsys
        self._started: list[subprocess.Popen[bytes]] = []

    def __call__(self, *arguments: str) -> Done:
        self._capsys.readouterr()
        code = main(["filings", *arguments])
        return Done(code, *self._capsys.readouterr())

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command as a process."""
        command = [sys.executable, "-m", "raymill", *arguments]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=self.folder, stdout=quiet, stderr=subprocess.PIPE)
        self._started.append(process)
        return process

    def orchestrator(self) -> int:
        """The process that runs the workflows, once there is one."""
        with self.store() as store:
            return until(lambda: _pid(store), "an orchestrator")

    def kill(self) -> None:
        """Kill the process that runs the workflows."""
        pid = self.orchestrator()
        os.kill(pid, signal.SIGKILL)
        with self.store() as store:
            until(lambda: _pid(store) is None, "the end of the orchestrator")

    @contextmanager
    def store(self) -> Iterator[SqliteStore]:
        """The journal."""
        store = SqliteStore(self.home)
        try:
            yield store
        finally:
            store.close()

    def close(self) -> None:
        """End all that was started."""
        for process in self._started:
            process.kill()
            process.communicate()
        with self.store() as store:
            if (pid := _pid(store)) is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _pid(store: SqliteStore) -> int | None:
    held = store.holder(time.time(), alive)
    return int(held.owner.split("/")[2]) if held else None


def until(look: Callable[[], Any], what: str) -> Any:
    """Wait for something, with a limit."""
    ends = time.monotonic() + LIMIT_S
    while not (found := look()):
        assert time.monotonic() < ends, f"{what} did not come within {LIMIT_S} s"
        time.sleep(0.02)
    return found


@contextmanager
def machine_at(
    folder: Path,
    server: ReplayServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    **settings: str,
) -> Iterator[Machine]:
    """A machine whose settings name the server; `settings` are variables without their prefix."""
    usual = {
        "HOME": str(folder / "home"),
        "FILINGS_IDENTITY": IDENTITY,
        "FILINGS_WWW_URL": server.url,
        "FILINGS_DATA_URL": server.url,
        "WORKFLOWS_IDLE_S": "30",
        "WORKFLOWS_WORKERS": "2",
    }
    for name, value in (usual | settings).items():
        monkeypatch.setenv(f"RAYMILL_{name}", value)
    monkeypatch.chdir(folder)
    config.reset()
    machine = Machine(folder, server, capsys)
    try:
        yield machine
    finally:
        machine.close()
