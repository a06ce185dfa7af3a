"""Either host as a process of its own, on a free port."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from raymill.bench.services import servers
from raymill.bench.services.servers import Server

Hosted = Callable[..., Server]


def on_ray(home: Path, *options: str) -> Server:
    """The host on Ray, which has nothing to do with the cluster of the test run."""
    command = [sys.executable, "-m", "raymill", "serve", "--on", "ray", "--port", "0", *options]
    env = {name: value for name, value in servers.environment(home).items() if name[:4] != "RAY_"}
    return Server(command, env)


RAY = [pytest.mark.ray, pytest.mark.slow]
HOSTS = [servers.local, pytest.param(on_ray, marks=RAY)]
