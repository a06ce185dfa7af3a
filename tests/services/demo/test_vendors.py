"""The demo's vendors, asked by the sources that ask the real ones."""

import time
from itertools import count
from typing import Any

import pytest
from starlette.testclient import TestClient

from raymill import json
from raymill.market.instrument import Instrument
from raymill.market.interval import DAY_US, HOUR_US
from raymill.market.schemas import Kind
from raymill.market.sources.alpha_vantage import AlphaVantage
from raymill.market.sources.binance import Binance
from raymill.market.sources.contract import PageRequest, Source
from raymill.market.sources.forex_api import ForexApi
from raymill.market.sources.yahoo_finance import YahooFinance
from raymill.services.demo.vendors import vendors
from raymill.testing.market import Answers, check_pages

HOST = "http://testserver"
NOW_US = int(time.time()) * 1_000_000
TODAY_US = NOW_US // DAY_US * DAY_US
SOURCES: dict[str, Source] = {
    "binance": Binance(f"{HOST}/binance"),
    "yahoo_finance": YahooFinance(f"{HOST}/yahoo", f"{HOST}/yahoo"),
    "alpha_vantage": AlphaVantage(f"{HOST}/alpha_vantage", "key"),
    "forex_api": ForexApi(f"{HOST}/alpha_vantage", "key"),
}
SYMBOLS = {
    "binance": "BTCUSDT",
    "yahoo_finance": "^GSPC",
    "alpha_vantage": "AAPL",
    "forex_api": "EURUSD",
}


@pytest.fixture(scope="module")
def client() -> TestClient:
    """A client of all vendors."""
    return TestClient(vendors(), follow_redirects=False)


@pytest.fixture(scope="module")
def fetch(client: TestClient) -> Answers:
    """The way out of a source, to them."""
    return Answers(lambda url: client.get(url.removeprefix(HOST)).content)


def named(source: Source, fetch: Answers) -> Instrument:
    """The instrument of a source that these tests ask for."""
    found = source.instruments(fetch, [SYMBOLS[source.id]]).instruments
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize(("every", "days"), [("1d", 9), ("15m", 4)])
def test_bars_of_every_vendor_are_what_their_source_promises(
    fetch: Answers, name: str, every: str, days: int
) -> None:
    source = SOURCES[name]
    begin_us = TODAY_US - days * DAY_US
    asked = PageRequest(named(source, fetch), "bar", begin_us, TODAY_US, NOW_US, every)
    rows = check_pages(source, asked, fetch)
    assert rows.num_rows > 0
    for low, open_, close, high in zip(
        *(rows[column].to_pylist() for column in ("low", "open", "close", "high")), strict=True
    ):
        assert 0 < low <= min(open_, close) <= max(open_, close) <= high


def test_trades_of_binance_have_numbers_without_gaps(fetch: Answers) -> None:
    source = SOURCES["binance"]
    begin_us = TODAY_US - 2 * HOUR_US
    asked = PageRequest(named(source, fetch), "trade", begin_us, TODAY_US, NOW_US)
    numbers = check_pages(source, asked, fetch)["trade_id"].to_pylist()
    assert numbers == list(range(numbers[0], numbers[0] + 1440))  # one each five seconds


@pytest.mark.parametrize("name", ["binance", "yahoo_finance", "forex_api"])
def test_a_quote_has_its_bid_below_its_ask(fetch: Answers, name: str) -> None:
    source = SOURCES[name]
    kind: Kind = "quote"
    page = source.page(PageRequest(named(source, fetch), kind, NOW_US, NOW_US, NOW_US), fetch)
    assert page.records["bid"][0].as_py() < page.records["ask"][0].as_py()


def test_the_combined_stream_confirms_what_is_subscribed_and_tells_trades(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = count(1000)  # each time that it looks there is another trade
    monkeypatch.setattr("raymill.services.demo.binance.last_number", lambda: next(numbers))
    with client.websocket_connect("/binance/stream") as socket:
        wanted = ["btcusdt@aggTrade"]
        socket.send_text(json.dumps({"method": "SUBSCRIBE", "params": wanted, "id": 7}).decode())
        heard: list[dict[str, Any]] = [json.loads(socket.receive_text()) for _ in range(3)]
    assert heard[0] == {"result": None, "id": 7}
    first, second = (one["data"] for one in heard[1:])
    assert (first["e"], first["s"]) == ("aggTrade", "BTCUSDT")
    assert second["a"] == first["a"] + 1


def test_an_unknown_symbol_is_refused_as_the_vendor_does(client: TestClient) -> None:
    answer = client.get("/binance/api/v3/klines?symbol=NOPE&interval=1d")
    assert (answer.status_code, answer.json()["code"]) == (400, -1121)
    assert client.get("/yahoo/v8/finance/chart/NOPE").status_code == 404
    text = client.get("/alpha_vantage/query?function=TIME_SERIES_DAILY&symbol=NOPE&apikey=k").text
    assert "Error Message" in text
