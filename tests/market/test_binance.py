"""Binance: what it answers as records, what its refusals mean, what it asks for."""

from pathlib import Path
from typing import Any

import pytest

from market.asking import cases, judged, request
from market.vendors import BEGIN_MS, MINUTE_MS, kline, symbol, trade
from raymill import json
from raymill.errors import RaymillError
from raymill.market.moments import micros
from raymill.market.sources.binance import Binance
from raymill.net import Head
from raymill.testing import Answers


@pytest.fixture
def rest(shared_data: Path) -> Path:
    return shared_data / "market" / "binance" / "rest"


def test_klines_are_bars_and_the_last_of_them_may_be_open() -> None:
    fetch = Answers([kline(BEGIN_MS), kline(BEGIN_MS + MINUTE_MS)])
    now = (BEGIN_MS + 2 * MINUTE_MS - 1) * 1000  # a millisecond before the second one ends
    page = Binance().page(request("2024-01-01", "2024-01-02", interval="1m", now=now), fetch)
    first, second = page.records.to_pylist()
    assert (first["open"], first["high"], first["low"], first["close"]) == (100, 101, 99, 100.5)
    assert (first["volume"], first["quote_volume"], first["trades"]) == (3.0, 301.5, 7)
    assert first["vwap"] == 100.5
    assert (first["instrument_id"], first["interval"], first["adj"]) == (7, "1m", "raw")
    assert first["source"] == "binance"
    assert (first["closed"], second["closed"]) == (True, False)
    assert page.complete_us == (BEGIN_MS + MINUTE_MS) * 1000
    assert page.next_cursor is None


def test_the_end_of_a_range_is_inclusive_at_the_venue_and_not_here() -> None:
    fetch = Answers([])
    Binance().page(request("2024-01-01", "2024-01-02", interval="1h"), fetch)
    assert "startTime=1704067200000&endTime=1704153599999" in fetch.urls[0]
    assert fetch.weights == [2.0]


def test_a_full_page_goes_on_behind_its_last_bar() -> None:
    fetch = Answers([kline(BEGIN_MS + n * MINUTE_MS) for n in range(3)])
    asked = request("2024-01-01", "2024-01-02", interval="1m", limit=3)
    page = Binance().page(asked, fetch)
    next_us = (BEGIN_MS + 3 * MINUTE_MS) * 1000
    assert (page.next_cursor, page.complete_us) == (str(next_us), next_us)


def test_months_are_as_long_as_they_are() -> None:
    rows = [kline(1_706_745_600_000, 29 * 86_400_000)]  # February 2024
    asked = request("2024-02-01", "2025-01-01", interval="1M", limit=1)
    page = Binance().page(asked, Answers(rows))
    assert page.next_cursor == str(micros("2024-03-01"))


def test_a_trade_tells_who_was_the_taker() -> None:
    fetch = Answers([trade(4, BEGIN_MS), trade(5, BEGIN_MS + 1)])
    page = Binance().page(request("2024-01-01", "2024-01-02", kind="trade"), fetch)
    assert page.records["trade_id"].to_pylist() == [4, 5]
    assert page.records["side"].to_pylist() == [-1, 1]  # the buyer was the maker of number 4
    assert page.next_cursor == "id:6"
    assert page.complete_us == (BEGIN_MS + 1) * 1000  # more may lie in that millisecond


def test_trades_behind_the_end_are_left_out_and_end_the_range() -> None:
    rows = [trade(n, BEGIN_MS + n * 1000) for n in range(4)]
    asked = request("2024-01-01", "2024-01-01T00:00:02Z", kind="trade", cursor="id:0")
    page = Binance().page(asked, Answers(rows))
    assert page.records["trade_id"].to_pylist() == [0, 1]
    assert (page.next_cursor, page.complete_us) == (None, micros("2024-01-01T00:00:02Z"))


def test_what_the_last_seconds_brought_may_not_be_told_yet() -> None:
    now = (BEGIN_MS + 10_000) * 1000
    asked = request("2024-01-01", "2024-01-02", kind="trade", cursor="id:0", now=now)
    page = Binance().page(asked, Answers([trade(0, BEGIN_MS)]))
    assert page.complete_us == now - 5_000_000


def test_instruments_and_limits_come_from_the_venue() -> None:
    paused = {**symbol("ETHUSDT"), "status": "BREAK"}
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
    info = {"symbols": [symbol("BTCUSDT"), paused], "rateLimits": [{**limit, "limit": 6000}]}
    listing = Binance().instruments(Answers(info))
    first, second = listing.instruments
    assert (first.symbol, first.venue_symbol, first.status) == ("BTC/USDT", "BTCUSDT", "active")
    assert (first.tick_size, first.step_size) == ("0.01000000", "0.00001000")
    assert second.status == "halted"
    rule = listing.limits[0]
    assert (rule.name, rule.count, rule.per_s) == ("weight", 4800.0, 60.0)  # 80 %


