"""Yahoo Finance: charts as bars and actions, its traps, what its refusals mean."""

from pathlib import Path
from typing import Any

import pytest

from market.asking import cases, judged, request
from raymill import json
from raymill.errors import InputError
from raymill.market.instrument import Instrument
from raymill.market.interval import DAY_US
from raymill.market.moments import micros
from raymill.market.sources.outlet import Outlet
from raymill.market.sources.yahoo_finance import YahooFinance
from raymill.net import Http
from raymill.testing import Answers
from raymill.testing.replay import Asked, Recorded, ReplayServer

APPLE = Instrument("AAPL", "yahoo_finance", "AAPL", "equity", "USD", instrument_id=3)
HALF_PAST_NINE = 1_598_880_600  # 2020-08-31T13:30Z: summer time, whatever the offset says


def chart(
    stamps: list[int] | None,
    closes: list[float | None],
    zone: str = "America/New_York",
    **about: Any,
) -> dict[str, Any]:
    """A chart: opens at the close, high and low 1 from it."""
    cells = {
        "open": closes,
        "high": [None if close is None else close + 1 for close in closes],
        "low": [None if close is None else close - 1 for close in closes],
        "close": closes,
        "volume": [None if close is None else 1000 for close in closes],
    }
    meta = {"symbol": "AAPL", "currency": "USD", "instrumentType": "EQUITY", "gmtoffset": -18000}
    meta |= {"exchangeTimezoneName": zone, "exchangeName": "NMS", **about.pop("meta", {})}
    found: dict[str, Any] = {"meta": meta, "indicators": {"quote": [cells]}, **about}
    if stamps is not None:
        found["timestamp"] = stamps
    return {"chart": {"result": [found], "error": None}}


def bars(body: Any, begin: str, end: str, **how: Any) -> list[dict[str, Any]]:
    asked = request(begin, end, one=APPLE, **{"interval": "1d", **how})
    found: list[dict[str, Any]] = YahooFinance().page(asked, Answers(body)).records.to_pylist()
    return found


def test_a_daily_bar_is_named_after_its_day_at_the_exchange() -> None:
    rows = bars(chart([HALF_PAST_NINE], [129.04]), "2020-08-01", "2020-09-30")
    assert [row["ts"].isoformat() for row in rows] == ["2020-08-31T00:00:00+00:00"]
    assert (rows[0]["adj"], rows[0]["closed"], rows[0]["volume"]) == ("split", True, 1000)


def test_a_session_that_begins_the_day_before_in_utc_belongs_to_its_own_day() -> None:
    stamp = 1_578_007_800  # 2020-01-02T23:30Z is January 3rd in Sydney
    fetch = Answers(chart([stamp], [10.0], zone="Australia/Sydney"))
    asked = request("2020-01-03", "2020-01-04", interval="1d", one=APPLE)
    rows = YahooFinance().page(asked, fetch).records.to_pylist()
    assert [row["ts"].isoformat() for row in rows] == ["2020-01-03T00:00:00+00:00"]
    assert "period1=1577923200&period2=1578182400" in fetch.urls[0]  # a day more on both sides


def test_rows_without_prices_are_no_bars_and_half_of_one_is_no_number() -> None:
    body = chart([HALF_PAST_NINE, HALF_PAST_NINE + 86_400], [None, 5.0])
    body["chart"]["result"][0]["indicators"]["quote"][0]["low"][1] = None
    rows = bars(body, "2020-08-01", "2020-09-30")
    assert len(rows) == 1
    assert rows[0]["low"] != rows[0]["low"]  # NaN: the store sets it aside


def test_hours_that_begin_with_the_hour_are_bars() -> None:
    eight = 1_598_860_800  # 2020-08-31T08:00Z, when London opens
    body = chart([eight, eight + 3600, eight + 3600 + 137], [1.0, 2.0, 3.0], zone="Europe/London")
    rows = bars(body, "2020-08-31", "2020-09-01", interval="1h")
    assert [f"{row['ts']:%H:%M}" for row in rows] == ["08:00", "09:00"]
    assert bars(chart([eight + 137], [1.0]), "2020-08-31", "2020-09-01", interval="1h") == []


