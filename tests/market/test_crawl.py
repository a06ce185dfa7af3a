"""Crawls: holes are fetched and nothing else, records and their coverage are one commit."""

from pathlib import Path
from typing import Any

import pytest

from market.crawling import Rooms, rooms_at
from market.vendors import (
    BEGIN_MS,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    BinanceServer,
    kline,
    refused,
    trade,
)
from raymill.errors import InputError, SourceError
from raymill.market import notes
from raymill.market.coverage import Span
from raymill.market.moments import micros
from raymill.market.sources.binance import Binance
from raymill.testing.replay import DROPPED, Recorded

DAY_US = 86_400_000_000


def minutes(begin_ms: int, count: int) -> list[list[Any]]:
    return [kline(begin_ms + n * MINUTE_MS) for n in range(count)]


def at(text: str) -> int:
    return micros(text)


def test_a_crawl_completes_a_range_page_by_page(tmp_path: Path) -> None:
    vendor = BinanceServer(klines=minutes(BEGIN_MS, 2880))
    with rooms_at(tmp_path, Binance, vendor) as (rooms, server):
        asked = rooms.asked("BTC/USDT", "bar", "2024-01-01", "2024-01-03", "1m")
        done = rooms.crawl(asked)
        assert (done["rows"], done["new"], done["pages"]) == (2880, 2880, 3)
        assert rooms.coverage(asked) == [Span(at("2024-01-01"), at("2024-01-03"), "data")]
        held = rooms.held(asked)
        assert held.num_rows == 2880
        assert held["open"][0].as_py() == 100.0
        assert held["vwap"][0].as_py() == 100.5
        assert server.count() == 4  # exchangeInfo and three pages


def test_what_is_known_is_not_asked_for_again(tmp_path: Path) -> None:
    vendor = BinanceServer(klines=minutes(BEGIN_MS, 3 * 1440))
    with rooms_at(tmp_path, Binance, vendor) as (rooms, server):
        rooms.crawl(rooms.asked("BTC/USDT", "bar", "2024-01-02", "2024-01-03", "1m"), "one")
        before = server.count()
        whole = rooms.asked("BTC/USDT", "bar", "2024-01-01", "2024-01-04", "1m")
        done = rooms.crawl(whole, "two")
        asked = [path for path in server.paths()[before:] if "klines" in path]
        starts = [int(path.split("startTime=")[1].split("&")[0]) for path in asked]
        day = range(BEGIN_MS + DAY_MS, BEGIN_MS + 2 * DAY_MS)
        assert not [start for start in starts if start in day]
        assert done["new"] == 2880
        assert rooms.crawl(whole, "three")["pages"] == 0
        assert rooms.held(whole).num_rows == 3 * 1440


def test_trades_go_by_time_to_the_first_one_and_by_number_from_there(tmp_path: Path) -> None:
    vendor = BinanceServer(
        trades=[trade(n, BEGIN_MS + 90 * MINUTE_MS + n * 100) for n in range(2500)]
    )
    with rooms_at(tmp_path, Binance, vendor) as (rooms, server):
        asked = rooms.asked("BTC/USDT", "trade", "2024-01-01", "2024-01-01T06:00Z")
        done = rooms.crawl(asked)
        assert done["new"] == 2500
        held = rooms.held(asked)
        assert held["trade_id"].to_pylist() == list(range(2500))
        how = ["id" if "fromId" in path else "time" for path in server.paths()[1:]]
        # an hour without a trade; where is the first of all?; from there; then by number
        assert how == ["time", "id", "time", "id", "id"]


