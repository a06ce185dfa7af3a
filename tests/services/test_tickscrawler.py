"""The crawler as a service: crawls, what they give, what goes wrong on the way."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.testclient import TestClient

from filings.machine import until
from market.vendors import BinanceServer, trade
from raymill import config
from raymill.app.workflows import Workflows
from raymill.services.tickscrawler import Tickscrawler
from raymill.state.owner import alive
from raymill.testing.replay import Recorded, ReplayServer
from services.conftest import Served

CRAWL = "/api/tickscrawler/crawl"
Vendor = Callable[..., ReplayServer]


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """Gives a function that has a server stand in the place of Binance."""
    with ExitStack() as stack:

        def stand_in(*routes: Any) -> ReplayServer:
            server = stack.enter_context(ReplayServer(*routes))
            monkeypatch.setenv("RAYMILL_MARKET_BINANCE_URL", server.url)
            config.reset()
            return server

        yield stand_in


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy is no source that is slow."""
    monkeypatch.setenv("RAYMILL_TICKSCRAWLER_UPSTREAM_S", "60")


@pytest.fixture
def client(idle: None, served: Served) -> TestClient:
    """The service without an orchestrator."""
    return served(Tickscrawler)


def _asked(**given: Any) -> dict[str, Any]:
    return {"source_id": "simulated", "symbols": ["SIM1/USD"], **given}


def test_a_crawl_gives_the_newest_trades_of_an_exchange(served: Served, vendor: Vendor) -> None:
    server = vendor(BinanceNewest(trades=[trade(n, 1_704_067_200_000 + 40 * n) for n in range(7)]))
    client = served(Tickscrawler)
    asked = {"source_id": "binance", "symbols": ["BTCUSDT"], "data_type": "ticks", "limit": 3}
    answer = client.post(CRAWL, json=asked)
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    assert (result["source"], result["status"], result["total_records"]) == (
        "Binance",
        "completed",
        3,
    )
    assert result["data"][0] == {
        "symbol": "BTCUSDT",
        "timestamp": "2024-01-01T00:00:00.16Z",
        "price": 100.0,
        "volume": 1.0,
        "bid": None,
        "ask": None,
        "source": "binance",
    }
    assert [path.partition("?")[0] for path in server.paths()] == [
        "/api/v3/exchangeInfo",
        "/api/v3/aggTrades",
    ]
    shown = client.get(f"/api/tickscrawler/crawls/{result['crawl_id']}").json()["result"]
    assert shown["data"] == result["data"]


class BinanceNewest(BinanceServer):
    """Also tells the newest trades where no time and no number is asked for."""

    def _aggTrades(self, given: Any) -> Any:  # noqa: N802
        if "fromId" in given or "startTime" in given:
            return super()._aggTrades(given)
        return self.trades[-int(given["limit"]) :]


def test_more_trades_than_a_page_holds_are_asked_for_backwards(
    served: Served, vendor: Vendor
) -> None:
    trades = [trade(n, 1_704_067_200_000 + 40 * n) for n in range(2600)]
    vendor(BinanceNewest(trades=trades, budget=1e6, stated=1_000_000))
    client = served(Tickscrawler)
    asked = {"source_id": "binance", "symbols": ["BTC/USDT"], "data_type": "trades"}
    result = client.post(CRAWL, json=asked | {"limit": 2500}).json()["result"]
    assert [row["trade_id"] for row in result["data"]] == list(range(100, 2600))


@pytest.mark.parametrize(
    ("data_type", "columns"),
    [
        ("ticks", {"price", "volume", "bid", "ask"}),
        ("trades", {"price", "volume", "side", "trade_id"}),
        ("quotes", {"bid", "bid_size", "ask", "ask_size"}),
        ("ohlc", {"open", "high", "low", "close", "volume", "closed", "adj"}),
    ],
)
def test_each_type_of_data_has_rows_of_its_own(
    client: TestClient, data_type: str, columns: set[str]
) -> None:
    result = client.post(CRAWL, json=_asked(data_type=data_type, limit=5)).json()["result"]
    assert result["simulated"] is True
    assert len(result["data"]) == result["records"] == 5
    assert set(result["data"][0]) == {"symbol", "timestamp", "source", *columns}
    times = [row["timestamp"] for row in result["data"]]
    assert times == sorted(times)


def test_a_crawl_that_is_not_waited_for_is_pointed_to_listed_and_stopped(
    client: TestClient,
) -> None:
    answer = client.post(f"{CRAWL}?wait=0", json=_asked())
    assert answer.status_code == 202
    place = answer.headers["location"]
    assert client.get(place).json()["result"]["status"] == "running"
    listed = client.get("/api/tickscrawler/crawls").json()["result"]
    assert [one["status"] for one in listed["crawls"]] == ["running"]
    assert listed["counts"]["running"] == 1
    assert client.get("/api/tickscrawler/status").json()["data"]["total_crawls"] == 1
    for _ in range(2):
        assert client.post(f"{place}/stop").json()["result"]["status"] == "stopped"
    events = client.get(f"{place}/events").text
    assert events.startswith("event: end\n")
    assert '"status":"stopped"' in events


