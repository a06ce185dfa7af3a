"""What a stream missed: asked for, found late, not to be had, too much."""

import pytest

from market.streams.rig import Rig, played, until
from market.streams.venue import Venue
from raymill.market.streams.stream import Stream

pytestmark = pytest.mark.system


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