def test_before_the_listing_there_is_nothing_to_ask_for(tmp_path: Path) -> None:
    listed_ms = BEGIN_MS + 400 * HOUR_MS
    vendor = BinanceServer(trades=[trade(n, listed_ms + n * 1000) for n in range(10)])
    with rooms_at(tmp_path, Binance, vendor) as (rooms, server):
        asked = rooms.asked("BTC/USDT", "trade", "2024-01-01", "2024-01-18")
        rooms.crawl(asked)
        spans = rooms.coverage(asked)
        assert spans[0] == Span(at("2024-01-01"), listed_ms * 1000, "before_listing")
        assert server.count() < 8  # not one for each of 400 hours
        assert rooms.held(asked).num_rows == 10


def test_a_range_without_records_is_asked_twice_and_then_never_again(tmp_path: Path) -> None:
    vendor = BinanceServer()
    with rooms_at(tmp_path, Binance, vendor) as (rooms, server):
        asked = rooms.asked("BTC/USDT", "bar", "2024-01-01", "2024-01-02", "1m")
        counts = []
        for number, later in enumerate([0, 600, 3000, 7200, 7200]):
            rooms.watch.seconds += later
            rooms.crawl(asked, f"run {number}")
            counts.append(server.count())
        # 10 minutes later is too soon to believe it; an hour after the first answer is not
        assert counts == [2, 3, 4, 4, 4]
        assert rooms.coverage(asked) == [Span(at("2024-01-01"), at("2024-01-02"), "venue_empty")]


def test_bars_are_complete_up_to_the_one_that_is_under_way(tmp_path: Path) -> None:
    now = at("2024-03-01T00:00:30Z")
    vendor = BinanceServer(klines=minutes(BEGIN_MS + 60 * DAY_MS - 3 * MINUTE_MS, 4))
    with rooms_at(tmp_path, Binance, vendor) as (rooms, _):
        rooms.watch.seconds = now / 1e6
        asked = rooms.asked("BTC/USDT", "bar", "2024-02-29T23:57Z", "2024-03-01T00:01Z", "1m")
        rooms.crawl(asked)
        assert rooms.coverage(asked)[-1].end == at("2024-03-01")
        assert rooms.held(asked)["closed"].to_pylist() == [True, True, True, False]
        rooms.watch.seconds += 60
        rooms.crawl(asked, "later")
        assert rooms.coverage(asked)[-1].end == at("2024-03-01T00:01Z")
        assert rooms.held(asked)["closed"].to_pylist() == [True] * 4


def test_a_range_that_is_too_long_is_halved_until_it_is_taken(tmp_path: Path) -> None:
    vendor = BinanceServer(klines=minutes(BEGIN_MS, 1440))

    def strict(asked: Any) -> Recorded | None:
        if "klines" not in asked.path:
            return None
        first, last = (
            int(asked.path.split(f"{n}=")[1].split("&")[0]) for n in ("startTime", "endTime")
        )
        too_long = last - first >= 4 * HOUR_MS
        return (
            refused(400, -1127, "More than 4 hours between startTime and endTime.")
            if (too_long)
            else None
        )

    with rooms_at(tmp_path, Binance, strict, vendor) as (rooms, server):
        asked = rooms.asked("BTC/USDT", "bar", "2024-01-01", "2024-01-02", "1m")
        assert rooms.crawl(asked)["new"] == 1440
        assert server.statuses.count(400) == 3  # a day, 12 hours, 6 hours; 3 are taken


def test_a_symbol_that_the_vendor_refuses_fails_the_crawl_at_once(tmp_path: Path) -> None:
    vendor = BinanceServer(symbols=("BTCUSDT",))
    with rooms_at(tmp_path, Binance, vendor) as (rooms, server):
        asked = rooms.asked("BTC/USDT", "bar", "2024-01-01", "2024-01-02", "1m")
        vendor.symbols = ()
        with pytest.raises(InputError, match="Invalid symbol"):
            rooms.crawl(asked)
        assert server.count() == 2