@pytest.mark.system
def test_a_range_is_completed_by_a_run_and_its_first_records_come(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_WORKFLOWS_IDLE_S", "0.2")
    config.reset()
    client = served(Tickscrawler)
    days = {"start_date": "2024-01-01", "end_date": "2024-01-03", "interval": "1h"}
    asked = _asked(data_type="ohlc", symbols=["SIM1/USD", "SIM2USD"], limit=2, **days)
    answer = client.post(f"{CRAWL}?wait=60", json=asked)
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    assert [(row["symbol"], row["timestamp"][:13]) for row in result["data"]] == [
        ("SIM1/USD", "2024-01-01T00"),
        ("SIM1/USD", "2024-01-01T01"),
        ("SIM2USD", "2024-01-01T00"),
        ("SIM2USD", "2024-01-01T01"),
    ]
    assert result["records"] == 96
    events = client.get(f"/api/tickscrawler/crawls/{result['crawl_id']}/events").text
    assert events.startswith("event: end\n")
    with Workflows() as workflows:
        until(lambda: workflows.store.holder(time.time(), alive) is None, "the orchestrator's end")


def test_events_of_a_crawl_are_not_told_twice(client: TestClient) -> None:
    result = client.post(CRAWL, json=_asked()).json()["result"]
    place = f"/api/tickscrawler/crawls/{result['crawl_id']}/events"
    text = client.get(place).text
    last = text.rpartition("id: ")[2].strip()
    assert client.get(place, headers={"Last-Event-ID": last}).text == ""


@pytest.mark.usefixtures("idle")
def test_no_more_crawls_run_than_may(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKSCRAWLER_MAX_CRAWLS", "1")
    client = served(Tickscrawler)
    first = client.post(f"{CRAWL}?wait=0", json=_asked())
    assert first.status_code == 202
    second = client.post(CRAWL, json=_asked())
    assert (second.status_code, second.headers["retry-after"]) == (429, "5")
    client.post(f"{first.headers['location']}/stop")
    assert client.post(CRAWL, json=_asked()).status_code == 200


def test_an_exchange_that_cannot_be_reached_is_a_502(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ReplayServer() as gone:
        monkeypatch.setenv("RAYMILL_MARKET_BINANCE_URL", gone.url)
        config.reset()
    client = served(Tickscrawler)
    asked = {"source_id": "binance", "symbols": ["BTCUSDT"]}
    answer = client.post(CRAWL, json=asked)
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_exchange_that_is_silent_is_a_504(
    served: Served, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_TICKSCRAWLER_UPSTREAM_S", "0.2")
    vendor(lambda asked: Recorded(body=b"[]", stalls=True))
    answer = served(Tickscrawler).post(CRAWL, json={"source_id": "binance", "symbols": ["BTCUSDT"]})
    assert answer.status_code == 504
    assert answer.json()["detail"] == "`binance` does not answer within 0.2 s"


@pytest.mark.parametrize(
    ("given", "status", "path"),
    [
        ({"source_id": "simulate"}, 404, ""),
        ({"symbols": []}, 422, "symbols"),
        ({"symbols": ["SIM1/USD", "SIM99/USD"]}, 422, "symbols[1]"),
        ({"data_type": "tick"}, 422, "data_type"),
        ({"limit": 0}, 422, "limit"),
        ({"interval": "1h"}, 422, "interval"),
        ({"data_type": "ohlc", "interval": "7m"}, 422, "interval"),
        ({"end_date": "2024-01-01"}, 422, "start_date"),
        ({"start_date": "2024-01-02", "end_date": "2024-01-01"}, 422, "end_date"),
        ({"start_date": "yesterday"}, 422, "start_date"),
        ({"source_id": "alpha_vantage"}, 422, "data_type"),
        ({"symbol": "SIM1/USD"}, 422, "symbol"),
    ],
)
def test_what_cannot_be_crawled_is_refused_with_its_path(
    client: TestClient, given: dict[str, Any], status: int, path: str
) -> None:
    answer = client.post(CRAWL, json=_asked(**given))
    assert answer.status_code == status, answer.text
    assert [one["path"] for one in answer.json()["errors"]] == ([path] if path else [])


def test_a_wait_beyond_the_longest_is_refused(client: TestClient) -> None:
    for wait in ("-1", "1e9", "nan"):
        answer = client.post(f"{CRAWL}?wait={wait}", json=_asked())
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "wait")


def test_a_disabled_source_is_none(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINANCE_ENABLED", "false")
    client = served(Tickscrawler)
    sources = {one["id"]: one for one in client.get("/api/tickscrawler/sources").json()["sources"]}
    assert "binance" not in sources
    assert sources["simulated"]["simulated"] is True
    assert sources["forex_api"]["supported_symbols"] == ["EURUSD", "GBPUSD", "USDJPY", "AUDUSD"]
    asked = {"source_id": "binance", "symbols": ["BTCUSDT"]}
    assert client.post(CRAWL, json=asked).status_code == 404
