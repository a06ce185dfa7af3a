"""`raymill serve --on ray`: healthy when it says where, and nothing of it is left behind."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

pytestmark = [pytest.mark.ray]

LIMIT_S = 120


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The variables of a process that has nothing to do with the cluster of the test run."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**ours, "RAYMILL_HOME": str(home), **settings}


def below(root: int) -> set[int]:
    """The processes below one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {root}


def opened(pid: int) -> list[str]:
    """What a process has open; nothing of one that has just ended."""
    found = []
    with suppress(FileNotFoundError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            found.append(os.readlink(entry))
    return found


def beyond_loopback(pids: set[int]) -> set[str]:
    """The processes that listen on an address that other machines reach."""
    owners = {name: pid for pid in pids for name in opened(pid)}
    loopback = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
    found = set()
    for file in ("tcp", "tcp6"):
        for line in Path("/proc/net", file).read_text().splitlines()[1:]:
            _, at, _, state, *_, inode = line.split()[:10]
            owner = owners.get(f"socket:[{inode}]")
            if state == "0A" and owner and at.partition(":")[0] not in loopback:
                found.add(Path(f"/proc/{owner}/comm").read_text().strip())
    return found


def test_it_is_healthy_when_it_says_where_and_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "raymill", "serve", "--on", "ray", "--port", "0"]
    env = environment(tmp_path, RAYMILL_SERVE_APART="screener")
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        found = re.fullmatch(r"raymill serves (http://127\.0\.0\.1:\d+), .*\n", said)
        assert found, said + process.stderr.read()
        health = httpx2.get(f"{found[1]}/health", timeout=LIMIT_S)
        assert (health.status_code, health.json()["cluster"]) == (200, "connected")
        status = httpx2.get(f"{found[1]}/api/screener/status", timeout=LIMIT_S)
        assert status.json()["data"]["service"] == "screener"
        others = below(process.pid)
        assert len(others) > 3
        # Counts, and calls that need the token: Ray Serve binds these everywhere.
        assert beyond_loopback(others | {process.pid}) <= {"haproxy", "ray::ServeRepli"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""
        deadline = time.monotonic() + LIMIT_S
        while any(Path(f"/proc/{pid}").exists() for pid in others):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.parametrize(
    ("options", "settings", "said"),
    [
        (("--workers", "2"), {}, "`--workers` counts replicas on Ray"),
        (("--on", "ray"), {"RAYMILL_SERVE_HOST": "0.0.0.0"}, "`0.0.0.0` needs keys"),
        (("--on", "ray"), {"RAYMILL_SERVE_TLS_CERT": "a.pem"}, "Ray Serve's proxy speaks no TLS"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(
    tmp_path: Path, options: tuple[str, ...], settings: dict[str, str], said: str
) -> None:
    env = environment(tmp_path, **settings)
    command = [sys.executable, "-m", "raymill", "serve", *options]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 2
    assert said in done.stderr
