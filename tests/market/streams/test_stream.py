"""A stream against a venue of this machine: what is stored is all that happened, each once."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from market.streams.rig import QUICK, Rig, played, until
from market.streams.venue import Venue
from raymill.market.streams.stream import Stream


@pytest.fixture
def venue() -> Iterator[Venue]:
    with Venue() as made:
        yield made


@pytest.fixture
def rig(venue: Venue, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(venue, tmp_path)
    yield made
    made.close()


def test_what_is_traded_is_stored(rig: Rig, venue: Venue) -> None:
    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        venue.trade("BTCUSDT", 5)
        await until(lambda: rig.told().rows == 5, "five rows")

    totals = played(rig, play)
    assert (totals.state, totals.messages_received, totals.rows_written) == ("stopped", 5, 5)
    assert rig.ids() == [1, 2, 3, 4, 5]


def test_what_a_lost_connection_missed_is_asked_for(rig: Rig, venue: Venue) -> None:
    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        venue.trade("BTCUSDT", 3)
        await until(lambda: stream.intake.counts.messages == 3, "three trades")
        venue.drop()
        venue.trade("BTCUSDT", 4)
        await until(lambda: venue.listening, "the client again")
        venue.trade("BTCUSDT", 2)
        await until(lambda: rig.told().rows == 9, "nine rows")

    totals = played(rig, play)
    assert totals.messages_received == 5
    assert rig.ids() == list(range(1, 10))
    (gap,) = rig.gaps()
    assert (gap.first, gap.last, gap.state, gap.rows) == (4, 7, "filled", 4)


def test_what_comes_twice_or_out_of_order_is_stored_once(rig: Rig, venue: Venue) -> None:
    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        made = venue.trade("BTCUSDT", 6, sent=False)
        for at in (0, 1, 1, 3, 2, 0, 5, 4, 4):
            venue.send("btcusdt@aggTrade", made[at])
        await until(lambda: rig.told().rows == 6, "six rows")

    played(rig, play)
    assert rig.ids() == [1, 2, 3, 4, 5, 6]
    assert rig.told().status["counts"]["repeated"] == 3
    assert [gap.state for gap in rig.gaps()] == ["filled", "filled"]
    assert venue.rest.count() == 0  # it was there before anybody had to ask


def test_gaps_are_told_before_what_fills_them_and_both_to_who_listens(
    rig: Rig, venue: Venue
) -> None:
    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        venue.trade("BTCUSDT")
        await until(lambda: rig.events, "the first trade")
        venue.trade("BTCUSDT", 3, sent=False)
        venue.trade("BTCUSDT")
        await until(lambda: rig.told().rows == 5, "five rows")

    played(rig, play)
    told = [(e.gap and (e.gap.first, e.gap.last), len(e.rows), e.backfilled) for e in rig.events]
    assert told == [(None, 1, False), ((2, 4), 0, False), (None, 1, False), (None, 3, True)]
    received = dict(rig.stored("trade", "trade_id", "recv_ts"))
    assert [number for number, at in received.items() if at is None] == [2, 3, 4]


def test_what_the_venue_does_not_have_is_asked_for_twice_and_then_left(
    rig: Rig, venue: Venue
) -> None:
    venue.hidden = {2, 3}

    async def play(stream: Stream) -> None:
        assert stream.intake.filler is not None
        stream.intake.filler.again_s = 0.05
        await until(lambda: venue.listening, "a client")
        venue.trade("BTCUSDT")
        venue.trade("BTCUSDT", 3, sent=False)
        venue.trade("BTCUSDT")
        await until(lambda: rig.told().gaps.get("empty"), "the end of the gap")

    played(rig, play)
    (gap,) = rig.gaps()
    assert (gap.first, gap.last, gap.state, gap.rows) == (2, 4, "empty", 1)
    assert rig.ids() == [1, 4, 5]
    assert venue.rest.count() == 2


def test_a_gap_too_large_for_a_stream_is_left_to_a_crawl(rig: Rig, venue: Venue) -> None:
    async def play(stream: Stream) -> None:
        assert stream.intake.filler is not None
        stream.intake.filler.most = 9
        await until(lambda: venue.listening, "a client")
        venue.trade("BTCUSDT")
        venue.trade("BTCUSDT", 10, sent=False)
        venue.trade("BTCUSDT")
        await until(lambda: rig.told().gaps.get("left"), "the gap")

    played(rig, play)
    assert [gap.reason for gap in rig.gaps()] == ["more than 9 records: a crawl can fetch them"]
    assert venue.rest.count() == 0


def test_after_silence_the_connection_is_given_up_and_nothing_is_missing(
    rig: Rig, venue: Venue
) -> None:
    rig.policy = replace(QUICK, stale_s=0.3)

    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        venue.trade("BTCUSDT", 2)
        await until(lambda: stream.intake.counts.messages == 2, "two trades")
        venue.freeze()
        venue.trade("BTCUSDT", 3)
        await until(lambda: rig.told().state == "degraded", "the end of patience")
        assert "nothing came" in rig.told().status["reason"]
        venue.frozen = False
        await until(lambda: venue.connects > 1 and venue.listening > 1, "another connection")
        venue.trade("BTCUSDT", 1)
        await until(lambda: rig.told().rows == 6, "six rows")
        await until(lambda: rig.told().state == "live", "life")

    played(rig, play)
    assert rig.ids() == [1, 2, 3, 4, 5, 6]


def test_what_came_while_it_was_away_is_found_though_nothing_follows(
    rig: Rig, venue: Venue
) -> None:
    async def play(stream: Stream) -> None:
        assert stream.intake.filler is not None
        stream.intake.filler.behind_s = 0.05
        await until(lambda: venue.listening, "a client")
        venue.trade("BTCUSDT", 2)
        await until(lambda: stream.intake.counts.messages == 2, "two trades")
        venue.drop()
        venue.trade("BTCUSDT", 3)
        await until(lambda: rig.told().rows == 5, "five rows")

    played(rig, play)
    (gap,) = rig.gaps()
    assert (gap.first, gap.last, gap.state, gap.rows) == (3, 5, "filled", 3)


def test_a_connection_that_is_closed_or_refused_comes_back(rig: Rig, venue: Venue) -> None:
    venue.refusals.extend([(503, {}), (429, {"Retry-After": "0"})])

    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        await asyncio.to_thread(venue.close, 1001, "going away")
        await until(lambda: venue.connects == 2 and venue.listening, "it again")
        venue.trade("BTCUSDT")
        await until(lambda: rig.told().rows == 1, "a row")

    played(rig, play)
    assert rig.told().status["counts"]["disconnects"] == 1


@pytest.mark.parametrize("how", ["connection", "names"])
def test_what_is_refused_for_good_fails(rig: Rig, venue: Venue, how: str) -> None:
    if how == "connection":
        venue.refusals.append((451, {}))
    else:
        venue.deny = "Invalid request: no such stream"

    async def play(stream: Stream) -> None:
        await until(lambda: rig.told().state == "failed", "the end")

    totals = played(rig, play)
    assert totals.state == "failed"
    expected = {"connection": "status 451", "names": "no such stream (code 2)"}
    assert expected[how] in totals.reason
    assert expected[how] in rig.told().status["reason"]


def test_many_names_are_subscribed_in_batches_at_a_pace_on_several_connections(
    rig: Rig, venue: Venue
) -> None:
    rig.symbols = [f"S{number}USDT" for number in range(18)]
    rig.batch_names, rig.most_names, rig.between_s, venue.per_s = 2, 12, 0.06, 0.1

    async def play(stream: Stream) -> None:
        await until(lambda: len(venue.names()) == 18, "all names")
        await until(lambda: rig.told().state == "live", "life")
        for name in rig.symbols:
            venue.trade(name)
        await until(lambda: rig.told().rows == 18, "a row each")

    played(rig, play)
    assert (venue.connects, venue.told_off) == (2, 0)
    asked = [one["params"] for one in venue.asked if one["method"] == "SUBSCRIBE"]
    assert [len(names) for names in asked] == [2] * 9


def test_who_is_told_off_comes_back_and_says_why(rig: Rig, venue: Venue) -> None:
    rig.symbols, rig.batch_names = [f"S{number}USDT" for number in range(8)], 1

    async def play(stream: Stream) -> None:
        await until(lambda: "1008: Too many" in rig.told().status.get("reason", ""), "the reason")
        assert rig.told().state == "degraded"
        venue.per_s = 0.0
        await until(lambda: rig.told().state == "live", "life")

    played(rig, play)
    assert venue.told_off > 0


def test_who_is_asked_whether_it_is_there_says_so(rig: Rig, venue: Venue) -> None:
    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        await asyncio.to_thread(venue.do, venue.ping(5.0))

    played(rig, play)
    assert venue.pongs == 1


def test_before_its_time_is_over_a_successor_takes_the_place_of_a_connection(
    rig: Rig, venue: Venue
) -> None:
    rig.policy = replace(QUICK, successor_s=0.3, limit_s=60.0)
    most = 0

    async def play(stream: Stream) -> None:
        nonlocal most
        await until(lambda: venue.listening, "a client")
        while venue.connects < 3:
            venue.trade("BTCUSDT")
            most = max(most, venue.listening)
            await asyncio.sleep(0.01)
        await until(lambda: rig.told().rows == len(venue.trades["BTCUSDT"]), "all rows")

    played(rig, play)
    assert rig.ids() == list(range(1, len(venue.trades["BTCUSDT"]) + 1))
    assert most == 2
    assert rig.gaps() == []
    assert rig.told().status["counts"]["disconnects"] == 0
    assert rig.told().status["counts"]["repeated"] > 0


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


def test_frames_that_cannot_be_read_are_set_aside_with_their_reasons(
    rig: Rig, venue: Venue
) -> None:
    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        (good,) = venue.trade("BTCUSDT")
        name = "btcusdt@aggTrade"
        venue.send(name, {**good, "a": 2, "p": "nan"}, {**good, "a": 2, "s": "ELSE"})
        venue.send_text("<html>busy</html>")
        venue.send_text('[{"s": 1}]')
        await until(lambda: rig.told().status.get("counts", {}).get("refused") == 4, "four")
        await until(lambda: len(rig.set_aside()) == 4, "four rows")

    played(rig, play)
    assert rig.ids() == [1]
    assert rig.set_aside() == {
        "`ELSE` is missing or unknown",
        "a price or a size is no number above 0",
        "it is no JSON",
        "it is no message",
    }


def test_a_stop_says_what_was_done_and_a_second_one_changes_nothing(rig: Rig, venue: Venue) -> None:
    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        venue.trade("BTCUSDT", 7)
        await until(lambda: stream.intake.counts.messages == 7, "seven trades")

    totals = played(rig, play)
    assert totals[:3] == ("stopped", 7, 7)
    rig.stop()
    again = asyncio.run(rig.stream().run())
    assert again[:3] == totals[:3]
    methods = [one["method"] for one in venue.asked]
    assert methods == ["SUBSCRIBE", "UNSUBSCRIBE"]
    assert rig.told().state == "stopped"


def test_one_that_is_stopped_before_it_began_never_connects(rig: Rig, venue: Venue) -> None:
    rig.stop()
    totals = asyncio.run(rig.stream().run())
    assert totals[:3] == ("stopped", 0, 0)
    assert venue.connects == 0


def test_lags_may_lie_below_zero(rig: Rig, venue: Venue) -> None:
    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        (made,) = venue.trade("BTCUSDT", sent=False)
        venue.send("btcusdt@aggTrade", {**made, "E": 4_000_000_000_000})
        await until(lambda: rig.told().rows == 1, "a row")
        await until(lambda: rig.told().status["lag_p50_ms"], "a lag")

    played(rig, play)
    assert rig.told().status["lag_p99_ms"] < 0
