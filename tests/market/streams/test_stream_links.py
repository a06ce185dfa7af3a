"""The connections of a stream: silent, closed, refused, told off, too old."""

import asyncio
from dataclasses import replace

import pytest

from market.streams.rig import QUICK, Rig, played, until
from market.streams.venue import Venue
from raymill.market.streams.stream import Stream

pytestmark = pytest.mark.system


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
