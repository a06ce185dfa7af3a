"""Quotes, bars and books of a stream, and how long they were under way."""

import pytest

from market.streams.rig import Rig, played, until
from market.streams.venue import Venue
from raymill.market.streams.stream import Stream

pytestmark = pytest.mark.system


def test_quotes_that_were_missed_leave_a_gap_with_its_times(rig: Rig, venue: Venue) -> None:
    rig.wanted = ("quotes",)

    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        venue.quote("BTCUSDT", 10)
        venue.quote("BTCUSDT", 10)
        venue.quote("BTCUSDT", 9)
        venue.quote("BTCUSDT", 12)
        await until(lambda: rig.told().rows == 2, "two rows")
        venue.drop()
        await until(lambda: venue.listening, "it again")
        venue.quote("BTCUSDT", 20)
        await until(lambda: rig.told().rows == 3, "three rows")

    played(rig, play)
    assert rig.stored("quote", "update_id", "bid", "ask") == [
        (10, 10, 11),
        (12, 12, 13),
        (20, 20, 21),
    ]
    (gap,) = rig.gaps()
    assert (gap.first, gap.state, gap.reason) == (None, "lost", "nobody listened")
    times = [int(at.timestamp() * 1e6) for at in rig.stored("quote", "ts")]
    assert gap.since_us == times[1]
    assert times[1] < gap.until_us <= times[2]


def test_closed_bars_are_stored_and_missing_ones_are_asked_for(rig: Rig, venue: Venue) -> None:
    rig.wanted = ("bars",)

    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        venue.bar("BTCUSDT", 1, closed=False)
        venue.bar("BTCUSDT", 1)
        venue.bar("BTCUSDT", 2, sent=False)
        venue.bar("BTCUSDT", 3, sent=False)
        venue.bar("BTCUSDT", 4)
        venue.bar("BTCUSDT", 5, closed=False)
        await until(lambda: rig.told().rows == 4, "four rows")

    played(rig, play)
    bars = rig.stored("bar", "open", "high", "low", "close", "volume", "trades", "closed", "vwap")
    assert bars == [(n + 1, n + 3, n + 1, n + 2, 5, 7, True, 1.8) for n in (1, 2, 3, 4)]
    assert [(gap.state, gap.rows) for gap in rig.gaps()] == [("filled", 2)]
    assert rig.told().status["last"]["bars"]["1"][1] == 7  # of the bar that is still open


def test_a_book_is_kept_in_step_through_a_break_and_a_lost_connection(
    rig: Rig, venue: Venue
) -> None:
    rig.wanted = ("book",)
    name = "btcusdt@depth@100ms"

    def change(first: int, last: int, bid: str) -> None:
        data = {"e": "depthUpdate", "E": 5, "s": "BTCUSDT", "U": first, "u": last, "a": []}
        venue.send(name, {**data, "b": [[bid, "1"]]})

    def book(last: int, bid: str) -> None:
        venue.books["BTCUSDT"] = {"lastUpdateId": last, "bids": [[bid, "1"]], "asks": [["99", "2"]]}

    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        book(10, "50")
        change(9, 11, "51")
        await until(lambda: rig.told().rows == 1, "a quote")
        change(12, 12, "52")
        book(20, "60")
        change(15, 21, "61")  # 13 and 14 are missing
        await until(lambda: rig.told().rows == 3, "three quotes")
        venue.drop()
        book(30, "70")
        await until(lambda: venue.listening, "it again")
        change(31, 32, "71")
        await until(lambda: rig.told().rows == 4, "four quotes")

    played(rig, play)
    quotes = rig.stored("quote", "update_id", "bid", "bid_size", "ask", "ask_size")
    assert quotes == [(n, b, 1, 99, 2) for n, b in ((11, 51), (12, 52), (21, 61), (32, 71))]
    assert [gap.state for gap in rig.gaps()] == ["lost"]


def test_lags_may_lie_below_zero(rig: Rig, venue: Venue) -> None:
    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        (made,) = venue.trade("BTCUSDT", sent=False)
        venue.send("btcusdt@aggTrade", {**made, "E": 4_000_000_000_000})
        await until(lambda: rig.told().rows == 1, "a row")
        await until(lambda: rig.told().status["lag_p50_ms"], "a lag")

    played(rig, play)
    assert rig.told().status["lag_p99_ms"] < 0
