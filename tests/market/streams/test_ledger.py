"""What is kept of streams, on files and on a server."""

from pathlib import Path
from typing import Any

import pytest

from raymill.errors import Fenced
from raymill.market import notes
from raymill.market.notes import Series
from raymill.market.store import MarketStore
from raymill.market.streams.channel import Channel
from raymill.market.streams.heard import Bad
from raymill.market.streams.ledger import Ledger, all_gaps, ask_to_stop, told
from raymill.market.streams.made import channels
from raymill.state.database import Database

SECOND = 1_000_000
BEGAN = 1_700_000_000 * SECOND
NOW_US = BEGAN + 1000 * SECOND


@pytest.fixture
def store(tmp_path: Path, database: Database) -> MarketStore:
    return MarketStore(tmp_path / "lake", database)


def ledger(store: MarketStore, epoch: int) -> Ledger:
    return Ledger(store, "run", epoch, source="binance")


def trade(number: int, instrument: int = 1) -> tuple[Any, ...]:
    return (instrument, BEGAN + number * SECOND, number, 100.5, 2.0, 1, BEGAN)


def stored(channel: Channel, ledger: Ledger, status: dict[str, Any] | None = None) -> None:
    while (segment := channel.segment(100)) is not None:
        channel.is_stored(segment, ledger.commit(segment, status or {}, NOW_US))


def test_rows_their_cursor_and_where_the_stream_stands_are_one_commit(
    store: MarketStore, tmp_path: Path
) -> None:
    one, channel = ledger(store, 1), channels(("trades",), tmp_path)["trades"]
    left = one.begin(5.0)
    assert (left.stop, left.started, left.channels, left.gaps) == (False, 5.0, {}, [])
    channel.take([trade(1), trade(2), trade(5)], NOW_US)
    stored(channel, one, {"counts": {"messages": 3}})
    left = ledger(store, 2).begin(9.0)
    assert (left.started, left.status) == (5.0, {"counts": {"messages": 3}})
    reached = left.channels["trades"]
    assert (reached.number, reached.rows) == (1, 3)
    assert reached.cursor["1"]["holes"] == [[3, 4]]
    assert [(gap.first, gap.last, gap.state) for gap in left.gaps] == [(3, 4, "open")]
    rows = store.read("trade", [1], 0, NOW_US, venue="binance").to_pylist()
    assert [row["trade_id"] for row in rows] == [1, 2, 5]
    assert {row["source"] for row in rows} == {"binance"}


def test_the_same_segment_again_changes_nothing(store: MarketStore, tmp_path: Path) -> None:
    one, channel = ledger(store, 1), channels(("trades",), tmp_path)["trades"]
    one.begin(1.0)
    channel.take([trade(1), trade(2)], NOW_US)
    segment = channel.segment(100)
    assert segment is not None
    assert [one.commit(segment, {}, NOW_US) for _ in range(2)] == [2, 2]
    assert store.read("trade", [1], 0, NOW_US, venue="binance").num_rows == 2


def test_an_owner_that_was_followed_stores_and_says_nothing(
    store: MarketStore, tmp_path: Path
) -> None:
    one, channel = ledger(store, 1), channels(("trades",), tmp_path)["trades"]
    one.begin(1.0)
    ledger(store, 2).begin(2.0)
    channel.take([trade(1)], NOW_US)
    with pytest.raises(Fenced):
        stored(channel, one)
    with pytest.raises(Fenced):
        one.tell("live", {}, 3.0)
    with pytest.raises(Fenced):
        one.begin(4.0)
    assert store.read("trade", [1], 0, NOW_US, venue="binance").num_rows == 0


def test_a_stop_is_heard_whenever_it_was_asked_for(store: MarketStore) -> None:
    one = ledger(store, 1)
    one.begin(1.0)
    assert not one.tell("live", {"reason": ""}, 2.0)
    ask_to_stop(store.database, "run", 3.0)
    assert one.tell("live", {"reason": ""}, 4.0)
    ask_to_stop(store.database, "run", 5.0)
    assert ledger(store, 2).begin(6.0).stop
    known = told(store.database, "run")
    assert known is not None
    assert (known.wanted, known.state, known.updated) == ("stopped", "live", 4.0)
    ask_to_stop(store.database, "early", 7.0)
    assert Ledger(store, "early", 1, source="binance").begin(8.0).stop
    assert told(store.database, "never") is None


def test_what_is_complete_is_known_to_crawls(store: MarketStore, tmp_path: Path) -> None:
    one, channel = ledger(store, 1), channels(("trades",), tmp_path)["trades"]
    one.begin(1.0)
    channel.take([trade(n) for n in (1, 2, 3, 7, 8, 9)], NOW_US)
    channel.take([trade(1, 2), trade(2, 2)], NOW_US)
    stored(channel, one)
    one.cover(channel, None)
    assert spans(store, 1) == [(1, 3), (7, 9)]
    assert spans(store, 2) == [(1, 2)]
    (gap,) = channel.gaps.values()
    channel.fill(gap, [trade(4), trade(5), trade(6)], NOW_US)
    channel.settle(gap, "filled", NOW_US)
    stored(channel, one)
    one.cover(channel, None)
    assert spans(store, 1) == [(1, 9)]
    assert [gap.state for gap in all_gaps(store.database, "run")] == ["filled"]


def spans(store: MarketStore, instrument: int, kind: Any = "trade", interval: Any = None) -> Any:
    """The ranges that are known to be complete, in seconds; both ends are open for trades."""
    with store.database.reading() as execute:
        found = notes.coverage(execute, Series(instrument, kind, interval, "binance"))
    assert {span.value for span in found} <= {"data"}
    out = int(kind == "trade")
    return [((s.begin - out - BEGAN) / SECOND, (s.end - BEGAN) / SECOND) for s in found]


def test_bars_are_complete_with_the_first_and_the_last(store: MarketStore, tmp_path: Path) -> None:
    one, channel = ledger(store, 1), channels(("bars",), tmp_path)["bars"]
    one.begin(1.0)
    begin = BEGAN // (60 * SECOND) * 60 * SECOND
    channel.take([(1, "1m", begin + n * 60 * SECOND, *BAR) for n in (0, 1, 3)], NOW_US)
    stored(channel, one)
    one.cover(channel, "1m")
    with store.database.reading() as execute:
        found = notes.coverage(execute, Series(1, "bar", "1m", "binance"))
    minutes = [((s.begin - begin) / SECOND / 60, (s.end - 1 - begin) / SECOND / 60) for s in found]
    assert minutes == [(0, 1), (3, 3)]


BAR = (1.0, 2.0, 1.0, 2.0, 5.0, 7.0, 3, 1.4, True)


def test_frames_are_set_aside_once(store: MarketStore) -> None:
    one = ledger(store, 1)
    one.begin(1.0)
    for now in (1.0, 2.0):
        one.set_aside([Bad(b"\xff{", "it is no JSON", 7)], now)
    with store.database.reading() as execute:
        rows = execute("SELECT kind, source, reason, found FROM market_quarantine")
    assert rows == [("frame", "binance", "it is no JSON", 1.0)]