def test_hours_that_begin_at_half_past_are_refused_with_what_to_ask_for_instead() -> None:
    body = chart([HALF_PAST_NINE, HALF_PAST_NINE + 3600], [1.0, 2.0])
    with pytest.raises(InputError, match="`AAPL` begin with the session") as caught:
        bars(body, "2020-08-31", "2020-09-01", interval="1h")
    assert "--interval 30m" in str(caught.value.hint)
    able = YahooFinance.capabilities.back_us
    assert (able["1h"] / DAY_US, able["30m"] / DAY_US, able["1m"] / DAY_US) == (729, 59, 29)


def test_a_range_without_trading_has_no_times_and_gives_nothing() -> None:
    assert bars(chart(None, []), "2020-01-01", "2020-01-02") == []
    assert bars(chart(None, [75.0]), "2020-01-01", "2020-01-02") == []
    empty = {"chart": {"result": [], "error": None}}
    assert bars(empty, "2020-01-01", "2020-01-02") == []


def test_a_live_quote_behind_the_last_minute_is_no_bar() -> None:
    stamps = [HALF_PAST_NINE, HALF_PAST_NINE + 60, HALF_PAST_NINE + 97]
    rows = bars(chart(stamps, [1.0, 2.0, 3.0]), "2020-08-31", "2020-09-01", interval="1m")
    assert [row["close"] for row in rows] == [1.0, 2.0]


def test_the_bar_of_today_is_closed_when_the_session_is_over() -> None:
    regular = {"start": HALF_PAST_NINE, "end": HALF_PAST_NINE + 23_400}  # 20:00Z
    body = chart([HALF_PAST_NINE], [1.0], meta={"currentTradingPeriod": {"regular": regular}})
    for text, is_closed in (("19:59:59Z", False), ("20:00:00Z", True)):
        now = micros(f"2020-08-31T{text}")
        assert bars(body, "2020-08-31", "2020-09-01", now=now)[0]["closed"] is is_closed


def test_splits_and_dividends_come_along() -> None:
    at = HALF_PAST_NINE
    events = {
        "splits": {str(at): {"date": at, "numerator": 4, "denominator": 1}},
        "dividends": {str(at + 86_400): {"date": at + 86_400, "amount": 0.205}},
    }
    body = chart([at], [1.0], events=events)
    asked = request("2020-08-01", "2020-09-30", interval="1d", one=APPLE)
    page = YahooFinance().page(asked, Answers(body))
    split, dividend = page.also["corporate_action"].to_pylist()
    assert (split["ex_date"].isoformat(), split["kind"], split["ratio"]) == (
        *("2020-08-31", "split", 4.0),
    )
    assert (dividend["kind"], dividend["amount"], dividend["currency"]) == (
        *("dividend", 0.205, "USD"),
    )
    alone = request("2020-08-01", "2020-09-01", kind="corporate_action", one=APPLE)
    rows = YahooFinance().page(alone, Answers(body)).records.to_pylist()
    assert [row["kind"] for row in rows] == ["split"]


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (404, {"chart": {"error": {"description": "No data found"}}}, "unknown_symbol"),
        (
            422,
            {"chart": {"error": {"description": "Only 8 days worth of 1m granularity data"}}},
            "range_too_long",
        ),
        (401, {"finance": {"error": {"description": "Invalid Crumb"}}}, "auth_refresh"),
        (429, "Edge: Too Many Requests", "rate_limited"),
        (200, "<!DOCTYPE html><title>Yahoo</title>", "rate_limited"),
        (502, "bad gateway", "transient"),
        (200, {"chart": {"result": [], "error": None}}, ""),
    ],
)
def test_what_a_refusal_means(status: int, body: Any, fault: str) -> None:
    assert judged(YahooFinance(), {"status": status, "body": body}).fault == fault


