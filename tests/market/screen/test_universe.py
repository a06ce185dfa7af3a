"""Universes out of files: headings, what is unknown, keys, and what cannot be read."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from market.screen.tables import criterion, screen
from raymill.errors import DataError, InputError
from raymill.market.screen.universe import Universe, field_of, read_universe

Read = Callable[..., Universe]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def file(text: str, name: str = "u.csv") -> Universe:
        (tmp_path / name).write_bytes(text.encode())
        return read_universe(tmp_path / name)

    return file


def cells(found: Universe, *names: str) -> list[list[Any]]:
    snapshot = found.snapshot
    places = np.arange(len(snapshot))
    return [list(row.values()) for row in snapshot.rows(names, places)]


def test_headings_are_those_that_such_files_have(read: Read) -> None:
    found = read(
        "Ticker,Security,Last Price,Price/Earnings,52 Week High,Market Cap\nA,Aa,1,2,3,4\n"
    )
    names = ("symbol", "name", "price", "pe_ratio", "high_52w", "market_cap")
    assert cells(found, *names) == [["A", "Aa", 1.0, 2.0, 3.0, 4.0]]
    assert [field_of(name) for name in ("rsi_14", "RSI 14", "Exchange")] == [
        *("rsi_14", "rsi_14", "venue"),
    ]


def test_a_fields_own_name_goes_before_another_heading_of_it(read: Read) -> None:
    found = read("symbol,close,price,notes\nA,1,2,x\n")
    assert cells(found, "price") == [[2.0]]
    assert found.unread == ("close", "notes")


def test_empty_and_unknown_cells_are_null_and_a_ticker_stays_one(read: Read) -> None:
    text = "symbol,sector,price,volume\nNAN,N/A,nan,5\nNA,,-,\nNULL,Banks,1.5,null\n"
    assert cells(read(text), "symbol", "sector", "price", "volume") == [
        ["NA", None, None, None],
        ["NAN", None, None, 5.0],
        ["NULL", "Banks", 1.5, None],
    ]


def test_what_follows_from_other_columns_is_added(read: Read) -> None:
    text = (
        "symbol,price,prev_close,open,high_52w,low_52w,volume,eps,market_cap,dividend_yield_pct\n"
        "A,110,100,105,220,55,3,-1,1100,1.75\nB,50,0,,,,,2,500,\n"
    )
    found = read(text)
    names = ("change_abs", "change_pct", "gap_pct", "pct_from_52w_high", "pct_from_52w_low")
    assert cells(found, *names)[0] == pytest.approx([10.0, 10.0, 5.0, -50.0, 100.0])
    assert cells(found, "dollar_volume", "pe_ratio", "earnings_ttm", "dividend_yield") == [
        [330.0, None, -10.0, 0.0175],
        [None, 25.0, 20.0, None],
    ]
    assert cells(found, "change_pct")[1] == [None]


def test_a_pe_of_losses_is_unknown_even_where_the_file_has_one(read: Read) -> None:
    found = read("symbol,pe,eps\nA,-5,-1\nB,5,\nC,7,1\nD,9,0\n")
    assert cells(found, "pe_ratio") == [[None], [5.0], [7.0], [None]]


def test_of_rows_with_one_key_the_first_is_taken_and_the_others_are_named(read: Read) -> None:
    found = read("symbol,price\nA,1\nB,2\nA,3\n")
    assert (cells(found, "price"), found.repeated) == ([[1.0], [2.0]], ("A",))
    keyed = read("sid,symbol,price\nx,A,1\ny,A,2\n")
    assert (cells(keyed, "price"), keyed.repeated) == ([[1.0], [2.0]], ())


def test_dates_lists_and_companies_are_read(read: Read) -> None:
    text = (
        "symbol,name,ipo_date,index_membership,cik\nA,Alpha Inc. (Class A),2020-01-31,dow|sp500,\n"
        "B,Alpha Inc. (Class C),,,\nC,Other,,,7\n"
    )
    assert cells(read(text), "ipo_date", "index_membership", "company") == [
        ["2020-01-31", ["dow", "sp500"], "name:Alpha Inc."],
        [None, None, "name:Alpha Inc."],
        [None, None, "cik:7"],
    ]


@pytest.mark.parametrize(
    ("name", "as_of"),
    [
        ("coarse_20140324.csv", datetime(2014, 3, 25, tzinfo=UTC)),
        ("sp500_2026-08.csv", datetime(2026, 9, 1, tzinfo=UTC)),
        ("sp500_2026-12.csv", datetime(2027, 1, 1, tzinfo=UTC)),
        ("d_2024-02-29_a.csv", datetime(2024, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_file_is_as_of_the_end_of_the_day_in_its_name(
    read: Read, name: str, as_of: datetime
) -> None:
    assert read("symbol\nA\n", name).snapshot.as_of == as_of


def test_without_a_day_in_its_name_it_is_as_of_when_it_was_written(read: Read) -> None:
    age = datetime.now(UTC) - read("symbol\nA\n", "x_20261399.csv").snapshot.as_of
    assert -5 < age.total_seconds() < 3600


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "u.parquet"
    updated = datetime(2026, 1, 2, tzinfo=UTC)
    table = pa.table({"symbol": ["A"], "Close": [1], "last_updated": [updated], "cik": [5]})
    pq.write_table(table, path)
    assert cells(read_universe(path), "price", "last_updated", "cik") == [
        [1.0, "2026-01-02T00:00:00Z", 5]
    ]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", InputError, "cannot be read"),
        ("name\nA\n", InputError, "has no column `symbol`"),
        ("symbol,price\nA,1\nB,x\n", DataError, "`price` of .* cannot be read"),
        ("symbol,price\nA,1\nB,inf\n", DataError, "`price` in row 2 of .* is no finite number"),
        ("symbol,price\n,1\n", DataError, "has no symbol"),
        ("symbol,ipo_date\nA,31.1.2020\n", DataError, "`ipo_date` of .* cannot be read"),
        ("symbol,price\nA,1,2\n", InputError, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused(
    read: Read, text: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        read(text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"`.*none.csv` cannot be read: No such file"):
        read_universe(tmp_path / "none.csv")


# Counted with `csv` and `float` alone, in the 503 and 7,111 rows of the files.
COMPANIES = [
    (criterion("pe_ratio", "is_null"), 47),
    (criterion("dividend_yield", "is_null"), 104),
    (criterion("price", "is_null"), 17),
    (criterion("pe_ratio", "between", [10, 20]), 143),
    ({"not": criterion("pe_ratio", "between", [10, 20])}, 313),
    (criterion("pb_ratio", "lt", 0), 32),
    (criterion("sector", "eq", "Biotechnology"), 8),
    (criterion("name", "matches", r"\(Class [AB]\)$"), 5),
    (criterion("price", "pct_above", {"field": "low_52w", "pct": 50}), 125),
    ({"type": "dividend_yield_filter", "parameters": {"min_yield": 1.75, "max_yield": 2.5}}, 78),
    ({"type": "market_cap_filter", "parameters": {"min_market_cap": 1e12}}, 10),
]
COARSE = [
    ({"type": "price_filter", "parameters": {"min_price": 5, "max_price": 10}}, 755),
    ({"type": "volume_filter", "parameters": {"min_volume": 1_000_000}}, 1306),
    (criterion("symbol", "eq", "NAN"), 1),
    (criterion("symbol", "in", ["BIN", "HOTR", "SWFT", "REN", "SPCB", "TAN", "UA"]), 14),
    (criterion("dollar_volume", "top", 100), 100),
]


@pytest.mark.parametrize(
    ("file", "rows", "filters"),
    [
        ("sp500_financials_2026-08.csv", 503, COMPANIES),
        ("coarse_20140324.csv", 7111, COARSE),
    ],
)
def test_the_real_files_hold_what_was_counted_in_them(
    shared_data: Path, file: str, rows: int, filters: list[Any]
) -> None:
    found = read_universe(shared_data / "market" / "screener" / file)
    assert (len(found.snapshot), found.repeated) == (rows, ())
    counted = [screen(found.snapshot, one, limit=1).filtered_count for one, _ in filters]
    assert counted == [count for _, count in filters]