@pytest.mark.parametrize(
    ("status", "headers", "body", "fault", "wait_s"),
    [
        (400, {}, {"code": -1121, "msg": "Invalid symbol."}, "unknown_symbol", None),
        (400, {}, {"code": -1100, "msg": "Illegal characters"}, "permanent", None),
        (400, {}, {"code": -1021, "msg": "outside of the recvWindow"}, "clock", None),
        (400, {}, {"code": -1127, "msg": "More than 24 hours"}, "range_too_long", None),
        (429, {"Retry-After": "2"}, {"code": -1003, "msg": "Too much"}, "rate_limited", 2.0),
        (418, {"Retry-After": "120"}, {"code": -1003, "msg": "banned"}, "banned", 120.0),
        (
            418,
            {},
            {"code": -1003, "msg": "IP banned until 1700000600000. Please"},
            "banned",
            600.0,
        ),
        (503, {}, "<html>503</html>", "transient", None),
        (200, {}, "<html>A page</html>", "transient", None),
        (451, {}, {"code": 0, "msg": "restricted location"}, "permanent", None),
    ],
)
def test_what_a_refusal_means(
    status: int, headers: dict[str, str], body: Any, fault: str, wait_s: float | None
) -> None:
    found = judged(Binance(), {"status": status, "headers": headers, "body": body})
    assert (found.fault, found.wait_s) == (fault, wait_s)


def test_the_recorded_refusals_are_understood(shared_data: Path) -> None:
    for case in cases(shared_data, "binance/rest"):
        found = judged(Binance(), case)
        wanted = {"empty_page": ""}.get(case["class"], case["class"])
        if "Invalid symbol" in str(case["body"]):
            wanted = "unknown_symbol"  # which is permanent, and more
        assert found.fault == wanted, case


def test_what_is_used_up_is_read_from_the_answer() -> None:
    assert Binance().used(Head(200, {"x-mbx-used-weight-1m": "310"})) == {"weight": 310.0}
    assert Binance().used(Head(200, {})) == {}


def test_an_answer_that_is_cut_is_tried_again() -> None:
    with pytest.raises(RaymillError) as found:
        Binance().page(request("2024-01-01", "2024-01-02", interval="1m"), Answers(b"[[1,"))
    assert found.value.details["fault"] == "transient"


def test_the_recorded_pages_are_whole_bars(rest: Path) -> None:
    found = json.loads((rest / "klines_BTCUSDT_1h_2020-05.json").read_bytes())
    asked = request("2020-04-30T21:00Z", "2020-06-01", interval="1h")
    page = Binance().page(asked, Answers(found))
    rows = page.records.to_pylist()
    assert len(rows) == len(found)
    first = rows[0]
    assert (first["open"], first["close"], first["trades"]) == (8819.15, 8761.92, 34467)
    assert first["ts"].isoformat() == "2020-04-30T21:00:00+00:00"
    assert all(row["closed"] for row in rows)


def test_the_recorded_trades_are_whole(rest: Path) -> None:
    found = json.loads((rest / "aggTrades_BTCUSDT_page.json").read_bytes())
    asked = request("2020-01-02", "2020-01-03", kind="trade")
    page = Binance().page(asked, Answers(found))
    ids = page.records["trade_id"].to_pylist()
    assert ids == list(range(202790190, 202790190 + len(found)))
    assert page.records["price"][0].as_py() == 7139.89
    assert page.records["side"].to_pylist()[:3] == [1, 1, -1]


def test_the_recorded_instruments_are_whole(rest: Path) -> None:
    info = json.loads((rest / "exchangeInfo_2021-10-12.json").read_bytes())
    listing = Binance().instruments(Answers(info))
    by_symbol = {one.venue_symbol: one for one in listing.instruments}
    assert by_symbol["BCCBTC"].status == "halted"  # BREAK
    assert by_symbol["ETHBTC"].tick_size == "0.00000100"
    assert [(rule.name, rule.count) for rule in listing.limits] == [
        ("weight", 960.0),
        ("requests", 4880.0),
    ]


def test_the_recorded_book_quote_day_and_single_trades(rest: Path) -> None:
    def body(name: str) -> Answers:
        return Answers((rest / name).read_bytes())

    source, one = Binance(), request("2024-01-01", "2024-01-02").instrument
    book = source.book(one, body("depth_BTCUSDT.json"))
    assert book.asks[0] == (32085.66, 2.048437)
    assert book.bids[0][0] < book.asks[0][0]
    asked = request("2024-01-01", "2024-01-02", kind="quote")
    quote = source.page(asked, body("bookTicker_BTCUSDT.json")).records.to_pylist()[0]
    assert (quote["bid"], quote["ask"], quote["bid_size"]) == (6621.55, 6622.1, 0.16356700)
    day = source.day(one, body("ticker24hr_one.json"))
    assert (day["close"], day["trades"]) == (6705.82, 554428)
    trades = source.recent_trades(one, body("trades_ETHBTC.json"))
    assert trades["trade_id"][0].as_py() == 409018748
    assert trades["side"][0].as_py() == 1  # the buyer was not the maker