def test_the_recorded_refusals_are_understood(shared_data: Path) -> None:
    meant = {"empty": "", "consent_or_block_page": "rate_limited"}
    for case in cases(shared_data, "yahoo"):
        wanted = meant.get(case["class"], case["class"])
        assert judged(YahooFinance(), case).fault == wanted, case


def recorded(shared_data: Path, name: str) -> Any:
    return json.loads((shared_data / "market" / "yahoo" / name).read_bytes())["body"]


def test_the_recorded_chart_of_a_split_is_whole(shared_data: Path) -> None:
    body = recorded(shared_data, "chart-AAPL-2020-08-31-to-2020-11-07.json")
    asked = request("2020-08-31", "2020-11-07", interval="1d", one=APPLE)
    page = YahooFinance().page(asked, Answers(body))
    rows = page.records.to_pylist()
    assert len(rows) == 49
    assert rows[0]["ts"].isoformat() == "2020-08-31T00:00:00+00:00"
    assert rows[0]["close"] == 129.0399932861328
    assert rows[-1]["ts"].isoformat() == "2020-11-06T00:00:00+00:00"
    kinds = {row["ex_date"].isoformat(): row for row in page.also["corporate_action"].to_pylist()}
    assert kinds["2020-08-31"]["ratio"] == 4.0
    assert kinds["2020-11-06"]["amount"] == 0.205


def test_the_recorded_chart_in_pence_says_so(shared_data: Path) -> None:
    body = recorded(shared_data, "chart-OCDO.L-2020-01-01-to-2020-01-03.json")
    one = YahooFinance().instruments(Answers(body), ["OCDO.L"]).instruments[0]
    assert (one.currency, one.price_scale, one.timezone) == ("GBp", 0.01, "Europe/London")


def test_the_recorded_charts_of_currencies_and_coins(shared_data: Path) -> None:
    body = recorded(shared_data, "chart-EURUSD_X-2020-01-01-to-2020-01-03.json")
    one = YahooFinance().instruments(Answers(body), ["EUR/USD"]).instruments[0]
    assert (one.symbol, one.asset_class, one.calendar) == ("EUR/USD", "fx", "24/5")
    body = recorded(shared_data, "chart-BTC-USD-2020-01-01-to-2020-01-03.json")
    rows = bars(body, "2020-01-01", "2020-01-03")
    assert [row["close"] for row in rows] == [7200.17431640625, 6985.47021484375]


class Crumbs:
    """A server that asks for a session before it tells quotes."""

    def __init__(self) -> None:
        self.valid = "one"

    def __call__(self, asked: Asked) -> Recorded | None:
        if asked.path == "/session":
            return Recorded(404, headers={"Set-Cookie": f"A3={self.valid}"})
        if asked.path == "/v1/test/getcrumb":
            return Recorded(body=self.valid.encode())
        if f"crumb={self.valid}" not in asked.path or f"A3={self.valid}" not in asked.headers.get(
            "cookie", ""
        ):
            error = {"finance": {"result": None, "error": {"description": "Invalid Crumb"}}}
            return Recorded(401, json.dumps(error))
        row = {"symbol": "AAPL", "bid": 244.44, "ask": 253.37, "bidSize": 2, "askSize": 1}
        return Recorded(body=json.dumps({"quoteResponse": {"result": [row], "error": None}}))


def test_a_session_that_is_over_is_begun_again_once() -> None:
    crumbs = Crumbs()
    with ReplayServer(crumbs) as server, Http() as http:
        source = YahooFinance(server.url, f"{server.url}/session")
        outlet = Outlet(source, http, sleep=lambda seconds: None)
        asked = request("2024-01-01", "2024-01-02", kind="quote", one=APPLE)
        quote = outlet.page(asked).records.to_pylist()[0]
        assert (quote["bid"], quote["ask_size"]) == (244.44, 1.0)
        assert server.count() == 4  # refused, session, crumb, answered
        crumbs.valid = "two"
        outlet.page(asked)
        assert server.count() == 8
        crumbs.valid = "%%"  # a word that is never right
        with pytest.raises(InputError, match="Invalid Crumb"):
            outlet.page(asked)
        assert server.count() == 12
