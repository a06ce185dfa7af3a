"""The store of records: each once, by the rule of its kind; nothing lost and nothing in silence."""

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raymill import arrow
from raymill.errors import Fenced
from raymill.market import notes
from raymill.market.instrument import Instrument
from raymill.market.moments import micros
from raymill.market.registry import Registry
from raymill.market.schemas import BAR, CORPORATE_ACTION, QUOTE, TIME, TRADE, WORD
from raymill.market.sources.contract import Listing
from raymill.market.store import MarketStore, Written
from raymill.state.database import Database, open_database
from raymill.state.lake_manifest import Fence, Once

DAY = 86_400_000_000
BEGIN = micros("2024-01-01")
NOW = micros("2024-06-01") / 1e6


@pytest.fixture
def store(tmp_path: Path, database: Database) -> MarketStore:
    return MarketStore(tmp_path / "lake", database, now=lambda: NOW)


def column(cells: list[Any], kind: pa.DataType) -> Any:
    if kind == TIME:
        return arrow.cast(arrow.array(cells, pa.int64()), TIME)
    return (
        arrow.array(cells, pa.string()).dictionary_encode()
        if kind == WORD
        else pa.array(cells, kind)
    )


def table(schema: pa.Schema, rows: list[dict[str, Any]], **usual: Any) -> pa.Table:
    filled = [{**usual, **row} for row in rows]
    columns = [column([row.get(f.name) for row in filled], f.type) for f in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def trades(*cells: tuple[int, int, int | None, float], **usual: Any) -> pa.Table:
    """Trades: instrument, offset from the begin in us, number, price."""
    rows = [
        {"instrument_id": who, "ts": BEGIN + at, "trade_id": number, "price": price}
        for who, at, number, price in cells
    ]
    return table(TRADE, rows, **{"size": 1.0, "side": 1, "source": "binance", **usual})


def bars(*cells: tuple[int, float, bool], interval: str = "1m", who: int = 1) -> pa.Table:
    """Bars: number of the minute, close, whether it is closed."""
    rows = [
        {"ts": BEGIN + n * 60_000_000, "close": close, "closed": closed}
        for n, close, closed in cells
    ]
    prices = {"open": 10.0, "high": 100.0, "low": 1.0, "volume": 5.0}
    about = {"instrument_id": who, "interval": interval, "adj": "raw", "source": "binance"}
    return table(BAR, rows, **prices, **about)


def held(store: MarketStore, kind: Any = "trade", who: int = 1, **how: Any) -> list[dict[str, Any]]:
    usual = {"venue": "binance", "interval": "1m" if kind == "bar" else None, **how}
    found = store.read(kind, [who], BEGIN - DAY, BEGIN + 400 * DAY, **usual)
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def counts(written: Written) -> tuple[int, int, int, int]:
    return written.new, written.replaced, written.known, written.unsound


def test_the_same_batch_twice_leaves_the_same_content(store: MarketStore) -> None:
    batch = trades((1, 0, 1, 10.0), (1, 0, 2, 11.0), (2, 5, 1, 12.0))
    assert counts(store.put("trade", "binance", batch)) == (3, 0, 0, 0)
    before = held(store)
    snapshot = store.lake.snapshot()
    assert counts(store.put("trade", "binance", batch)) == (0, 0, 3, 0)
    assert held(store) == before
    assert store.lake.snapshot() == snapshot  # not even a commit


def test_trades_that_share_their_time_are_told_apart_by_their_numbers(store: MarketStore) -> None:
    store.put("trade", "binance", trades(*((1, 7, n, 10.0) for n in range(50))))
    assert [row["trade_id"] for row in held(store)] == list(range(50))


def test_of_a_trade_that_comes_twice_the_first_stays(store: MarketStore) -> None:
    store.put("trade", "binance", trades((1, 0, 1, 10.0), (1, 0, 1, 99.0)))
    written = store.put("trade", "binance", trades((1, 0, 1, 55.0), (1, 3, 2, 11.0)))
    assert counts(written) == (1, 0, 1, 0)
    assert [row["price"] for row in held(store)] == [10.0, 11.0]


def test_trades_without_numbers_are_counted_as_they_repeat(store: MarketStore) -> None:
    thrice = trades(*((1, 0, None, 10.0),) * 3, (1, 1, None, 10.0))
    assert store.put("trade", "file", thrice).new == 4
    assert store.put("trade", "file", thrice).new == 0
    four = trades(*((1, 0, None, 10.0),) * 4)
    assert store.put("trade", "file", four).new == 1
    assert len(held(store, venue="file")) == 5


def test_a_closed_bar_beats_an_open_one_and_not_the_other_way_round(store: MarketStore) -> None:
    store.put("bar", "binance", bars((0, 10.0, False)))
    assert counts(store.put("bar", "binance", bars((0, 11.0, False)))) == (1, 1, 0, 0)
    assert counts(store.put("bar", "binance", bars((0, 12.0, True)))) == (1, 1, 0, 0)
    assert counts(store.put("bar", "binance", bars((0, 13.0, False)))) == (0, 0, 1, 0)
    assert [(row["close"], row["closed"]) for row in held(store, "bar")] == [(12.0, True)]
    with store.database.reading() as execute:
        assert notes.revisions(execute, 1) == []


def test_a_closed_bar_that_changes_is_a_revision(store: MarketStore) -> None:
    store.put("bar", "binance", bars((0, 10.0, True), (1, 10.0, True), (2, 10.0, True)))
    written = store.put("bar", "binance", bars((1, 12.0, True)))
    assert (written.replaced, written.revised) == (1, 1)
    assert [row["close"] for row in held(store, "bar")] == [10.0, 12.0, 10.0]
    with store.database.reading() as execute:
        (one,) = notes.revisions(execute, 1)
    assert (one.ts, one.before, one.after) == (
        *(BEGIN + 60_000_000, {"close": 10.0}, {"close": 12.0}),
    )
    assert store.put("bar", "binance", bars((1, 12.0, True))).revised == 0


def test_of_bars_that_come_together_the_closed_and_then_the_last_stays(store: MarketStore) -> None:
    batch = bars((0, 1.5, False), (0, 2.5, True), (0, 3.5, True), (0, 4.5, False))
    store.put("bar", "binance", batch)
    assert [row["close"] for row in held(store, "bar")] == [3.5]


def test_of_quotes_the_last_stays(store: MarketStore) -> None:
    sizes = {"bid_size": 1.0, "ask_size": 1.0, "source": "binance", "instrument_id": 1}
    one = table(QUOTE, [{"ts": BEGIN, "bid": 1.0, "ask": 2.0, "update_id": 5}], **sizes)
    two = table(QUOTE, [{"ts": BEGIN, "bid": 1.5, "ask": 2.0, "update_id": 5}], **sizes)
    no_id = table(QUOTE, [{"ts": BEGIN, "bid": 1.2, "ask": 2.0}], **sizes)
    for batch in (one, two, two, no_id, no_id):
        store.put("quote", "binance", batch)
    assert sorted(row["bid"] for row in held(store, "quote")) == [1.2, 1.5]


def test_unsound_records_are_set_aside_with_their_reason_and_once(store: MarketStore) -> None:
    batch = trades((1, 0, 1, 10.0), (1, 1, 2, -1.0), (1, 2, 3, float("nan")))
    for _ in range(2):
        written = store.put("trade", "binance", batch)
        assert written.unsound == 2
        assert written.reasons == {"the price is no finite number above 0": 2}
    assert len(held(store)) == 1
    with store.database.reading() as execute:
        aside = notes.quarantine(execute, 1)
    assert sorted(one.ts or 0 for one in aside) == [BEGIN + 1, BEGIN + 2]
    assert aside[0].record["trade_id"] in (2, 3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"low": 20.0}, "low is above open or close"),
        ({"high": 5.0}, "high is below open or close"),
        ({"volume": -1.0}, "the volume is below 0"),
        ({"close": float("inf")}, "a price or the volume is not a finite number"),
        ({"ts": BEGIN + 1}, "the time is not where a bar of this interval begins"),
        ({"ts": micros("2024-06-01")}, "the bar has not ended yet"),
    ],
)
def test_a_bar_that_breaks_a_rule_is_never_stored(
    store: MarketStore, change: dict[str, Any], reason: str
) -> None:
    row = {"ts": BEGIN, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 1.0}
    about = {"instrument_id": 1, "interval": "1m", "adj": "raw", "source": "binance"}
    batch = table(BAR, [{**row, "closed": True, **change}], **about)
    assert store.put("bar", "binance", batch).reasons == {reason: 1}
    assert held(store, "bar") == []


