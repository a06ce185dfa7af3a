"""Streams over HTTP: begun once, looked at, their records over a websocket, stopped."""

import asyncio
import threading
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import pytest
from starlette.testclient import TestClient

from raymill import config
from raymill.app.market.streaming import run
from raymill.app.market.tail import Tail
from raymill.app.workflows import Workflows
from raymill.errors import StoreUnavailable
from raymill.flow.pool import StepContext
from raymill.services.tickscrawler import Tickscrawler
from services.conftest import Served

START, STREAMS = "/api/tickscrawler/stream", "/api/tickscrawler/streams"


@pytest.fixture
def client(idle: None, served: Served, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The service without an orchestrator: nobody owns a stream unless a test does."""
    monkeypatch.setenv("RAYMILL_MARKET_LIVE_FLUSH_S", "0.1")
    monkeypatch.setenv("RAYMILL_MARKET_LIVE_STATUS_S", "0.1")
    monkeypatch.setenv("TICKSCRAWLER_MAX_STREAMS", "2")
    monkeypatch.setenv("RAYMILL_TICKSCRAWLER_UPSTREAM_S", "60")
    config.reset()
    return served(Tickscrawler)


@pytest.fixture
def owner() -> Iterator[Any]:
    """Gives a function that owns a stream in a thread, as a worker would."""
    threads = []

    def own(stream: str) -> None:
        with Workflows() as workflows:
            given = workflows.run(stream).input
        work = run(given, StepContext(stream))
        threads.append(threading.Thread(target=lambda: asyncio.run(work)))  # type: ignore[arg-type]
        threads[-1].start()

    yield own
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def _asked(**given: Any) -> dict[str, Any]:
    about = {"symbols": ["SIM1/USD"], "start_date": "2024-01-01", "speed": 60.0}
    return {"source": "simulated", "stream_type": "trades", **about, **given}


def test_records_come_over_a_websocket_until_the_stream_is_stopped(
    client: TestClient, owner: Any
) -> None:
    answer = client.post(START, json=_asked())
    assert answer.status_code == 201, answer.text
    stream = answer.json()["result"]
    name = stream["stream_id"]
    assert (stream["status"], stream["source"], stream["is_new"]) == ("started", "Simulated", True)
    assert stream["websocket_url"] == f"ws://{client.base_url.netloc.decode()}{STREAMS}/{name}/ws"
    with client.websocket_connect(f"{STREAMS}/{name}/ws") as socket:
        assert socket.receive_json()["type"] == "stream"
        owner(name)
        records = list[dict[str, Any]]()
        while len(records) < 30:
            if (message := socket.receive_json())["type"] == "record":
                records.append(message)
    numbers = [record["trade_id"] for record in records]
    assert numbers == list(range(numbers[0], numbers[0] + 30))
    assert records[0]["timestamp"] == "2024-01-01T00:00:00Z"
    stopped = client.delete(f"{START}/{name}?wait=60").json()["result"]
    assert (stopped["status"], stopped["gaps_found"]) == ("stopped", 0)
    assert stopped["messages_received"] >= stopped["rows_written"] >= 30
    assert client.delete(f"{START}/{name}").json()["result"] == stopped
    events = client.get(f"{STREAMS}/{name}/events").text
    assert events.startswith("event: end\n")
    with client.websocket_connect(f"{STREAMS}/{name}/ws") as socket:
        assert socket.receive_json()["status"] == "stopped"
        assert socket.receive()["code"] == 1000


@pytest.mark.in_process(reason="breaks what the service reads with")
def test_a_store_that_goes_away_for_a_moment_costs_a_listener_nothing(
    client: TestClient, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, reads = Tail.next, count()

    def breaking(self: Tail) -> Iterator[Any]:
        if next(reads) % 2:
            yield from usual(self)
            return
        yield from islice(usual(self), 3)
        raise StoreUnavailable("gone")

    monkeypatch.setattr(Tail, "next", breaking)
    name = client.post(START, json=_asked()).json()["result"]["stream_id"]
    numbers = list[int]()
    with client.websocket_connect(f"{STREAMS}/{name}/ws") as socket:
        owner(name)
        while len(numbers) < 30:
            if (message := socket.receive_json())["type"] == "record":
                numbers.append(message["trade_id"])
    assert numbers == list(range(numbers[0], numbers[0] + 30))
    assert next(reads) >= 2
    assert client.delete(f"{START}/{name}?wait=60").status_code == 200


def test_the_same_stream_is_begun_once(client: TestClient) -> None:
    first, second = (client.post(START, json=_asked()).json()["result"] for _ in range(2))
    assert (first["is_new"], second["is_new"]) == (True, False)
    assert first["stream_id"] == second["stream_id"]
    listed = client.get(STREAMS).json()["result"]
    assert [one["stream_id"] for one in listed["streams"]] == [first["stream_id"]]
    assert listed["active"] == 1
    assert client.get("/api/tickscrawler/status").json()["data"]["active_streams"] == 1


def test_no_more_streams_run_than_may(client: TestClient) -> None:
    for symbol in ("SIM1/USD", "SIM2/USD"):
        assert client.post(START, json=_asked(symbols=[symbol])).status_code == 201
    refused = client.post(START, json=_asked(symbols=["SIM3/USD"]))
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    assert client.post(START, json=_asked()).status_code == 201  # the same as the first


def test_a_stream_that_nobody_has_stopped_yet_is_stopping(client: TestClient) -> None:
    name = client.post(START, json=_asked()).json()["result"]["stream_id"]
    answer = client.delete(f"{START}/{name}?wait=0")
    assert (answer.status_code, answer.headers["location"]) == (202, f"{STREAMS}/{name}")
    assert answer.json()["result"]["status"] == "stopping"
    assert client.get(f"{STREAMS}/{name}").json()["result"]["status"] == "stopping"
    assert client.get(f"{STREAMS}/{name}/gaps").json()["gaps"] == []


def test_a_stream_is_named_by_the_address_that_clients_know(
    idle: None, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_SERVE_URL", "https://api.example.org/")
    config.reset()
    made = served(Tickscrawler).post(START, json=_asked()).json()["result"]
    assert made["websocket_url"] == f"wss://api.example.org{STREAMS}/{made['stream_id']}/ws"


@pytest.mark.parametrize(
    ("given", "status", "path"),
    [
        ({"source": "simulate"}, 404, ""),
        ({"symbols": []}, 422, "symbols"),
        ({"symbols": ["NOPE"]}, 422, ""),
        ({"stream_type": "news"}, 422, "stream_type"),
        ({"stream_type": "book"}, 422, ""),
        ({"start_date": "soon"}, 422, "start_date"),
        ({"speed": 0}, 422, "speed"),
        ({"symbol": "SIM1/USD"}, 422, "symbol"),
    ],
)
def test_what_cannot_be_streamed_is_refused(
    client: TestClient, given: dict[str, Any], status: int, path: str
) -> None:
    answer = client.post(START, json=_asked(**given))
    assert answer.status_code == status, answer.text
    assert [one["path"] for one in answer.json()["errors"]] == ([path] if path else [])


def test_a_stream_that_there_is_none_of_is_a_404(client: TestClient) -> None:
    assert client.delete(f"{START}/nope").status_code == 404
    for path in ("", "/events", "/gaps"):
        assert client.get(f"{STREAMS}/nope{path}").status_code == 404
