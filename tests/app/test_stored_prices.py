"""Stored bars as strategies get them: which series, how adjusted, built from what, what lacks."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from raymill.app.market.imports import import_file
from raymill.app.market.prices import StoredPrices, find_bars, read_bars
from raymill.app.market.rooms import MarketRooms, open_rooms
from raymill.errors import ConfigError, NotStored, UnknownName
from raymill.market import notes
from raymill.market.instrument import Instrument
from raymill.market.notes import Series
from raymill.market.schemas import BAR, CORPORATE_ACTION
from raymill.market.sources.contract import Listing
from raymill.market.wanted import Wanted

BEGIN = datetime(2020, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def rooms() -> MarketRooms:
    return open_rooms()


def put(rooms: MarketRooms, venue: str, closes: list[float], adj: str = "raw") -> int:
    """Store daily bars of ABC, whose four prices are its close; gives the instrument's number."""
    one = Instrument("ABC", venue, "ABC", "equity", "USD")
    number = rooms.registry.register(venue, Listing([one]))[0].instrument_id
    rows: list[dict[str, Any]] = [
        {
            "instrument_id": number,
            "interval": "1d",
            "ts": BEGIN + day * DAY,
            **dict.fromkeys(("open", "high", "low", "close"), close),
            "volume": 100.0,
            "closed": True,
            "adj": adj,
            "source": venue,
        }
        for day, close in enumerate(closes)
    ]
    begin = int(BEGIN.timestamp() * 1e6)
    end = begin + len(closes) * 86_400_000_000
    rooms.store.put(
        "bar",
        venue,
        pa.Table.from_pylist(rows, BAR),
        also=lambda execute, _: notes.is_known(
            execute, Series(number, "bar", "1d", venue), begin, end, "data"
        ),
    )
    return number


def act(rooms: MarketRooms, venue: str, number: int, *actions: dict[str, Any]) -> None:
    rows = [{"instrument_id": number, "source": venue, "currency": "USD"} | one for one in actions]
    rooms.store.put("corporate_action", venue, pa.Table.from_pylist(rows, CORPORATE_ACTION))


SPLIT = {"ex_date": date(2020, 1, 8), "kind": "split", "ratio": 2.0}
DIVIDEND = {"ex_date": date(2020, 1, 9), "kind": "dividend", "amount": 1.0}


def read(rooms: MarketRooms, **how: Any) -> StoredPrices:
    wanted = Wanted(("ABC",), **how)
    (found,) = read_bars(rooms, find_bars(rooms, wanted), wanted)
    return found


def test_bars_come_as_they_are_stored_unless_another_adjustment_is_wanted(
    rooms: MarketRooms,
) -> None:
    number = put(rooms, "file", [20.0, 20.0, 10.0, 9.0])
    act(rooms, "file", number, SPLIT, DIVIDEND)
    raw = read(rooms)
    assert (raw.bars.adjust, raw.bars.close.tolist()) == ("raw", [20, 20, 10, 9])
    split = read(rooms, adjust="split").bars
    assert (split.adjust, split.close.tolist()) == ("split", [10, 10, 10, 9])
    assert split.volume.tolist() == [200, 200, 100, 100]
    # a dividend of 1 on a close of 10: prices before its day times 0.9
    total = read(rooms, adjust="total").bars
    assert (total.adjust, total.close.tolist()) == ("total", [9, 9, 9, 9])


def test_bars_that_are_adjusted_for_splits_are_not_split_again(rooms: MarketRooms) -> None:
    number = put(rooms, "yahoo_finance", [10.0, 10.0, 10.0, 9.0], "split")
    act(rooms, "yahoo_finance", number, SPLIT, DIVIDEND)
    assert read(rooms).bars.adjust == "split"
    total = read(rooms, adjust="total").bars
    assert (total.adjust, total.close.tolist()) == ("total", [9, 9, 9, 9])
    with pytest.raises(ConfigError, match="are adjusted for `split`, and cannot become `raw`"):
        read(rooms, adjust="raw")


