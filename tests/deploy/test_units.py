"""The units of `deploy/systemd`: systemd takes them, and raymill works where they shut it in."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from raymill.bench.services.servers import Server, environment

pytestmark = [pytest.mark.system, pytest.mark.slow]

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
PROGRAM = "/opt/raymill/bin/raymill"
LIMIT_S = 120.0
# ProtectSystem=strict, PrivateTmp=yes, StateDirectory=raymill
SHUT_IN = """
mount --make-rprivate / && mount -o remount,ro,bind / && mount -t tmpfs tmpfs /tmp &&
mkdir -p "$1" && mount -t tmpfs tmpfs "$1" && cd "$1" && umask 0077 && shift && exec "$@"
"""


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.name)
def test_systemd_has_nothing_to_say_of_a_unit(
    unit: Path, tmp_path: Path, need: Callable[[object, str], None]
) -> None:
    need(shutil.which("systemd-analyze"), "systemd-analyze (apt install systemd)")
    text = unit.read_text()
    assert f"ExecStart={PROGRAM} " in text
    here = tmp_path / unit.name
    here.write_text(text.replace(PROGRAM, sys.executable))  # it has to be there
    done = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_all_works_where_nothing_but_its_folder_can_be_written(
    tmp_path: Path, need: Callable[[object, str], None]
) -> None:
    need(shutil.which("unshare"), "unshare")
    home = tmp_path / "home"
    serves = [sys.executable, "-m", "raymill", "serve", "--port", "0"]
    command = ["unshare", "-Urm", "sh", "-c", SHUT_IN, "sh", str(home), *serves]
    possible = subprocess.run(["unshare", "-Urm", "true"], capture_output=True)
    need(possible.returncode == 0, f"user namespaces ({possible.stderr!r})")
    with ExitStack() as stack:
        server = stack.enter_context(Server(command, environment(home) | {"HOME": str(home)}))
        address = f"http://127.0.0.1:{server.port}"
        api = stack.enter_context(httpx2.Client(base_url=address, timeout=LIMIT_S))
        crawl = {"source_id": "simulated", "symbols": ["SIM1/USD"], "data_type": "ohlc"}
        crawl |= {"interval": "1d", "start_date": "2024-01-01", "end_date": "2024-12-01"}
        answer = api.post("/api/tickscrawler/crawl?wait=60", json=crawl)
        assert (answer.status_code, answer.json()["result"]["records"]) == (200, 335)
        run = {"algorithm_id": "momentum_strategy"}
        run |= {"parameters": {"symbol": "SIM1/USD", "period": 14}}  # type: ignore[dict-item]
        answer = api.post("/api/algorunner/run?wait=60", json=run)
        assert (answer.status_code, answer.json()["result"]["status"]) == (200, "completed")
