"""Sessions of venues: the New York exchanges against what they announced, and the two rules."""

import importlib.util
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from raymill.errors import UnknownName
from raymill.market.calendar import Session, calendar, names

ROOT = Path(__file__).parents[2]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}+00:00")


# Hours of the NYSE: 9:30 to 16:00 in New York, 13:00 on the day after Thanksgiving and on Christmas
# Eve; closed on Thanksgiving, 2026-11-26. Daylight saving begins on 2026-03-08.
NEW_YORK = [
    ("03-06T14:29:59", "pre", "03-06T14:30:00", "open"),
    ("03-06T14:30:00", "open", "03-06T21:00:00", "post"),
    ("03-09T13:30:00", "open", "03-09T20:00:00", "post"),
    ("03-09T07:59:59", "closed", "03-09T08:00:00", "pre"),
    ("11-25T21:00:00", "post", "11-26T01:00:00", "closed"),
    ("11-26T15:00:00", "closed", "11-27T09:00:00", "pre"),
    ("11-27T17:59:59", "open", "11-27T18:00:00", "post"),
    ("11-27T18:00:00", "post", "11-27T22:00:00", "closed"),
    ("11-28T15:00:00", "closed", "11-30T09:00:00", "pre"),
    ("12-24T18:30:00", "post", "12-24T22:00:00", "closed"),
]


@pytest.mark.parametrize(("moment", "state", "change", "after"), NEW_YORK)
def test_the_exchanges_of_new_york_trade_as_announced(
    moment: str, state: Any, change: str, after: Any
) -> None:
    assert calendar("XNYS").session(at(moment)) == Session(state, at(change), after)


def test_a_session_is_over_at_its_close() -> None:
    new_york = calendar("XNYS")
    assert new_york.last_close(at("11-27T17:59:59")) == at("11-25T21:00:00")
    assert new_york.last_close(at("11-27T18:00:00")) == at("11-27T18:00:00")
    days = np.array([(date(2026, 11, day) - date(1970, 1, 1)).days for day in (27, 28)], np.int32)
    closes = [at("11-27T18:00:00"), at("11-29T00:00:00")]
    assert new_york.ends(days).tolist() == [round(one.timestamp() * 1e6) for one in closes]


def test_beyond_the_table_a_session_is_unknown() -> None:
    for year in (1989, 2031):
        assert calendar("XNYS").session(datetime(year, 6, 1, tzinfo=UTC)) == Session("unknown")


def test_around_the_clock_never_changes_and_weekdays_end_on_saturday() -> None:
    assert calendar("24/7").session(at("11-28T03:00:00")) == Session("open")
    assert calendar("24/7").last_close(at("11-28T03:00:00")) == at("11-28T00:00:00")
    weekdays = calendar("24/5")
    friday, saturday = at("11-27T23:59:59"), at("11-28T00:00:00")
    assert weekdays.session(friday) == Session("open", saturday, "closed")
    assert weekdays.session(saturday) == Session("closed", at("11-30T00:00:00"), "open")
    assert weekdays.last_close(at("11-29T12:00:00")) == saturday


def test_an_unknown_calendar_names_near_ones() -> None:
    with pytest.raises(UnknownName, match="Unknown calendar `XNYE`") as found:
        calendar("XNYE")
    assert "did you mean `XNYS`?" in (found.value.hint or "")
    assert names() == ["XNYS", "24/5", "24/7"]


@pytest.mark.system
@pytest.mark.filterwarnings("ignore")  # of the library about another one
def test_the_table_holds_what_the_library_of_calendars_says() -> None:
    pytest.importorskip("exchange_calendars")
    spec = importlib.util.spec_from_file_location("trading", ROOT / "tools" / "trading_days.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.trading_days().cast(pq.read_schema(made.PLACE)).equals(pq.read_table(made.PLACE))


def test_the_table_reaches_years_ahead() -> None:
    last = at("01-01T00:00:00") + timedelta(days=1000)
    assert calendar("XNYS").session(last).state != "unknown"