def test_a_vendor_that_is_down_parks_the_crawl_and_keeps_what_was_done(tmp_path: Path) -> None:
    vendor = BinanceServer(klines=minutes(BEGIN_MS, 2880))
    down: list[bool] = []

    def failing(asked: Any) -> Recorded | None:
        return Recorded(503) if down and "klines" in asked.path else None

    with rooms_at(tmp_path, Binance, failing, vendor) as (rooms, _):
        asked = rooms.asked("BTC/USDT", "bar", "2024-01-01", "2024-01-03", "1m")
        rooms.crawl(rooms.asked("BTC/USDT", "bar", "2024-01-01", "2024-01-02", "1m"), "first")
        down.append(True)
        with pytest.raises(SourceError):
            rooms.crawl(asked)
        down.clear()
        rooms.watch.seconds += 900
        assert rooms.crawl(asked, attempt=2)["new"] == 1440


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(DROPPED, id="no answer at all"),
        pytest.param(Recorded(body=b"[" + b" " * 500, cut=100), id="an answer that breaks off"),
        pytest.param(Recorded(body=b"<html>A page</html>"), id="a page instead of data"),
        pytest.param(Recorded(502, b"<html>502</html>"), id="a bad gateway"),
        pytest.param(Recorded(body=b"[[1704067200000,"), id="JSON that breaks off"),
    ],
)
def test_an_answer_that_goes_wrong_is_asked_for_again(tmp_path: Path, fault: Recorded) -> None:
    vendor = BinanceServer(klines=minutes(BEGIN_MS, 1440))
    with rooms_at(tmp_path, Binance, vendor) as (rooms, server):
        asked = rooms.asked("BTC/USDT", "bar", "2024-01-01", "2024-01-02", "1m")
        server.next(None, fault)
        try:
            done = rooms.crawl(asked)
        except SourceError:  # a whole body that is no JSON: the orchestrator tries again
            done = rooms.crawl(asked, attempt=2)
        assert done["new"] == 1440
        assert rooms.held(asked).num_rows == 1440


def test_bars_that_the_vendor_spoils_are_set_aside_and_the_rest_is_stored(tmp_path: Path) -> None:
    rows = minutes(BEGIN_MS, 10)
    rows[3][3] = "999.0"  # a low above everything
    with rooms_at(tmp_path, Binance, BinanceServer(klines=rows)) as (rooms, _):
        asked = rooms.asked("BTC/USDT", "bar", "2024-01-01", "2024-01-01T00:10Z", "1m")
        done = rooms.crawl(asked)
        assert (done["new"], done["unsound"]) == (9, 1)
        with rooms.database.reading() as execute:
            (one,) = notes.quarantine(execute, asked.instrument_id)
        assert one.reason == "low is above open or close"
        assert one.record["low"] == 999.0


def test_a_segment_is_committed_as_soon_as_it_is_large_or_old(tmp_path: Path) -> None:
    vendor = BinanceServer(klines=minutes(BEGIN_MS, 5000))
    with rooms_at(tmp_path, Binance, vendor) as (rooms, _):
        asked = rooms.asked("BTC/USDT", "bar", "2024-01-01", "2024-01-04", "1m")
        rooms.crawl(asked, most_rows=1000)
        with rooms.database.reading() as execute:
            ((number,),) = execute("SELECT number FROM market_crawl WHERE run='run'")
        assert number == 5
        assert rooms.held(asked).num_rows == 4320


def crawled(rooms: Rooms) -> list[int]:
    asked = rooms.asked("BTC/USDT", "trade", "2024-01-01", "2024-01-02")
    rooms.crawl(asked, page_rows=4, most_rows=9)
    return [int(n) for n in rooms.held(asked)["trade_id"].to_pylist()]


def test_trades_of_one_millisecond_on_two_pages_are_all_there(tmp_path: Path) -> None:
    vendor = BinanceServer(trades=[trade(n, BEGIN_MS + n // 7) for n in range(50)])
    with rooms_at(tmp_path, Binance, vendor) as (rooms, _):
        assert crawled(rooms) == list(range(50))