def test_a_range_over_days_goes_into_a_folder_each(store: MarketStore) -> None:
    batch = trades((1, 0, 1, 10.0), (1, DAY, 2, 10.0), (1, 3 * DAY, 3, 10.0))
    written = store.put("trade", "binance", batch)
    assert written.folders == tuple(f"venue=binance/day=2024-01-0{n}" for n in (1, 2, 4))
    found = store.read("trade", [1], BEGIN + DAY, BEGIN + 2 * DAY, venue="binance")
    assert found["trade_id"].to_pylist() == [2]


def test_minutes_lie_in_months_hours_in_years_and_days_together(store: MarketStore) -> None:
    found = [
        store.put("bar", "binance", bars((0, 10.0, True), interval=name)).folders[0]
        for name in ("1s", "1m", "1h", "1d")
    ]
    assert [folder.rpartition("/")[2] for folder in found] == [
        *("day=2024-01-01", "month=2024-01", "year=2024", "interval=1d")
    ]


def test_merging_changes_nothing_that_is_read(store: MarketStore) -> None:
    rng = np.random.default_rng(3)
    for number in range(10):
        ids = rng.permutation(20) + number * 20
        store.put("trade", "binance", trades(*((1, int(i), int(i), 10.0) for i in ids)))
    store.put("bar", "binance", bars(*((n, 10.0, True) for n in range(5))))
    before = held(store)
    assert [row["trade_id"] for row in before] == list(range(200))
    assert store.tidy("trade", whole=True) == 10
    assert held(store) == before
    assert store.put("trade", "binance", trades((1, 3, 3, 10.0))).new == 0
    store.tidy("bar", whole=True)


