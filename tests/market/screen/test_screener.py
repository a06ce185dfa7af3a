"""Pages, cursors, moments, and snapshots that are replaced while requests run."""

import base64
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from market.screen.tables import AS_OF, NOW, column, criterion, screen, universe
from raymill import json
from raymill.errors import ConfigError, DataError
from raymill.market.screen.cursor import Cursor, read_cursor
from raymill.market.screen.request import parse_request
from raymill.market.screen.screener import KEPT, Answer, Screener
from raymill.market.screen.snapshot import Snapshot


def at(days: int, *prices: float) -> Snapshot:
    rows = [{"symbol": f"{at:02}", "price": price} for at, price in enumerate(prices)]
    return universe(*rows, as_of=AS_OF + timedelta(days=days))


def asked(screener: Screener, **body: Any) -> Answer:
    return screener.screen(parse_request(body), NOW)


def symbols(answer: Answer) -> list[str]:
    return [row["symbol"] for row in answer.stocks]


PAGE = {"filters": [criterion("price", "gt", 1)], "sort": [{"field": "price"}], "limit": 2}


def test_counts_are_those_of_the_universe_of_all_that_match_and_of_the_page() -> None:
    answer = screen(column("price", *(1.0, 2.0, 3.0, 4.0, None)), PAGE["filters"][0], limit=2)
    assert (answer.total_stocks, answer.filtered_count, answer.returned) == (5, 3, 2)
    assert (answer.filters_applied, answer.data_age_s, answer.as_of) == (
        *(1, 60.0, "2026-01-02T21:00:00Z"),
    )


def test_pages_by_offset_go_on_where_the_last_one_ended() -> None:
    screener = Screener(at(0, *(5, 4, 3, 2, 1.5)))
    pages = [symbols(asked(screener, **PAGE, offset=offset)) for offset in (0, 2, 4, 6)]
    assert pages == [["04", "03"], ["02", "01"], ["00"], []]


@given(st.lists(st.sampled_from([None, 1.0, 2.0, 3.0]), max_size=30), st.integers(1, 7))
def test_pages_by_cursor_hold_every_row_once(prices: list[float | None], limit: int) -> None:
    screener = Screener(universe({"symbol": "x", "price": 9.0}, *_rows(prices)))
    found, cursor = [], None
    for _ in range(40):
        body = {"sort": [{"field": "price", "order": "desc"}], "limit": limit}
        page = asked(screener, **body, **({"cursor": cursor} if cursor else {}))
        found += symbols(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    whole = symbols(asked(screener, sort=[{"field": "price", "order": "desc"}], limit=1000))
    assert found == whole
    assert len(set(found)) == len(prices) + 1


def _rows(prices: list[float | None]) -> list[dict[str, Any]]:
    return [{"symbol": f"{at:02}", "price": price} for at, price in enumerate(prices)]


def test_a_cursor_holds_in_its_snapshot_while_newer_ones_come_in() -> None:
    screener = Screener(at(0, 5, 4, 3, 2))
    first = asked(screener, **PAGE)
    for day in range(1, KEPT):
        screener.swap(at(day, 9, 9, 9, day))
    page = asked(screener, **PAGE, cursor=first.next_cursor)
    assert (symbols(page), page.snapshot, page.next_cursor) == (["01", "00"], first.snapshot, None)
    assert asked(screener, **PAGE).snapshot == screener.current.id
    screener.swap(at(KEPT, 9, 9, 9, 9))
    with pytest.raises(ConfigError, match=r"`cursor` is of snapshot .* which is gone"):
        asked(screener, **PAGE, cursor=first.next_cursor)


def test_a_cursor_holds_in_another_process_with_the_same_snapshot() -> None:
    first = asked(Screener(at(0, 5, 4, 3, 2)), **PAGE)
    page = asked(Screener(at(0, 5, 4, 3, 2)), **PAGE, cursor=first.next_cursor)
    assert symbols(page) == ["01", "00"]


def test_a_cursor_holds_where_the_same_request_is_written_otherwise() -> None:
    screener = Screener(at(0, 5, 4, 3, 2))
    cursor = asked(screener, **PAGE).next_cursor
    again = {
        "filters": [criterion("price", "gt", 1.0)],
        "sort": [{"field": "price", "order": "asc"}],
    }
    assert symbols(asked(screener, **again, cursor=cursor)) == ["01", "00"]


def test_a_cursor_of_another_request_is_refused() -> None:
    screener = Screener(at(0, 5, 4, 3, 2))
    cursor = asked(screener, **PAGE).next_cursor
    for other in ({"sort": []}, {"filters": []}, {"universe": ["00", "01"]}):
        with pytest.raises(ConfigError, match="`cursor` is of another request"):
            asked(screener, **PAGE | other, cursor=cursor)
    assert symbols(asked(screener, **PAGE | {"limit": 1}, cursor=cursor)) == ["01"]
    assert asked(screener, **PAGE | {"fields": ["price"]}, cursor=cursor).stocks[0] == {
        "symbol": "01",
        "price": 4.0,
    }


def test_a_cursor_that_was_tampered_with_is_refused() -> None:
    text = Cursor("20260102T210000Z-0123456789abcdef", "0123456789abcdef", 2).text()
    assert read_cursor(text).position == 2
    plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    moved = base64.urlsafe_b64encode(plain.replace(b" 2 ", b" 3 ")).decode().rstrip("=")
    damaged = [text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :] for at in range(9)]
    for wrong in (moved, *damaged, text[:-1], text + "A", text + "=", "", "é", "a b c", "%%%"):
        with pytest.raises(ConfigError, match="`cursor` is damaged"):
            read_cursor(wrong)


