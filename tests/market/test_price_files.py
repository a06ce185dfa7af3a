"""Price files: times and numbers out of text, rows that are no bars."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from market.bars import MONDAY, write_csv
from raymill.errors import DataError, InputError
from raymill.market.interval import DAY_US
from raymill.market.invariants import REASONS
from raymill.market.price_files import read_prices

HEAD = "date,open,high,low,close,volume"


def test_a_daily_file_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    rows = [HEAD, "2020-01-02,11,12,10,11.5,7", "2020-01-01,10,11,9,10.5,5"]
    read = read_prices(write_csv(tmp_path, "ABC.csv", rows))
    assert read.bars.symbol == "ABC"
    assert read.bars.close.tolist() == [10.5, 11.5]
    assert read.bars.ts.tolist() == [MONDAY + 2 * DAY_US, MONDAY + 3 * DAY_US]
    assert read.bars.interval.name == "1d"
    assert read.quarantined == ()


@pytest.mark.parametrize(
    "times",
    [
        ["2020-01-01", "2020-01-02"],
        ["20200101", "20200102"],
        ["2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"],
        ["2020-01-01 00:00:00+00:00", "2020-01-02 00:00:00+00:00"],
        ["2020-01-01 00:00:00+09:00", "2020-01-02 00:00:00+09:00"],  # the venue's own days
    ],
)
def test_days_are_written_in_several_ways(tmp_path: Path, times: list[str]) -> None:
    rows = [HEAD, *(f"{time},1,1,1,1,1" for time in times)]
    bars = read_prices(write_csv(tmp_path, "A.csv", rows)).bars
    assert bars.ts.tolist() == [MONDAY + 2 * DAY_US, MONDAY + 3 * DAY_US]


def test_times_of_the_day_keep_their_zone(tmp_path: Path) -> None:
    rows = ["ts_utc,open,high,low,close,volume"]
    rows += [f"2020-01-01T{hour}:30:00+01:00,1,1,1,1,1" for hour in ("01", "02")]
    bars = read_prices(write_csv(tmp_path, "A.csv", rows), every="30m").bars
    assert [ts - MONDAY - 2 * DAY_US for ts in bars.ts.tolist()] == [1_800_000_000, 5_400_000_000]


@pytest.mark.parametrize(
    ("time", "why"),
    [("2020-01-02 10:00:00", "has no zone"), ("yesterday", "is no time"), ("", "has no time")],
)
def test_a_time_without_a_zone_is_refused(tmp_path: Path, time: str, why: str) -> None:
    path = write_csv(
        tmp_path, "A.csv", [HEAD, "2020-01-01T10:00:00Z,1,1,1,1,1", f"{time},1,1,1,1,1"]
    )
    with pytest.raises(DataError, match=why):
        read_prices(path)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("null,12,9,10,5", "a price or the volume is not a finite number"),
        ("10,12,9,inf,5", "a price or the volume is not a finite number"),
        ("0,12,0,10,5", "a price is not above 0"),
        ("10,12,10.5,11,5", "low is above open or close"),
        ("10,10.5,9,11,5", "high is below open or close"),
        ("10,12,9,11,-1", "the volume is below 0"),
    ],
)
def test_a_row_that_is_no_bar_is_set_aside_with_its_reason(
    tmp_path: Path, row: str, reason: str
) -> None:
    rows = [HEAD, "2020-01-01,10,11,9,10,5", f"2020-01-02,{row}", "2020-01-03,10,11,9,10,5"]
    read = read_prices(write_csv(tmp_path, "A.csv", rows))
    assert len(read.bars) == 2
    assert [(one.row, one.reason) for one in read.quarantined] == [(2, reason)]


def test_bars_that_come_twice_are_open_or_off_the_clock_are_set_aside(tmp_path: Path) -> None:
    rows = ["ts,open,high,low,close,volume"]
    times = ["10:00:00", "10:01:00", "10:01:00", "10:02:30", "10:03:00"]
    rows += [f"2020-01-01T{time}Z,1,1,1,1,{at}" for at, time in enumerate(times)]
    now = MONDAY + 2 * DAY_US + (10 * 60 + 3) * 60_000_000 + 1
    read = read_prices(write_csv(tmp_path, "A.csv", rows), every="1m", now_us=now)
    assert read.bars.volume.tolist() == [0, 1]
    assert {one.row: REASONS.index(one.reason) for one in read.quarantined} == {3: 8, 4: 6, 5: 7}


def test_a_ticker_that_is_called_nan_is_no_missing_value(tmp_path: Path) -> None:
    read = read_prices(write_csv(tmp_path, "NAN.csv", [HEAD, "2020-01-01,1,1,1,1,1"]))
    assert read.bars.symbol == "NAN"


def test_parquet_is_read_with_times_in_a_zone_alone(tmp_path: Path) -> None:
    numbers = {name: [1.0, 1.0] for name in ("open", "high", "low", "close", "volume")}
    for zone, fits in (("UTC", True), ("Europe/Amsterdam", True), (None, False)):
        times = pa.array([MONDAY, MONDAY + DAY_US], pa.timestamp("us", zone))
        pq.write_table(pa.table({"Date": times, **numbers}), tmp_path / "A.parquet")
        if fits:
            read = read_prices(tmp_path / "A.parquet")
            assert read.bars.ts.tolist() == [MONDAY, MONDAY + DAY_US]
        else:
            with pytest.raises(DataError, match="no zone"):
                read_prices(tmp_path / "A.parquet")


@pytest.mark.parametrize(
    ("rows", "error", "why"),
    [
        ([HEAD, "2020-01-01,1,1,1,abc,1"], DataError, "`abc` is no number: `close` in row 1"),
        (["date,open,high,low,volume", "2020-01-01,1,1,1,1"], InputError, "no column `close`"),
        (["when,open,high,low,close,volume", "x,1,1,1,1,1"], InputError, "no column of times"),
        ([HEAD], DataError, "holds no bar"),
        ([HEAD, "2020-01-01,0,0,0,0,0"], DataError, "holds no bar"),
        ([HEAD, "2020-01-01,1,1"], InputError, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, rows: list[str], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        read_prices(write_csv(tmp_path, "A.csv", rows))


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_prices(tmp_path / "none.csv")