def test_what_killed_processes_left_is_looked_for_once_in_a_quarter_of_an_hour(
    tmp_path: Path, database: Database
) -> None:
    clock = [NOW]
    store = MarketStore(tmp_path / "lake", database, now=lambda: clock[0])

    def left_after_tidying() -> bool:
        for number in range(2):
            at = int(clock[0]) * 10 + number
            store.put("trade", "binance", trades((1, at, at, 10.0)))
        orphan = next(store.lake.folder.rglob("part-*.parquet")).with_name("part-0.parquet")
        orphan.write_bytes(b"half")
        os.utime(orphan, (0, 0))
        assert store.tidy("trade", whole=True) == 2 + (clock[0] > NOW)
        return orphan.exists()

    assert not left_after_tidying()
    clock[0] += 899
    assert left_after_tidying()
    clock[0] += 1
    assert not left_after_tidying()


def test_rows_beside_are_committed_with_the_records_or_not_at_all(store: MarketStore) -> None:
    def fails(execute: Any, written: Written) -> None:
        execute("INSERT INTO market_crawl VALUES ('one', 1, '{}', 0)")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put("trade", "binance", trades((1, 0, 1, 10.0)), also=fails)
    assert held(store) == []
    with store.database.reading() as execute:
        assert execute("SELECT * FROM market_crawl") == []
    assert not list(Path(store.lake.folder).rglob("*.parquet"))


def test_an_attempt_that_was_taken_over_writes_nothing(store: MarketStore) -> None:
    store.put("trade", "binance", trades((1, 0, 1, 10.0)), fence=Fence("crawl", 2))
    with pytest.raises(Fenced):
        store.put("trade", "binance", trades((1, 1, 2, 10.0)), fence=Fence("crawl", 1))
    assert len(held(store)) == 1


