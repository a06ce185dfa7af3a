"""Ray Serve while parts of it are killed, replaced and scaled, under load."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx2
import pytest

from raymill import json
from raymill.bench.services.load import Order
from raymill.services.service import kinds
from services.echo import Echo
from services.on_ray.conftest import LIMIT_S, Host

pytestmark = [pytest.mark.ray, pytest.mark.slow]

KINDS = {"echo": Echo}
TRIES = 5
THREADS = 4


class Load:
    """Clients that read without a pause; each read is tried a few times."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: Counter[int] = Counter()
        self.failed: list[str] = []
        self._over = threading.Event()

    @property
    def count(self) -> int:
        """How many reads were answered."""
        return self.answers[200]

    def run(self, tries: int) -> None:
        """Read until it is over."""
        with httpx2.Client(timeout=LIMIT_S) as client:
            while not self._over.is_set():
                said = [self._read(client)]
                while said[-1] != "200" and len(said) < tries:
                    self._over.wait(0.2)
                    said.append(self._read(client))
                if said[-1] == "200":
                    self.answers[200] += 1
                else:
                    self.failed.append(", ".join(said))

    def _read(self, client: httpx2.Client) -> str:
        try:
            return str(client.get(self.url).status_code)
        except httpx2.HTTPError as error:
            return type(error).__name__

    @contextmanager
    def running(self, tries: int = TRIES) -> Iterator["Load"]:
        """Read in several threads."""
        threads = [threading.Thread(target=self.run, args=(tries,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join(LIMIT_S)


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for a condition, with a limit."""
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.05)


def processes(word: str) -> set[int]:
    """The processes of this test run's cluster whose command has a word."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and word in _command(entry) and _is_ours(entry.name):
            found.add(int(entry.name))
    return found


def _command(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _is_ours(pid: str) -> bool:
    while pid not in ("0", "1"):
        if pid == str(os.getpid()):
            return True
        try:
            pid = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            return False
    return False


def running_replicas(name: str) -> int:
    """How many replicas of a deployment answer, as Ray Serve says."""
    from ray import serve

    found = serve.status().applications["raymill"].deployments[name].replica_states
    return int(found.get("RUNNING", 0))


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"RAYMILL_HOME": str(tmp_path / "home")}


ROUTER = "MainRouterDeployment"


def test_reads_go_on_while_a_replica_is_killed(host: Host, home: dict[str, str]) -> None:
    address = host.serve(KINDS, 2, home)
    with Load(f"{address}/api/echo/things/a").running() as load:
        until(lambda: load.count > 50, "reads before")
        before = processes(f"ray::ServeReplica:raymill:{ROUTER}")
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(processes(f"ray::ServeReplica:raymill:{ROUTER}") - before) == 1, "a new")
        until(lambda: running_replicas(ROUTER) == 2, "two replicas again")
        seen = load.count
        until(lambda: load.count > seen + 50, "reads after")
    assert load.failed == []


def test_reads_go_on_while_a_replica_of_a_service_is_killed(
    host: Host, home: dict[str, str]
) -> None:
    address = host.serve(KINDS, 1, home, ("echo",))
    with Load(f"{address}/api/echo/things/a").running(tries=300) as load:
        until(lambda: load.count > 50, "reads before")
        before = processes("ray::ServeReplica:raymill:EchoDeployment")
        os.kill(min(before), signal.SIGKILL)
        until(lambda: bool(processes("ray::ServeReplica:raymill:EchoDeployment") - before), "a new")
        seen = load.count
        until(lambda: load.count > seen + 50, "reads after")
    assert load.failed == []


def test_reads_go_on_after_the_proxy_was_killed(host: Host, home: dict[str, str]) -> None:
    address = host.serve(KINDS, 1, home)
    with Load(f"{address}/api/echo/things/a").running(tries=300) as load:
        until(lambda: load.count > 50, "reads before")
        (proxy,) = processes("bin/haproxy -db")
        os.kill(proxy, signal.SIGKILL)
        until(lambda: bool(processes("bin/haproxy -db") - {proxy}), "another proxy")
        seen = load.count
        until(lambda: load.count > seen + 50, "reads after")
    assert load.failed == []


def test_no_request_fails_while_all_replicas_are_replaced(host: Host, home: dict[str, str]) -> None:
    address = host.serve(KINDS, 1, home)
    with Load(f"{address}/api/echo/things/a").running(tries=1) as load:
        until(lambda: load.count > 50, "reads before")
        before = processes(f"ray::ServeReplica:raymill:{ROUTER}")
        host.serve(KINDS, 1, home, is_new=True)
        until(lambda: not before & processes(f"ray::ServeReplica:raymill:{ROUTER}"), "all new")
        seen = load.count
        until(lambda: load.count > seen + 50, "reads after")
    assert load.failed == []


def test_what_is_too_much_is_a_problem_that_says_when_to_come_again(
    host: Host, home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"MAX_ONGOING_REQUESTS": "2", "MAX_QUEUED_REQUESTS": "1", "TARGET_REQUESTS": "1"}
    for name, value in given.items():
        monkeypatch.setenv(f"ROUTER_{name}", value)
    url = f"{host.serve(KINDS, 1, home)}/api/echo/pause"
    with httpx2.Client(timeout=LIMIT_S) as client, ThreadPoolExecutor(16) as pool:
        answers = [*pool.map(client.get, [url] * 64)]
    assert {one.status_code for one in answers} == {200, 429}
    for refused in (one for one in answers if one.status_code == 429):
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["type"] == "/docs/errors#TooBusy"


def test_a_thousand_connections_at_a_time_are_answered(host: Host, home: dict[str, str]) -> None:
    port = int(host.serve(kinds(), 1, home).rpartition(":")[2])
    for name in kinds():
        told = asked(Order(port, f"/api/{name}/status", requests=10_000, connections=1_000))
        assert (name, told["failed"]) == (name, 0)
        assert set(told["statuses"]) <= {"200", "429"}
        assert sum(told["statuses"].values()) == 10_000


def asked(order: Order) -> dict[str, Any]:
    """What a process tells that asks for so much."""
    command = [sys.executable, "-m", "raymill.bench.services.load"]
    text = json.dumps(asdict(order))
    done = subprocess.run(command, input=text, capture_output=True, check=True, timeout=LIMIT_S)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_service_gets_replicas_under_load_and_loses_them_without(
    host: Host, home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"MAX_REPLICAS": "4", "TARGET_REQUESTS": "1"}
    given |= {"SCALE_UP_DELAY": "0.5", "SCALE_DOWN_DELAY": "1"}
    for name, value in given.items():
        monkeypatch.setenv(f"ECHO_{name}", value)
    address = host.serve(KINDS, 1, home, ("echo",))
    with Load(f"{address}/api/echo/pause").running():
        until(lambda: running_replicas("EchoDeployment") == 4, "four replicas")
    until(lambda: running_replicas("EchoDeployment") == 1, "one replica again")
