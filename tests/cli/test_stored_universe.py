"""The universe that is stored: instruments and daily bars of the lake, as of any moment."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cli.running import Shell
from market.screen.barmaking import actions, bars, closes, instrument
from raymill.app.market.rooms import open_rooms
from raymill.app.market.universe import furthest, rates_of, stored_universe
from raymill.errors import InputError
from raymill.market.instrument import Instrument
from raymill.market.sources.contract import Listing

MONDAY = date(2026, 1, 5)
DAYS = [MONDAY + timedelta(days=at) for at in range(5)]


def noon(day: int) -> datetime:
    return datetime(2026, 1, day, 12, tzinfo=UTC)


@pytest.fixture
def stored(sh: Shell) -> Shell:
    """Two shares and a made pair with five daily bars each."""
    rooms = open_rooms()
    shares = [instrument(0, "AAA", sector="Tech"), instrument(0, "SPY", asset_class="etf")]
    made = Instrument("SIM/USD", "simulated", "SIM", "crypto", "USD")
    numbers = {
        one.symbol: one.instrument_id
        for source, some in (("XNAS", shares), ("simulated", [made]))
        for one in rooms.registry.register(source, Listing(some))
    }
    for venue, symbols in (("XNAS", ("AAA", "SPY")), ("simulated", ("SIM/USD",))):
        for at, symbol in enumerate(symbols, start=1):
            prices = [10.0 * at, 11.0 * at, 12.0 * at, 13.0 * at, 14.0 * at]
            rooms.store.put("bar", venue, bars(closes(numbers[symbol], DAYS, prices)))
    split = actions((numbers["AAA"], DAYS[4], "split", 2.0, None))
    rooms.store.put("corporate_action", "XNAS", split)
    return sh


@pytest.mark.usefixtures("stored")
def test_the_stored_universe_is_that_of_a_moment() -> None:
    found = stored_universe(noon(8))
    names = ("symbol", "price", "prev_close", "sector", "venue", "last_updated")
    assert [list(row.values()) for row in found.rows(names, np.arange(3))] == [
        ["AAA", 12.0, 11.0, "Tech", "XNAS", "2026-01-07T21:00:00Z"],
        ["SIM/USD", 12.0, 11.0, None, "simulated", "2026-01-08T00:00:00Z"],
        ["SPY", 24.0, 22.0, None, "XNAS", "2026-01-07T21:00:00Z"],
    ]
    after = stored_universe(datetime(2026, 1, 9, 21, tzinfo=UTC))
    assert after.rows(("price", "prev_close"), np.array([0])) == [
        {"price": 14.0, "prev_close": 6.5}
    ]
    assert stored_universe(noon(8)).id == found.id


def test_it_is_screened_and_says_where_prices_come_from(stored: Shell) -> None:
    body = {"as_of": "2026-01-08T12:00:00Z", "filters": [], "limit": 1, "fields": ["price"]}
    stored.write("request.json", json.dumps(body))
    done = stored("screen", "request.json", "--json")
    answer: dict[str, Any] = json.loads(done.out)
    assert (done.code, answer["total_stocks"], answer["venues"]) == (0, 3, ["XNAS", "simulated"])
    assert done.err == "prices of `simulated` are simulated\n"
    stored.write("request.json", json.dumps(body | {"cursor": answer["next_cursor"]}))
    page = json.loads(stored("screen", "request.json", "--json").out)
    assert page["stocks"] == [{"symbol": "SIM/USD", "price": 12.0}]


def test_it_is_summed_up(stored: Shell) -> None:
    found = json.loads(stored("overview", "--json").out)
    assert (found["with_price"], found["stale"]) == (3, 3)
    assert set(found["sessions"]) == {"XNYS", "24/7"}


def test_it_is_summed_up_as_of_a_day(stored: Shell) -> None:
    found = json.loads(stored("overview", "--as-of", "2026-01-08T12:00:00Z", "--json").out)
    assert found["as_of"] == "2026-01-08T12:00:00Z"
    early = stored("overview", "--as-of", "2020-01-01")
    assert "error: No daily bars are stored of the 550 days before 2020-01-01" in early.err
    both = stored("overview", "--as-of", "2026-01-08", "--universe", "all.csv")
    assert (both.code, "`--as-of` is for what is stored" in both.err) == (2, True)


def test_where_nothing_is_stored_it_says_what_to_do(sh: Shell) -> None:
    with pytest.raises(InputError, match="No daily bars are stored"):
        stored_universe(noon(8))
    sh.write("request.json", "{}")
    done = sh("screen", "request.json")
    assert (done.code, done.out) == (2, "")
    assert "raymill market crawl" in done.err
    assert "--universe FILE.csv" in done.err


def test_of_several_series_the_one_that_reaches_furthest_is_taken() -> None:
    few, all_days = closes(1, DAYS[:2], [1.0, 2.0]), closes(1, DAYS[:3], [3.0, 4.0, 5.0])
    series = [
        bars(few, source="a"),
        bars(all_days, source="b", adj="split"),
        bars(all_days, source="c", adj="total"),
        bars(closes(2, DAYS[:1], [6.0]), source="d", adj="split"),
        bars(closes(2, DAYS[:1], [7.0]), source="d", adj="raw"),
        bars(closes(3, DAYS[:1], [8.0]), source="a", adj="total"),
    ]
    rows = furthest(pa.concat_tables(series).unify_dictionaries())
    assert rows["close"].to_pylist() == [3.0, 4.0, 5.0, 7.0]


def test_rates_are_the_last_closes_of_pairs_with_the_dollar() -> None:
    pairs = [
        Instrument(f"{base}/{quote}", "fx", "", "fx", quote, base=base, instrument_id=at)
        for at, (base, quote) in enumerate([("EUR", "USD"), ("USD", "JPY"), ("EUR", "GBP")])
    ]
    rows = bars([*closes(0, DAYS[:2], [1.0, 1.25]), *closes(1, DAYS[:1], [125.0])])
    assert rates_of(rows, pairs, noon(20)) == {"USD": 1.0, "EUR": 1.25, "JPY": 0.008}
