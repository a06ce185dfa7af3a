"""The application on a cluster that others started: by the file of `deploy/`, and by `--on ray`."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from raymill.services.hosts.serve import environment, free_port
from services.on_ray.test_faults import Load

pytestmark = [pytest.mark.ray, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
LIMIT_S = 180
SERVICES = {"algorunner", "filings", "screener", "tasks", "tickscrawler", "workflows"}
BLOCK = ("--block", "--disable-usage-stats", "--dashboard-agent-listen-port", "0")
PORTS = ("--min-worker-port", "0", "--max-worker-port", "0")


class Cluster:
    """A head that runs no replica and a node with two CPUs, both on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(32)
        self.port, self.dashboard = free_port(), f"http://127.0.0.1:{free_port()}"
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(self.token)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        self.env = {
            **ours,
            "PYTHONPATH": str(ROOT / "src"),
            "RAYMILL_HOME": str(folder / "home"),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "SERVE_SOCKET_REUSE_PORT_ENABLED": "1",  # two proxies on one machine
        }

    def head(self) -> list[str]:
        """The command of the head."""
        dashboard = ("--dashboard-host", "127.0.0.1", "--dashboard-port", self.dashboard[17:])
        where = ("--port", str(self.port), "--temp-dir", str(self.folder / "ray"), *dashboard)
        client = ("--ray-client-server-port", str(free_port()))
        return [str(BIN / "ray"), "start", "--head", "--num-cpus", "0", *where, *client]

    def node(self) -> list[str]:
        """The command of the node."""
        where = ("--address", f"127.0.0.1:{self.port}", "--num-cpus", "2")
        return [str(BIN / "ray"), "start", *where]

    @contextmanager
    def started(self, name: str, command: list[str]) -> Iterator[int]:
        """A node of its own process group, which is killed whole at the end; gives its leader."""
        own = self.folder / name
        own.mkdir()
        env = {**self.env, **environment(own)}
        with open(own / "log", "w") as log:
            process = subprocess.Popen(
                [*command, *BLOCK, *PORTS], env=env, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield process.pid
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for proxy in started_with(f"{own}/"):  # it has a session of its own
                with suppress(ProcessLookupError):
                    os.kill(proxy, signal.SIGKILL)

    def told(self, path: str) -> Any:
        """What the dashboard tells; None while it does not."""
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            answer = httpx2.get(f"{self.dashboard}{path}", headers=headers, timeout=LIMIT_S)
        except httpx2.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def alive(self) -> dict[str, bool]:
        """The nodes that are alive, and whether each is the head."""
        found = self.told("/nodes?view=summary") or {"data": {"summary": []}}
        nodes = [one["raylet"] for one in found["data"]["summary"] if "nodeId" in one["raylet"]]
        alive = [one for one in nodes if one["state"] == "ALIVE"]
        return {one["nodeId"]: bool(one.get("isHeadNode")) for one in alive}

    def serves(self) -> dict[str, Any]:
        """What Ray Serve says of the application; empty while there is none."""
        found = self.told("/api/serve/applications/") or {}
        return dict(found.get("applications", {}).get("raymill", {}))

    def replicas(self, deployment: str) -> list[str]:
        """The nodes that the replicas of a deployment run on."""
        found = self.serves().get("deployments", {}).get(deployment, {}).get("replicas", [])
        return [one["node_id"] for one in found if one["state"] == "RUNNING"]

    def deploy(self, text: str) -> None:
        """Ray's own command, on a file."""
        file = self.folder / "serve.yaml"
        file.write_text(text)
        self.serve("deploy", str(file))

    def serve(self, *words: str) -> None:
        """Ray's own command."""
        command = [BIN / "serve", *words, "-a", self.dashboard]
        done = subprocess.run(command, env=self.env, capture_output=True, timeout=LIMIT_S)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """The cluster, with both nodes alive; its folder has a short name, for its sockets."""
    folder = Path(tempfile.mkdtemp(prefix="raymill-"))
    try:
        made = Cluster(folder)
        with ExitStack() as stack:
            stack.enter_context(made.started("head", made.head()))
            until(lambda: len(made.alive()) == 1)
            stack.enter_context(made.started("node", made.node()))
            until(lambda: len(made.alive()) == 2)
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def started_with(word: str) -> list[int]:
    """The processes in whose command something stands."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and word.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def until(holds: Callable[[], bool]) -> None:
    """Wait for what has to come."""
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def health(address: str) -> Any:
    """What the API says of itself; None while it does not."""
    try:
        answer = httpx2.get(f"{address}/health", timeout=LIMIT_S)
    except httpx2.TransportError:
        return None
    return answer.json() if answer.status_code == 200 else None


def is_well(address: str) -> bool:
    """Whether all services are there, and the head."""
    said = health(address) or {"services": {}}
    is_whole = set(said["services"]) == SERVICES
    return is_whole and {*said["services"].values(), said["cluster"]} == {"healthy", "connected"}


def test_the_file_is_deployed_and_a_change_of_it_is_taken(cluster: Cluster) -> None:
    assert httpx2.get(f"{cluster.dashboard}/nodes", timeout=LIMIT_S).status_code == 401
    port = free_port()
    text = (ROOT / "deploy" / "serve.yaml").read_text()
    assert text.count("port: 8000\n") == 1
    cluster.deploy(text := text.replace("port: 8000\n", f"port: {port}\n"))
    address = f"http://127.0.0.1:{port}"
    until(lambda: cluster.serves().get("status") == "RUNNING" and is_well(address))
    node = next(name for name, is_head in cluster.alive().items() if not is_head)
    assert cluster.replicas("MainRouterDeployment") == [node]
    assert cluster.replicas("ScreenerDeployment") == []
    cluster.deploy(apart(text))
    until(lambda: cluster.replicas("ScreenerDeployment") == [node] and is_well(address))
    joining = cluster.env | {"RAYMILL_RAY_ADDRESS": f"127.0.0.1:{cluster.port}"}
    command = [sys.executable, "-m", "raymill", "serve", "--on", "ray", "--port", str(free_port())]
    refused = subprocess.run(command, env=joining, capture_output=True, timeout=LIMIT_S)
    assert b"Ray Serve runs on this cluster already" in refused.stderr
    assert is_well(address)
    status = httpx2.get(f"{address}/api/screener/status", timeout=LIMIT_S)
    assert status.json()["data"]["service"] == "screener"
    cluster.serve("shutdown", "-y")
    until(lambda: not cluster.serves())


def apart(text: str) -> str:
    """The file with a screener that has a replica of its own, always."""
    return always(text, "ScreenerDeployment", 1).replace("apart: []", "apart: [screener]")


def always(text: str, deployment: str, least: int, *more: str) -> str:
    """The file with a deployment that has so many replicas at least; `more` are its other lines."""
    before, name, after = text.partition(f"- name: {deployment}\n")
    assert name
    for count in ("min_replicas", "initial_replicas"):
        after = re.sub(rf"\b{count}: \d+", f"{count}: {least}", after, count=1)
    return before + name + "".join(f"    {line}\n" for line in more) + after


def test_the_command_joins_the_cluster_and_leaves_it_running(cluster: Cluster) -> None:
    env = cluster.env | {
        "RAYMILL_RAY_ADDRESS": f"127.0.0.1:{cluster.port}",
        "RAYMILL_SERVE_APART": "screener",
    }
    command = [sys.executable, "-m", "raymill", "serve", "--on", "ray", "--port", str(free_port())]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = process.stderr.readline()
            found = re.match(r"raymill serves (http://127\.0\.0\.1:\d+), ", said)
            assert found, said + process.stderr.read()
            until(lambda: is_well(found[1]))
            node = next(name for name, is_head in cluster.alive().items() if not is_head)
            assert cluster.replicas("MainRouterDeployment") == [node]
            assert cluster.replicas("ScreenerDeployment") == [node]
            process.send_signal(signal.SIGTERM)
            assert process.wait(LIMIT_S) == 0
        finally:
            process.kill()
    assert not cluster.serves()
    assert sorted(cluster.alive().values()) == [False, True]


def test_reads_go_on_when_a_node_is_killed_with_all_that_runs_on_it(cluster: Cluster) -> None:
    port = free_port()
    text = (ROOT / "deploy" / "serve.yaml").read_text().replace("port: 8000\n", f"port: {port}\n")
    address = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        doomed = stack.enter_context(cluster.started("doomed", cluster.node()))
        until(lambda: len(cluster.alive()) == 3)
        cluster.deploy(on_two_nodes(text))
        until(lambda: len(set(cluster.replicas("MainRouterDeployment"))) == 2 and is_well(address))
        before = set(cluster.alive())
        with Load(f"{address}/api/tasks/status").running(tries=100) as load:
            until(lambda: load.count > 50)
            for pid in (doomed, *below(doomed)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            until(lambda: len(cluster.alive()) == 2)
            seen = load.count
            until(lambda: load.count > seen + 50)
            stack.enter_context(cluster.started("new", cluster.node()))
            until(lambda: len(set(cluster.replicas("MainRouterDeployment")) - before) == 1)
            until(lambda: len(cluster.replicas("MainRouterDeployment")) == 2 and is_well(address))
        assert load.failed == []
        cluster.serve("shutdown", "-y")
        until(lambda: not cluster.serves())


def on_two_nodes(text: str) -> str:
    """The file with a replica of the router on each of two nodes."""
    return always(text, "MainRouterDeployment", 2, "max_replicas_per_node: 1")


def below(root: int) -> set[int]:
    """The processes that one started, and those that they did."""
    told = [one.read_text() for one in Path(f"/proc/{root}/task").glob("*/children")]
    children = {int(child) for child in " ".join(told).split()}
    return children.union(*(below(child) for child in children))
