"""The rooms of a process: what it keeps open is closed when it ends."""

import subprocess
import sys

import pytest

ASKS = """
from raymill.app.market import rooms
from raymill.config import settings
from raymill.net import Request, Timeouts
from raymill.testing.replay import Recorded, ReplayServer

with ReplayServer({"/prices": Recorded(body=b"[1]")}) as server:
    http = rooms._http("home", settings().market, Timeouts())
    with http.open(Request(f"{server.url}/prices")) as reply:
        print(reply.status, *reply.chunks)
"""


@pytest.mark.system
def test_connections_to_vendors_are_closed_when_the_process_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", ASKS], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "200 b'[1]'\n"
    assert "unclosed <socket" not in done.stderr
