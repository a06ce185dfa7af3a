"""Files as a source: columns by name, several symbols, times as they are told."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from market.asking import request
from raymill.errors import ConfigError, DataError, InputError, UnknownName
from raymill.market.sources.file import File, read
from raymill.testing import Answers

BARS = "Date,Open,High,Low,Close,Volume\n2024-01-02,10,12,9,11,100\n2024-01-03,11,13,10,12,200\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_file_is_a_source_by_its_path(tmp_path: Path) -> None:
    path = written(tmp_path / "acme.us.csv", BARS)
    one = File().instruments(Answers({}), [str(path), "absent.csv"]).instruments[0]
    assert (one.symbol, one.venue, one.venue_symbol) == ("ACME", "file", str(path))
    asked = request("2024-01-03", "2024-02-01", interval="1d", one=one)
    rows = File().page(asked, Answers({})).records.to_pylist()
    assert [(row["close"], row["interval"], row["closed"]) for row in rows] == [(12.0, "1d", True)]


def test_several_symbols_in_a_file_are_told_apart_even_one_called_nan(tmp_path: Path) -> None:
    text = "symbol,ts,price,size\nNAN,2024-01-02T10:00:00Z,1.5,3\nA,2024-01-02T10:00:01Z,2.5,4\n"
    found = read(written(tmp_path / "t.csv", text), "trade")
    assert {name: at.tolist() for name, at in found.symbols.items()} == {"NAN": [0], "A": [1]}


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    times = pa.array([1_704_153_600_000_000], pa.timestamp("us", "UTC"))
    table = pa.table({"ts": times, "bid": [1.0], "ask": [1.1], "bid_size": [5.0]})
    pq.write_table(table, tmp_path / "q.parquet")
    row = read(tmp_path / "q.parquet", "quote").records.to_pylist()[0]
    assert (row["bid"], row["ask"], row["bid_size"], row["ask_size"]) == (1.0, 1.1, 5.0, None)


def test_the_interval_is_told_by_the_times_or_given(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", BARS)
    assert read(path, "bar").interval == "1d"
    assert read(path, "bar", every="1h").interval == "1h"
    with pytest.raises(UnknownName, match="Unknown interval"):
        read(path, "bar", every="1hour")


@pytest.mark.parametrize(
    ("text", "kind", "error", "message"),
    [
        ("date,open,high,low,close\n2024-01-02,1,1,1,1\n", "bar", InputError, "no column `volume`"),
        ("open,price,size\n1,1,1\n", "trade", InputError, "no column of times"),
        ("ts,price,size\n2024-01-02T10:00:00,1,1\n", "trade", DataError, "has no zone"),
        ("ts,price,size\n2024-01-02T10:00:00Z,x,1\n", "trade", DataError, "`x` is no number"),
        ("ts,price,size,id\n2024-01-02T10:00:00Z,1,1,x\n", "trade", DataError, "is no number"),
        ("ts,price,size\n2024-01-02,1,1\n", "fundamental", ConfigError, "hold no `fundamental`"),
    ],
)
def test_what_a_file_lacks_is_said(
    tmp_path: Path, text: str, kind: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        read(written(tmp_path / "x.csv", text), kind)


def test_a_unit_of_times_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "ts,price,size\n1704067200,1,1\n")
    assert read(path, "trade", unit="s").times.tolist() == [1_704_067_200_000_000]
    with pytest.raises(UnknownName):
        read(path, "trade", unit="ns")