def test_a_moment_takes_the_newest_snapshot_that_knows_nothing_from_after_it() -> None:
    screener = Screener(at(0, 1))
    screener.swap(at(2, 2))
    screener.swap(at(1, 3))
    days = {"2026-01-03": 1, "2026-01-04": 3, "2026-01-05": 2, "2026-02-01": 2}
    found = {day: asked(screener, as_of=day).stocks[0]["price"] for day in days}
    assert found == days
    with pytest.raises(ConfigError, match="`as_of` cannot be before 2026-01-02T21:00:00Z"):
        asked(screener, as_of="2026-01-02")


def test_a_moment_is_computed_where_somebody_can() -> None:
    made: list[datetime] = []

    def make(as_of: datetime) -> Snapshot:
        made.append(as_of)
        return universe({"symbol": "OLD", "price": 1.0}, as_of=as_of)

    screener = Screener(at(0, 1), make=make)
    assert symbols(asked(screener, as_of="2020-01-01")) == ["OLD"]
    assert made == [datetime(2020, 1, 1, tzinfo=UTC)]
    assert symbols(asked(screener)) == ["00"]


def test_each_request_sees_one_snapshot_whole() -> None:
    screener = Screener(at(0, *[0.0] * 50))
    stop, mixed = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            answer = asked(screener)
            prices = {row["price"] for row in answer.stocks}
            if len(prices) != 1 or answer.returned != 50:
                mixed.append(prices)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for day in range(1, 60):
        screener.swap(at(day, *[float(day)] * 50))
    stop.set()
    for thread in threads:
        thread.join()
    assert mixed == []
    assert asked(screener).stocks[0]["price"] == 59.0


def test_only_some_symbols_are_a_universe_of_their_own() -> None:
    rows = column("price", 1.0, 2.0, 3.0, 4.0)
    answer = screen(rows, criterion("price", "top", 1), universe=["B", "A"])
    assert (answer.total_stocks, symbols(answer)) == (2, ["B"])


def test_a_field_that_a_universe_lacks_is_shown_as_unknown() -> None:
    answer = screen(column("price", 1.0), fields=["price", "beta_1y", "index_membership"])
    assert answer.stocks == [
        {"symbol": "A", "price": 1.0, "beta_1y": None, "index_membership": None}
    ]


def test_values_are_shown_as_json_has_them() -> None:
    row = {
        "symbol": "A",
        "cik": 320193,
        "ipo_date": datetime(1980, 12, 12, tzinfo=UTC).date(),
        "last_updated": datetime(2026, 1, 2, 21, 0, 0, 500_000, tzinfo=UTC),
        "index_membership": ["dow", "sp500"],
        "price": -0.0,
    }
    fields = [name for name in row if name != "symbol"]
    assert screen(universe(row), fields=fields).stocks == [
        row | {"ipo_date": "1980-12-12", "last_updated": "2026-01-02T21:00:00.5Z"}
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"symbol": ["A"], "prize": [1.0]}, "`prize` is no field of a screen"),
        ({"price": [1.0]}, "has no symbol"),
        ({"symbol": ["A", None]}, "has no symbol"),
        ({"symbol": ["A", "B"], "price": [1.0, float("nan")]}, "`price` of `B` is nan"),
        ({"symbol": ["A"], "volume": [float("-inf")]}, "`volume` of `A` is -inf"),
    ],
)
def test_neither_nan_nor_infinities_enter_a_snapshot(
    columns: dict[str, list[Any]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Snapshot.of(pa.table(columns), AS_OF)


def test_the_name_of_a_snapshot_follows_from_what_is_in_it() -> None:
    first, again = (universe({"symbol": "A", "price": 1.0}, {"symbol": "B"}) for _ in range(2))
    turned = universe({"symbol": "B"}, {"symbol": "A", "price": 1.0})
    assert first.id == again.id == turned.id
    assert first.id.startswith("20260102T210000Z-")
    assert universe({"symbol": "A", "price": 2.0}, {"symbol": "B"}).id != first.id


def test_rows_that_are_made_as_json_are_the_same_rows() -> None:
    snapshot = universe(
        {"symbol": "A", "price": 1.5, "last_updated": AS_OF},
        {"symbol": "B", "price": None, "last_updated": AS_OF + timedelta(seconds=1)},
    )
    expected = (
        b'[{"symbol":"B","price":null,"last_updated":"2026-01-02T21:00:01Z"},'
        b'{"symbol":"A","price":1.5,"last_updated":"2026-01-02T21:00:00Z"}]'
    )
    names, both = ("symbol", "price", "last_updated"), np.array([1, 0])
    for _ in range(2):
        assert json.dumps(snapshot.json_rows(names, both)) == expected
    for others in (("symbol",), ("price",), ("name",), ("sector",), ("venue",)):
        rows = json.loads(json.dumps(snapshot.json_rows(others, both)))
        assert rows == snapshot.rows(others, both)
    assert json.dumps(snapshot.json_rows(names, both[:0])) == b"[]"