def test_a_number_of_a_sequence_is_written_once(store: MarketStore) -> None:
    once = Once("crawl/run", 1)
    assert store.put("trade", "binance", trades((1, 0, 1, 10.0)), once_only=once).new == 1
    again = store.put("trade", "binance", trades((1, 1, 2, 10.0)), once_only=once)
    assert again.repeated
    assert len(held(store)) == 1


def test_threads_that_write_the_same_leave_it_once(store: MarketStore) -> None:
    batches = [
        trades(*((1, n, n, 10.0) for n in range(begin, begin + 30))) for begin in range(0, 60, 10)
    ]
    threads = [
        threading.Thread(target=store.put, args=["trade", "binance", batch]) for batch in batches
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row["trade_id"] for row in held(store)] == list(range(80))


def test_everything_can_be_asked_in_sql(store: MarketStore) -> None:
    one = Instrument("BTC/USDT", "binance", "BTCUSDT", "crypto", "USDT")
    Registry(store.database).register("binance", Listing([one]))
    store.put("trade", "binance", trades((1, 0, 1, 10.0), (1, 1, 2, 12.0)))
    store.put("bar", "binance", bars((0, 10.0, True)))
    with store.sql() as connection:
        found = connection.sql(
            "SELECT symbol, avg(price), count(*) FROM trades "
            "JOIN instruments USING (instrument_id) GROUP BY symbol"
        ).fetchall()
        assert found == [("BTC/USDT", 11.0, 2)]
        assert connection.sql("SELECT count(*) FROM bars").fetchall() == [(1,)]
        assert connection.sql("SELECT count(*) FROM quotes").fetchall() == [(0,)]


def test_dividends_and_splits_are_kept_by_day_and_kind(store: MarketStore) -> None:
    about = {"instrument_id": 1, "currency": "USD", "source": "yahoo_finance"}
    day = np.datetime64("2020-08-31").astype(object)
    rows = [
        {"ex_date": day, "kind": "split", "ratio": 4.0},
        {"ex_date": day, "kind": "dividend", "amount": 0.2},
    ]
    batch = table(CORPORATE_ACTION, rows, **about)
    assert store.put("corporate_action", "yahoo_finance", batch).new == 2
    changed = table(CORPORATE_ACTION, [{**rows[1], "amount": 0.205}], **about)
    assert store.put("corporate_action", "yahoo_finance", changed).replaced == 1
    found = store.read("corporate_action", [1], 0, 0, venue="yahoo_finance")
    assert sorted(found["kind"].to_pylist()) == ["dividend", "split"]


@pytest.mark.system
@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(1, 3), st.integers(0, 5), st.integers(0, 8), st.booleans()),
            max_size=8,
        ),
        max_size=5,
    )
)
def test_whatever_comes_in_whatever_order_is_held_as_the_rules_say(
    tmp_path_factory: pytest.TempPathFactory, batches: Any
) -> None:
    place = tmp_path_factory.mktemp("lake")
    database: Database = open_database(place)
    store = MarketStore(place / "lake", database, now=lambda: NOW)
    model: dict[tuple[int, int], tuple[float, bool]] = {}
    for batch in batches:
        rows = [(who, n, 10.0 + close, closed) for who, n, close, closed in batch]
        made = [bars((n, close, closed), who=who) for who, n, close, closed in rows]
        if made:
            store.put("bar", "binance", pa.concat_tables(made))
        together: dict[tuple[int, int], tuple[float, bool]] = {}
        for who, n, close, closed in rows:
            if closed or not together.get((who, n), (0, False))[1]:
                together[who, n] = (close, closed)
        for key, (close, closed) in together.items():
            if closed or not model.get(key, (0, False))[1]:
                model[key] = (close, closed)
    found = store.read("bar", [1, 2, 3], BEGIN, BEGIN + DAY, venue="binance", interval="1m")
    kept = {
        (row["instrument_id"], (int(row["ts"].timestamp()) - BEGIN // 1_000_000) // 60): (
            *(row["close"], row["closed"]),
        )
        for row in found.to_pylist()
    }
    assert found.num_rows == len(kept)
    assert kept == model
    database.close()
