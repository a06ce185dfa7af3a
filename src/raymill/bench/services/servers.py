"""Servers that are measured, each a process of its own, and what loads them."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from raymill import json
from raymill.bench.services.load import Order
from raymill.config.process import given_on
from raymill.errors import EngineError

ADDRESS = re.compile(r"raymill serves http://[^:]+:(\d+)")
START_S = 120.0


@dataclass
class Server(AbstractContextManager["Server"]):
    """A process that serves on this machine; it says where on its standard error."""

    command: Sequence[str]
    env: Mapping[str, str]
    folder: Path | None = None

    def __enter__(self) -> "Server":
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            self.command, stderr=subprocess.PIPE, env=dict(self.env), text=True, cwd=self.folder
        )
        try:
            self.port = self._port()
        except EngineError:
            self.__exit__()
            raise
        return self

    def _port(self) -> int:
        said = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            said.append(line)
            if found := ADDRESS.search(line):
                return int(found[1])
        raise EngineError(f"The server ended at once: {''.join(said)[-500:]}")

    def ask(self, path: str) -> bytes:
        """Ask once, from this process."""
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=START_S) as answer:
            return bytes(answer.read())

    def load(self, path: str, requests: int, connections: int, **how: Any) -> dict[str, Any]:
        """Have a second process ask it."""
        order = Order(self.port, path, requests, connections, **how)
        done = subprocess.run(
            [sys.executable, "-m", "raymill.bench.services.load"],
            input=json.dumps(asdict(order)),
            capture_output=True,
            timeout=600,
            env=dict(self.env),
            check=True,
        )
        return dict(json.loads(done.stdout))

    def memory_mb(self) -> float:
        """What it has in memory now."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


def environment(home: Path) -> dict[str, str]:
    """The variables of a server whose home is a folder."""
    own = {"RAYMILL_HOME": str(home), "RAYMILL_WORKFLOWS_IDLE_S": "2"}
    return {**os.environ, **given_on(), **own}


def local(home: Path, *options: str) -> Server:
    """The local host."""
    command = [sys.executable, "-m", "raymill", "serve", "--port", "0", *options]
    return Server(command, environment(home))


def bare(home: Path) -> Server:
    """A plain FastAPI route."""
    return Server([sys.executable, "-m", "raymill.bench.services.bare"], environment(home))
