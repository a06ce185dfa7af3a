"""Bars of days are those of sessions: in New York by its table, elsewhere by the zone."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from raymill.app.market.imports import import_file
from raymill.app.market.look import history
from raymill.market.bars import bars_of_trades, resampled
from raymill.market.calendar import calendar
from raymill.market.instrument import Instrument
from raymill.market.interval import interval
from raymill.market.moments import micros
from raymill.market.schemas import BAR, TRADE
from raymill.market.sessions import Days, days_of

NEW_YORK = Days(calendar("XNYS"), "America/New_York")
SYDNEY = Days(calendar("24/7"), "Australia/Sydney")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def smaller(rows: Sequence[tuple[str, float]], every: str = "1m") -> pa.Table:
    """Closed bars with one price each and a volume of 1."""
    return pa.Table.from_pylist(
        [
            dict.fromkeys(("open", "high", "low", "close"), price)
            | {"instrument_id": 1, "interval": every, "ts": at(text), "volume": 1.0}
            | {"closed": True, "adj": "raw", "source": "file"}
            for text, price in rows
        ],
        schema=BAR,
    )


def days(table: pa.Table) -> list[tuple[str, float, float, float, bool]]:
    return [
        (f"{row['ts']:%Y-%m-%d %H}", row["open"], row["close"], row["volume"], row["closed"])
        for row in table.to_pylist()
    ]


# Summer: 9:30 in New York is 13:30. On 2019-11-29 the exchanges closed at 13:00, which is 18:00.
MINUTES = [
    ("2020-06-01T08:00", 1.0),
    ("2020-06-01T13:29", 2.0),
    ("2020-06-01T13:30", 3.0),
    ("2020-06-01T19:59", 4.0),
    ("2020-06-01T20:00", 5.0),
    ("2020-06-02T00:30", 6.0),  # still the first of June in New York, and long after the session
    ("2020-06-02T13:30", 7.0),
]


def test_a_day_in_new_york_is_what_was_traded_in_its_session() -> None:
    found = resampled(smaller(MINUTES), "1d", days=NEW_YORK)
    assert days(found) == [
        ("2020-06-01 00", 3, 4, 2, True),
        ("2020-06-02 00", 7, 7, 1, False),
    ]
    half = smaller([("2019-11-29T17:59", 1.0), ("2019-11-29T18:00", 2.0)])
    assert days(resampled(half, "1d", days=NEW_YORK)) == [("2019-11-29 00", 1, 1, 1, True)]
    assert days(resampled(smaller(MINUTES), "1d"))[1] == ("2020-06-02 00", 6, 7, 2, False)


def test_a_day_is_closed_when_the_session_is_over() -> None:
    for until, closed in (("2020-06-02T20:00", True), ("2020-06-02T19:59", False)):
        found = resampled(smaller(MINUTES), "1d", known_until_us=micros(f"{until}Z"), days=NEW_YORK)
        assert found["closed"].to_pylist() == [True, closed]


def test_weeks_and_months_are_those_of_sessions_too() -> None:
    rows = smaller([("2020-05-29T19:59", 1.0), *MINUTES])
    until = micros("2020-06-08")
    weeks = resampled(rows, "1w", known_until_us=until, days=NEW_YORK)
    assert days(weeks) == [("2020-05-25 00", 1, 1, 1, True), ("2020-06-01 00", 3, 7, 3, True)]
    months = resampled(rows, "1M", known_until_us=until, days=NEW_YORK)
    assert days(months) == [("2020-05-01 00", 1, 1, 1, True), ("2020-06-01 00", 3, 7, 3, False)]


def test_a_bar_that_overlaps_a_session_belongs_to_it() -> None:
    hours = smaller([("2020-06-01T12:00", 1.0), ("2020-06-01T13:00", 2.0)], "1h")
    assert days(resampled(hours, "1d", days=NEW_YORK))[0][1:4] == (2, 2, 1)
    halves = smaller([("2020-06-01T00:00", 1.0), ("2020-06-01T12:00", 2.0)], "12h")
    assert days(resampled(halves, "1d", days=NEW_YORK))[0][1:4] == (2, 2, 1)


def test_what_is_smaller_than_a_day_or_a_day_already_stays() -> None:
    assert resampled(smaller(MINUTES), "1h", days=NEW_YORK).num_rows == 6
    daily = smaller([("2020-06-01T00:00", 1.0), ("2020-06-05T00:00", 2.0)], "1d")
    assert days(resampled(daily, "1w", days=NEW_YORK)) == [("2020-06-01 00", 1, 2, 2, False)]
    night = smaller([("2020-06-01T08:00", 1.0)])
    assert resampled(night, "1d", days=NEW_YORK).num_rows == 0


def test_elsewhere_a_day_is_that_of_the_zone() -> None:
    # 10:00 to 16:00 in Sydney in winter is midnight to six, in summer 23:00 the day before to five
    rows = smaller(
        [
            ("2020-06-01T00:00", 1.0),
            ("2020-06-01T05:59", 2.0),
            ("2020-11-30T23:00", 3.0),
            ("2020-12-01T04:59", 4.0),
        ]
    )
    until = micros("2020-12-01T13:00Z")  # midnight in Sydney
    found = resampled(rows, "1d", known_until_us=until, days=SYDNEY)
    assert days(found) == [("2020-06-01 00", 1, 2, 2, True), ("2020-12-01 00", 3, 4, 2, True)]
    early = resampled(rows, "1d", known_until_us=until - 1, days=SYDNEY)
    assert early["closed"].to_pylist() == [True, False]


def test_beyond_the_table_a_day_is_that_of_the_zone() -> None:
    found = resampled(smaller([("1985-01-02T02:00", 1.0)]), "1d", days=NEW_YORK)
    assert days(found)[0][:2] == ("1985-01-01 00", 1)


def test_trades_make_days_of_sessions() -> None:
    rows = [{"instrument_id": 1, "ts": at(text), "price": price} for text, price in MINUTES]
    about = {"size": 1.0, "side": 0, "source": "file"}
    trades = pa.Table.from_pylist([row | about for row in rows], schema=TRADE)
    assert days(bars_of_trades(trades, "1d", days=NEW_YORK))[0] == ("2020-06-01 00", 3, 4, 2, True)


def test_coins_have_days_of_utc() -> None:
    assert days_of(Instrument("BTC/USDT", "binance", "BTCUSDT", "crypto", "USDT")) is None
    apple = Instrument("AAPL", "file", "AAPL", "equity", "USD", calendar="XNYS")
    assert days_of(apple) == Days(calendar("XNYS"), "UTC")


def written(folder: Path, rows: Sequence[tuple[str, float]]) -> Path:
    path = folder / "SPY.csv"
    lines = [f"{text}:00Z,{price},{price},{price},{price},1" for text, price in rows]
    path.write_text("\n".join(["ts,open,high,low,close,volume", *lines]) + "\n")
    return path


def test_days_of_stored_minutes_are_those_of_the_calendar_that_was_given(tmp_path: Path) -> None:
    path = written(tmp_path, [*MINUTES, ("2020-06-02T19:59", 8.0), ("2020-06-02T20:00", 9.0)])
    import_file(path, interval="1m")
    june = micros("2020-06-01"), micros("2020-06-03")
    plain = history("file", "SPY", "bar", *june).rows
    assert [row["close"] for row in plain] == [5.0, 9.0]
    assert import_file(path, interval="1m", calendar="XNYS").new == 0
    found = history("file", "SPY", "bar", *june).rows
    assert [(row["ts"], row["open"], row["close"], row["closed"]) for row in found] == [
        ("2020-06-01T00:00:00Z", 3.0, 4.0, True),
        ("2020-06-02T00:00:00Z", 7.0, 8.0, True),
    ]
    import_file(path, interval="1m")
    assert history("file", "SPY", "bar", *june).rows == found  # what was said stays


def test_bars_are_filled_up_in_sessions_alone_and_not_where_nothing_is_known(
    tmp_path: Path,
) -> None:
    early = [("2020-06-05T19:57", 1.0), ("2020-06-05T19:59", 2.0), ("2020-06-08T13:31", 3.0)]
    import_file(written(tmp_path, early), interval="1m", calendar="XNYS")
    import_file(written(tmp_path, [("2020-06-08T13:40", 4.0)]), interval="1m")
    asked = ("file", "SPY", "bar", micros("2020-06-05"), micros("2020-06-09"))
    found = history(*asked, interval="1m", fill="previous").rows
    assert [(row["ts"][8:16], row["close"], row["volume"]) for row in found] == [
        ("05T19:57", 1.0, 1.0),
        ("05T19:58", 1.0, 0.0),
        ("05T19:59", 2.0, 1.0),
        ("08T13:30", 2.0, 0.0),  # the evening, the weekend and the morning are left out
        ("08T13:31", 3.0, 1.0),
        ("08T13:40", 4.0, 1.0),  # of the minutes in between nobody knows
    ]
    later = history(*asked, interval="1m", fill="previous", after=found[2]["ts"]).rows
    assert later == found[3:]
    plain = history(*asked, interval="1m").rows
    assert [row["close"] for row in plain] == [1.0, 2.0, 3.0, 4.0]


def test_days_are_expected_by_the_calendar() -> None:
    week = [micros(f"2020-07-0{day}") for day in range(1, 8)]  # the third was a holiday
    starts, every = np.array(week), interval("1d")
    assert NEW_YORK.expects(starts, every).tolist() == [True, True, *[False] * 3, True, True]
    rates = Days(calendar("24/5"), "UTC")
    assert rates.expects(starts, every).tolist() == [True] * 3 + [False] * 2 + [True] * 2
    assert SYDNEY.expects(starts, every).all()
    assert NEW_YORK.expects(starts, interval("1w")).all()


def test_a_bar_that_the_range_cuts_is_open(tmp_path: Path) -> None:
    import_file(written(tmp_path, MINUTES), interval="1m")
    found = history("file", "SPY", "bar", micros("2020-06-01"), micros("2020-06-01T19:59:30Z"))
    assert [(row["close"], row["closed"]) for row in found.rows] == [(4.0, False)]


@pytest.mark.parametrize("day", ["2013-10-07", "2013-10-08"])
def test_recorded_minutes_make_the_recorded_day(shared_data: Path, day: str) -> None:
    folder = shared_data / "market"
    path = folder / "equity_minute" / f"SPY_{day}.csv"
    import_file(path, symbol="SPY", interval="1m", calendar="XNYS")
    (made,) = history("file", "SPY", "bar", micros(day), micros(day) + 86_400_000_000).rows
    wanted = next(
        row
        for row in pyarrow.csv.read_csv(folder / "equity_daily" / "SPY.csv").to_pylist()
        if str(row["date"]) == day
    )
    names = ("open", "high", "low", "close", "volume")
    cent = 0.0101  # on the second day the vendor's own low is a cent off that of its minutes
    assert [made[name] for name in names] == pytest.approx([wanted[n] for n in names], abs=cent)
    assert made["closed"]
