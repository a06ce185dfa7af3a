"""Runs and streams behind the API, while replicas that took them are killed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from raymill import config
from raymill.app.market.imports import import_file
from raymill.app.workflows import Workflows
from raymill.config import process
from raymill.services.service import kinds
from raymill.state.owner import alive
from services.on_ray.conftest import LIMIT_S, Host
from services.on_ray.test_faults import ROUTER, processes, running_replicas, until

pytestmark = [pytest.mark.ray, pytest.mark.slow]

BARS = "date,open,high,low,close,volume\n" + "".join(
    f"2020-01-{day:02},{price},{price},{price},{price},100\n"
    for day, price in enumerate((10, 10, 10, 8, 9, 11, 12, 13, 11, 9, 9, 10), start=6)
)
CROSS = {"algorithm_id": "sma_cross", "parameters": {"fast": 1, "slow": 2}, "symbols": ["ABC"]}
TRADES = {
    "source": "simulated",
    "stream_type": "trades",
    "symbols": ["SIM1/USD"],
    "start_date": "2024-01-01",
    "speed": 60.0,
}
REPLICA = f"ray::ServeReplica:raymill:{ROUTER}"


class Api:
    """An API that is asked while replicas of it are killed: reads are tried again, writes not."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def get(self, path: str) -> Any:
        """What a read gives."""
        found = list[Any]()

        def is_answered() -> bool:
            try:
                answer = self._http.get(path)
            except httpx2.TransportError:
                return False
            found.append(answer.json())
            return answer.status_code == 200

        until(is_answered, path)
        return found[-1]["result"]

    def post(self, path: str, body: Any) -> Any:
        """What a write gives; None where nobody knows what became of it."""
        try:
            answer = self._http.post(path, json=body)
        except httpx2.TransportError:
            return None
        return answer.json()["result"] if answer.status_code < 300 else None

    def delete(self, path: str) -> Any:
        """What a deletion gives."""
        return self._http.delete(path).json()["result"]


@pytest.fixture
def api(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Two replicas with all services, over bars of ABC; the orchestrator leaves at the end."""
    given = {"RAYMILL_WORKFLOWS_IDLE_S": "2", "RAYMILL_MARKET_LIVE_FLUSH_S": "0.1"}
    given |= {"ALGORUNNER_MAX_CONCURRENT": "100", "RAYMILL_MARKET_LIVE_STATUS_S": "0.1"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    config.reset()
    (tmp_path / "ABC.csv").write_text(BARS)
    import_file(tmp_path / "ABC.csv", "bar")
    address = host.serve(kinds(), 2, process.given_on())
    with httpx2.Client(base_url=f"{address}/api", timeout=LIMIT_S) as http:
        yield Api(http)
    starting = tmp_path / "home" / "orchestrator.starting"
    until(lambda: not starting.exists() or not alive(starting.read_text()), "its end")


def kill_a_replica() -> None:
    """Kill one, and wait until there is another."""
    before = processes(REPLICA)
    os.kill(min(before), signal.SIGKILL)
    until(lambda: len(processes(REPLICA) - before) == 1, "a new one")
    until(lambda: running_replicas(ROUTER) == 2, "two replicas again")


def test_what_was_accepted_ends_once_and_streams_go_on_while_replicas_are_killed(api: Api) -> None:
    stream = api.post("/tickscrawler/stream", TRADES)["stream_id"]
    until(lambda: api.get(f"/tickscrawler/streams/{stream}")["rows_written"] > 0, "records")
    accepted = set[str]()
    for number in range(24):
        if number in (4, 12):  # both that were there at first
            kill_a_replica()
        if ran := api.post("/algorunner/run", CROSS):
            accepted.add(ran["execution_id"])
    assert len(accepted) >= 22

    def states() -> dict[str, str]:
        found = api.get("/algorunner/executions?limit=100")["executions"]
        return {one["execution_id"]: one["status"] for one in found}

    until(lambda: set(states().values()) == {"completed"}, "the end of all")
    assert accepted <= set(states())
    assert len(states()) <= 24
    with Workflows() as workflows:
        for id_ in accepted:
            steps = workflows.show(id_).steps
            assert [(one.status, one.attempt) for one in steps] == [("done", 1)]
    seen = api.get(f"/tickscrawler/streams/{stream}")["rows_written"]
    until(lambda: api.get(f"/tickscrawler/streams/{stream}")["rows_written"] > seen, "more")
    stopped = api.delete(f"/tickscrawler/stream/{stream}?wait=60")
    assert (stopped["status"], stopped["gaps_found"]) == ("stopped", 0)
