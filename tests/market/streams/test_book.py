"""Order books: the vendor's recorded one, and every way in which changes can fail to follow."""

import json
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from raymill.market.instrument import Instrument
from raymill.market.sources.binance_stream import BinanceFeed
from raymill.market.streams.book import Book, Diff, Level, Snapshot, Top
from raymill.net.websocket import Frame


def diff(
    first: int, last: int, bids: list[Level] | None = None, asks: list[Level] | None = None
) -> Diff:
    return Diff(1, last * 1000, first, last, bids or [], asks or [])


SNAPSHOT = Snapshot(10, [(8.0, 1.0), (9.0, 2.0)], [(11.0, 3.0), (12.0, 4.0)])


def in_step() -> Book:
    book = Book()
    assert book.take(SNAPSHOT)
    return book


def test_the_best_prices_follow_changes() -> None:
    book = in_step()
    assert book.top() == Top(9.0, 2.0, 11.0, 3.0, 10)
    book.apply(diff(9, 12, [(9.0, 0.0)], [(10.5, 1.5)]))
    assert book.top() == Top(8.0, 1.0, 10.5, 1.5, 12)
    book.apply(diff(13, 13, [(8.5, 7.0), (9.0, 1.0), (9.0, 0.0)]))
    assert book.top() == Top(8.5, 7.0, 10.5, 1.5, 13)
    book.apply(diff(14, 14, [(8.5, 0.0), (8.0, 0.0)]))
    assert book.top() is None
    book.apply(diff(15, 15, [(7.0, 1.0)]))
    assert book.top() == Top(7.0, 1.0, 10.5, 1.5, 15)
    assert book.levels(1) == ([(7.0, 1.0)], [(10.5, 1.5)])


@pytest.mark.parametrize(("first", "last"), [(11, 11), (5, 11), (9, 20)])
def test_the_first_change_may_overlap_the_snapshot(first: int, last: int) -> None:
    book = in_step()
    book.apply(diff(first, last, [(9.5, 1.0)]))
    assert not book.wants_snapshot
    assert book.last == last


def test_a_first_change_beyond_the_snapshot_is_a_break() -> None:
    book = in_step()
    book.apply(diff(12, 13))
    assert (book.wants_snapshot, book.breaks, book.top()) == (True, 1, None)


def test_a_later_change_must_follow_exactly() -> None:
    book = in_step()
    book.apply(diff(11, 12))
    book.apply(diff(12, 14))  # which the first one could have
    assert book.wants_snapshot


def test_changes_that_came_before_are_passed_over() -> None:
    book = in_step()
    book.apply(diff(11, 12, [(9.5, 1.0)]))
    book.apply(diff(11, 12, [(99.0, 1.0)]))
    book.apply(diff(4, 9, [(99.0, 1.0)]))
    assert book.top() == Top(9.5, 1.0, 11.0, 3.0, 12)


def test_after_a_break_the_changes_since_wait_for_the_next_snapshot() -> None:
    book = in_step()
    book.apply(diff(12, 13, [(9.6, 1.0)]))
    book.apply(diff(14, 14, [(9.7, 1.0)]))
    assert book.take(Snapshot(12, [(9.0, 1.0)], [(11.0, 1.0)]))
    assert book.top() == Top(9.7, 1.0, 11.0, 1.0, 14)


def test_a_snapshot_older_than_what_waits_is_refused_and_nothing_is_forgotten() -> None:
    book = Book()
    book.apply(diff(20, 22, [(9.0, 1.0)], [(10.0, 1.0)]))
    assert not book.take(Snapshot(18, [], []))
    assert book.wants_snapshot
    assert book.take(Snapshot(19, [], []))
    assert book.top() == Top(9.0, 1.0, 10.0, 1.0, 22)


def test_a_hole_among_what_waits_needs_a_snapshot_behind_it() -> None:
    book = Book()
    for change in (diff(1, 2), diff(5, 6, [(9.0, 1.0)], [(10.0, 1.0)])):
        book.apply(change)
    assert not book.take(Snapshot(0, [], []))
    assert book.wants_snapshot
    assert book.take(Snapshot(4, [], []))
    assert book.last == 6


prices = st.integers(1, 6).map(float)
levels = st.lists(st.tuples(prices, st.sampled_from([0.0, 1.0, 2.0])), max_size=4)


@given(st.lists(st.tuples(levels, levels), max_size=12))
def test_the_best_prices_are_those_of_a_plain_model(
    changes: list[tuple[list[Level], list[Level]]],
) -> None:
    book = Book()
    book.take(Snapshot(0, [(3.0, 1.0)], [(4.0, 1.0)]))
    bids, asks = {3.0: 1.0}, {4.0: 1.0}
    for number, (bid, ask) in enumerate(changes, start=1):
        book.apply(diff(number, number, bid, ask))
        for side, given_ in ((bids, bid), (asks, ask)):
            for price, size in given_:
                side[price] = size
        best = [price for price, size in bids.items() if size], [p for p, s in asks.items() if s]
        if not all(best):
            assert book.top() is None
            continue
        bid_price, ask_price = max(best[0]), min(best[1])
        expected = Top(bid_price, bids[bid_price], ask_price, asks[ask_price], number)
        assert book.top() == expected


def test_the_recorded_book_ends_where_the_recorded_best_prices_end(shared_data: Path) -> None:
    folder = shared_data / "market" / "binance" / "ws"
    lines = (folder / "combined_2021-10-12.jsonl").read_text().splitlines()
    frames = [Frame(0, json.dumps(json.loads(line)["msg"]).encode()) for line in lines]
    names = ("NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR")
    instruments = [
        Instrument(name, "binance", name, "crypto", "", instrument_id=number)
        for number, name in enumerate(names, start=1)
    ]
    heard = BinanceFeed(instruments, ("trades", "quotes", "book", "bars")).read(frames)
    body = json.loads((folder / "depth_snapshot_NKNUSDT.json").read_text())["body"]
    sides = ([(float(p), float(q)) for p, q in body[side]] for side in ("bids", "asks"))
    book = Book()
    changes = [change for change in heard.diffs if change.instrument == 1]
    for change in changes[:40]:
        book.apply(change)
    assert book.take(Snapshot(body["lastUpdateId"], *sides))
    for change in changes[40:]:
        book.apply(change)
    assert (len(changes), book.breaks) == (150, 0)
    # The last line of nknusdt@bookTicker in the file.
    assert [quote for quote in heard.quotes if quote[0] == 1][-1][2:6] == (
        0.3527,
        9602,
        0.3531,
        152,
    )
    assert book.top() == Top(0.3527, 9602.0, 0.3531, 152.0, 499870179)