def test_without_stored_actions_nothing_is_adjusted_in_silence(rooms: MarketRooms) -> None:
    put(rooms, "file", [20.0, 20.0, 10.0])
    with pytest.raises(NotStored, match="No splits and dividends of `ABC`") as told:
        read(rooms, adjust="split")
    assert "--kind corporate_action --start 2020-01-06, or --adjust raw" in str(told.value.hint)


def test_as_of_a_day_nothing_later_is_known(rooms: MarketRooms) -> None:
    number = put(rooms, "file", [20.0, 20.0, 10.0, 9.0])
    act(rooms, "file", number, SPLIT, DIVIDEND)
    before = read(rooms, adjust="total", as_of=date(2020, 1, 7))
    assert before.bars.close.tolist() == [20, 20]
    assert before.origin["as_of"] == "2020-01-07"
    assert read(rooms, adjust="total", as_of=date(2020, 1, 8)).bars.close.tolist() == [10, 10, 10]


def test_of_two_sources_the_one_that_reaches_furthest_is_taken_unless_one_is_named(
    rooms: MarketRooms,
) -> None:
    put(rooms, "file", [1.0, 1.0])
    put(rooms, "yahoo_finance", [2.0, 2.0, 2.0])
    assert read(rooms).origin["source"] == "yahoo_finance"
    assert read(rooms, sources=("file",)).bars.close.tolist() == [1, 1]
    with pytest.raises(UnknownName, match="Unknown source `flie`"):
        read(rooms, sources=("flie",))


def test_a_range_without_stored_bars_is_not_stored_and_a_hole_in_it_is_said(
    rooms: MarketRooms,
) -> None:
    put(rooms, "file", [1.0, 2.0, 3.0])
    begin = int(BEGIN.timestamp() * 1e6)
    day = 86_400_000_000
    found = read(rooms, begin_us=begin + day, end_us=begin + 5 * day)
    assert found.bars.close.tolist() == [2, 3]
    assert found.lacking[0] == "not complete: 2020-01-09T00:00:00Z to 2020-01-11T00:00:00Z"
    assert found.lacking[1].startswith("hint: raymill market crawl file ABC --interval 1d")
    for span in ((begin - day, begin), (begin + 3 * day, begin + 9 * day)):
        with pytest.raises(NotStored):
            read(rooms, begin_us=span[0], end_us=span[1])
    with pytest.raises(ConfigError, match="The range ends at"):
        read(rooms, begin_us=begin, end_us=begin)


def test_larger_bars_are_built_from_smaller_ones_and_from_trades(
    rooms: MarketRooms, tmp_path: Path
) -> None:
    minutes = [f"2020-01-06T00:{n:02}:00Z,{n},{n + 2},{n},{n + 1},1" for n in range(1, 10)]
    head = "ts,open,high,low,close,volume"
    first = "2020-01-06T00:00:00Z,5,5,5,5,1"
    (tmp_path / "abc.csv").write_text("\n".join([head, first, *minutes]) + "\n")
    import_file(tmp_path / "abc.csv", "bar")
    found = read(rooms, interval="5m")
    assert (found.bars.open.tolist(), found.bars.close.tolist()) == ([5, 5], [5, 10])
    assert found.bars.volume.tolist() == [5, 5]
    assert found.origin["built_from"] == "bar 1m"
    trades = ["ts,price,size,id", *(f"2020-01-06T00:0{n}:00Z,{n},1,{n}" for n in range(10))]
    (tmp_path / "xyz.csv").write_text("\n".join(trades) + "\n")
    import_file(tmp_path / "xyz.csv", "trade")
    wanted = Wanted(("XYZ",), interval="5m")
    (made,) = read_bars(rooms, find_bars(rooms, wanted), wanted)
    assert made.bars.close.tolist() == [4]  # of the second one a part is not known
    assert made.origin["built_from"] == "trade"


def test_later_records_do_not_change_what_was_read_at_a_snapshot(rooms: MarketRooms) -> None:
    put(rooms, "file", [1.0, 2.0])
    before = read(rooms)
    put(rooms, "file", [1.0, 2.0, 3.0])
    after = read(rooms)
    assert len(before.bars) == 2
    assert len(after.bars) == 3
    assert before.origin["lake_snapshot"] < after.origin["lake_snapshot"]
