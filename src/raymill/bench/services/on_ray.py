"""The host on Ray Serve: its start, calls inside of the router and by handle, its processes."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from raymill.bench.case import Case, Sample, Setup, Work
from raymill.bench.services import servers
from raymill.bench.services.local import CONNECTIONS, STATUS, SYMBOLS, fill, screening
from raymill.bench.services.servers import Server

INSIDE = "/api/tickscrawler/status"
REQUESTS = 10_000
PARTS = {
    "router": "MainRouterDeployment",
    "service": "ScreenerDeployment",
    "controller": "ServeController",
    "proxies": "Proxy",
    "head": "gcs_server",
}


def cases() -> Iterator[Case]:
    """The rows of the host on Ray Serve."""
    text = "from the start of `raymill serve --on ray` until all is healthy"
    yield _case("start", text, _start, "s", warm=False)
    text = f"a status on {CONNECTIONS} connections, the service inside of the router"
    yield _case("inside", text, _inside, "requests/s", against="services.status.bare")
    text = f"a status on {CONNECTIONS} connections, the service in a replica of its own"
    yield _case("apart", text, _apart, "requests/s", against="services.ray.inside")
    text = "a screen there, no call shared: 100 rows of 500 that match, on 16 connections"
    yield _case("apart.screen", text, _screen, "requests/s", against="services.screen")
    yield _case("memory", "all processes of the cluster and its replicas", _whole, "MB")
    for part, word in PARTS.items():
        yield _case(f"memory.{part}", f"of these `{word}`", _memory(word), "MB")


def _case(
    name: str,
    text: str,
    prepare: Callable[[Setup], Work],
    unit: str,
    against: str = "",
    warm: bool = True,
) -> Case:
    name = f"services.ray.{name}"
    return Case(name, text, prepare, unit, "", against=against, warm=warm, needs="ray")


def _start(setup: Setup) -> Work:
    home = setup.folder / "home-ray-start"

    def work() -> Sample:
        begun = time.perf_counter()
        with _on_ray(home) as server:
            server.ask("/health")
            return Sample(time.perf_counter() - begun, 1)

    return work


def _on_ray(home: Path) -> Server:
    server = servers.local(home, "--on", "ray", "--workers", "1")
    server.env = {**server.env, "RAYMILL_SERVE_APART": "screener"}
    return server


def _inside(setup: Setup) -> Work:
    return _rate(_running(setup), INSIDE, setup.count(REQUESTS))


def _apart(setup: Setup) -> Work:
    return _rate(_running(setup), STATUS, setup.count(REQUESTS))


def _screen(setup: Setup) -> Work:
    return screening(_running(setup), setup.count(2000), 16)


def _running(setup: Setup) -> Server:
    """The host with the screener apart, and all else inside of the router."""

    def start() -> Server:
        fill(setup.lasting_folder / "home-ray", SYMBOLS)
        return setup.lasting.enter_context(_on_ray(setup.lasting_folder / "home-ray"))

    return setup.once("services.ray", start)


def _rate(server: Server, path: str, requests: int) -> Work:
    def work() -> Sample:
        done = server.load(path, requests, CONNECTIONS)
        if done["failed"] or set(done["statuses"]) != {"200"}:
            raise AssertionError(f"not every request was answered: {done}")
        return Sample(done["rate"], requests)

    return work


def _whole(setup: Setup) -> Work:
    server = _running(setup)
    return lambda: Sample(sum(_resident_mb(server.process.pid).values()), 1)


def _memory(word: str) -> Callable[[Setup], Work]:
    def prepare(setup: Setup) -> Work:
        server = _running(setup)

        def work() -> Sample:
            found = _resident_mb(server.process.pid)
            return Sample(sum(size for name, size in found.items() if word in name), 1)

        return work

    return prepare


def _resident_mb(root: int) -> dict[str, float]:
    """What a process and those below it have in memory, by pid and command."""
    parents = {pid: parent for pid in _pids() if (parent := _parent(pid))}
    found: dict[str, float] = {}
    for pid in (root, *parents):
        above = pid
        while above and above != root:
            above = parents.get(above, 0)
        if above == root:
            found[f"{pid} {_command(pid)}"] = _size_mb(pid)
    return found


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]
    except OSError:
        return ""


def _size_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
