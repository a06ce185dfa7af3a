"""A stream against a venue of this machine: what is stored is all that happened, each once."""

import asyncio

from market.streams.rig import Rig, played, until
from market.streams.venue import Venue
from raymill.market.streams.stream import Stream


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
