"""Alpha Vantage: refusals that come with status 200, wall times of New York, exchange rates."""

from pathlib import Path
from typing import Any

import pytest

from market.asking import cases, judged, request
from raymill import json
from raymill.errors import ConfigError
from raymill.market.instrument import Instrument
from raymill.market.interval import DAY_US
from raymill.market.moments import micros
from raymill.market.sources.alpha_vantage import AlphaVantage
from raymill.market.sources.contract import PageRequest
from raymill.market.sources.forex_api import ForexApi
from raymill.testing import Answers

IBM = Instrument("IBM", "alpha_vantage", "IBM", "equity", "USD", instrument_id=5)
EURO = Instrument("EUR/USD", "forex_api", "EURUSD", "fx", "USD", base="EUR", instrument_id=6)
NOON = 1_796_058_000.0  # 2026-11-30T17:00Z, noon in New York


def daily(*days: str, **more: str) -> dict[str, Any]:
    cells = {"1. open": "10.0", "2. high": "12.5", "3. low": "9.5", "4. close": "11.0"}
    cells |= {"5. volume": "1234", **more}
    about = {"1. Information": "Daily", "5. Time Zone": "US/Eastern"}
    return {"Meta Data": about, "Time Series (Daily)": dict.fromkeys(days, cells)}


def source(**how: Any) -> AlphaVantage:
    return AlphaVantage(key="secret", **how)


def test_daily_bars_are_cut_to_the_range_and_stand_in_order() -> None:
    body = daily("2024-01-04", "2024-01-03", "2024-01-02")
    asked = request("2024-01-02", "2024-01-04", interval="1d", one=IBM)
    rows = source().page(asked, Answers(body)).records.to_pylist()
    assert [row["ts"].date().isoformat() for row in rows] == ["2024-01-02", "2024-01-03"]
    assert (rows[0]["open"], rows[0]["high"], rows[0]["volume"]) == (10.0, 12.5, 1234.0)
    assert (rows[0]["adj"], rows[0]["source"]) == ("raw", "alpha_vantage")


def test_wall_times_are_those_of_new_york_summer_and_winter() -> None:
    cells = daily("x")["Time Series (Daily)"]["x"]
    body = {
        "Meta Data": {"6. Time Zone": "US/Eastern"},
        "Time Series (1min)": {"2024-07-01 09:30:00": cells, "2024-12-02 09:30:00": cells},
    }
    asked = request("2024-07-01", "2024-12-31", interval="1m", one=IBM)
    rows = source().page(asked, Answers(body)).records.to_pylist()
    assert [row["ts"].isoformat() for row in rows] == [
        "2024-07-01T13:30:00+00:00",
        "2024-12-02T14:30:00+00:00",
    ]


def test_minutes_are_asked_for_by_the_month() -> None:
    body = {"Meta Data": {"6. Time Zone": "US/Eastern"}, "Time Series (5min)": {}}
    fetch = Answers(body)
    asked = request("2023-12-15", "2024-01-10", interval="5m", one=IBM)
    page = source().page(asked, fetch)
    assert "interval=5min&month=2023-12&" in fetch.urls[0]
    assert (page.next_cursor, page.complete_us) == ("2024-01", micros("2024-01-01T05:00Z"))
    asked = request("2023-12-15", "2024-01-10", interval="5m", one=IBM, cursor="2024-01")
    page = source().page(asked, fetch)
    assert (page.next_cursor, page.complete_us) == (None, micros("2024-01-10"))


def test_only_as_much_is_asked_for_as_is_needed() -> None:
    fetch = Answers(daily())
    source().page(request("2025-12-01", "2025-12-31", interval="1d", one=IBM), fetch)
    source().page(request("2024-12-01", "2025-12-31", interval="1d", one=IBM), fetch)
    assert ["outputsize=compact" in url for url in fetch.urls] == [True, False]


def test_a_premium_key_gets_splits_and_dividends_too() -> None:
    more = {"7. dividend amount": "0.5", "8. split coefficient": "2.0"}
    fetch = Answers(daily("2024-01-02", **more))
    asked = request("2024-01-01", "2024-02-01", interval="1d", one=IBM)
    page = source(premium=True).page(asked, fetch)
    assert "TIME_SERIES_DAILY_ADJUSTED" in fetch.urls[0]
    kinds = {row["kind"]: row for row in page.also["corporate_action"].to_pylist()}
    assert (kinds["split"]["ratio"], kinds["dividend"]["amount"]) == (2.0, 0.5)


def test_without_a_key_nothing_is_asked() -> None:
    fetch = Answers({})
    with pytest.raises(ConfigError, match="asks for a key"):
        AlphaVantage().page(request("2024-01-01", "2024-02-01", interval="1d", one=IBM), fetch)
    assert fetch.urls == []


def test_the_key_is_shown_nowhere() -> None:
    fetch = Answers(daily())
    source().page(request("2024-01-01", "2024-02-01", interval="1d", one=IBM), fetch)
    assert "apikey=secret" in fetch.urls[0]
    assert "secret" not in fetch.requests[0].shown
    text = "We have detected your API key as secret and our limit is 25 requests per day."
    found = judged(source(), {"status": 200, "body": {"Information": text}})
    assert "secret" not in found.reason


@pytest.mark.parametrize(
    ("body", "fault", "wait_s"),
    [
        ({"Error Message": "Invalid API call."}, "permanent", None),
        ({"Information": "our rate limit is 25 requests per day"}, "daily_quota", 12 * 3600.0),
        (
            {"Information": "spreading out your requests (1 request per second), 25 per day"},
            "rate_limited",
            1.5,
        ),
        ({"Note": "frequency is 5 calls per minute and 500 calls per day"}, "rate_limited", 60.0),
        ({"Information": "The **demo** API key is for demo purposes only."}, "permanent", None),
        ({"Information": "This is a premium endpoint."}, "permanent", None),
        ({}, "", None),
        ({"Time Series (Daily)": {}}, "", None),
    ],
)
def test_what_an_answer_with_status_200_means(body: Any, fault: str, wait_s: Any) -> None:
    found = judged(source(), {"status": 200, "body": body}, now=NOON)
    assert (found.fault, found.wait_s) == (fault, wait_s)


def test_the_recorded_refusals_are_understood(shared_data: Path) -> None:
    meant = {
        "burst": "rate_limited",
        "burst_legacy_wording": "rate_limited",
        "bad_key": "permanent",
        "premium_only": "permanent",
        "empty": "",
    }
    for case in cases(shared_data, "alpha_vantage"):
        wanted = meant.get(case["class"], case["class"])
        assert judged(source(), case).fault == wanted, case


def test_the_recorded_minutes_are_whole(shared_data: Path) -> None:
    path = shared_data / "market" / "alpha_vantage" / "mock_time_series.json"
    asked = request("2017-12-18", "2017-12-19", interval="1m", one=IBM)
    rows = source().page(asked, Answers(path.read_bytes())).records.to_pylist()
    assert len(rows) == 100
    assert rows[-1]["ts"].isoformat() == "2017-12-18T19:56:00+00:00"  # 14:56 in New York
    assert (rows[-1]["close"], rows[-1]["volume"]) == (86.5, 10494.0)


def test_the_recorded_search_gives_the_instrument_itself(shared_data: Path) -> None:
    body = (shared_data / "market" / "alpha_vantage" / "symbol_search.json").read_bytes()
    found = source().instruments(Answers(body), ["ba"]).instruments
    assert [(one.symbol, one.name, one.calendar) for one in found] == [
        ("BA", "The Boeing Company", "XNYS")
    ]
    assert source().instruments(Answers(body), ["B"]).instruments == []


def test_rates_are_bars_without_a_volume() -> None:
    cells = {"1. open": "1.10", "2. high": "1.12", "3. low": "1.09", "4. close": "1.11"}
    about = {"1. Information": "Forex Daily Prices", "6. Time Zone": "UTC"}
    body = {"Meta Data": about, "Time Series FX (Daily)": {"2024-01-02": cells}}
    fetch = Answers(body)
    asked = request("2024-01-01", "2024-02-01", interval="1d", one=EURO)
    row = ForexApi(key="secret").page(asked, fetch).records.to_pylist()[0]
    assert (row["close"], row["volume"], row["source"]) == (1.11, 0.0, "forex_api")
    assert "from_symbol=EUR&to_symbol=USD" in fetch.urls[0]


def test_pairs_are_known_without_asking() -> None:
    fetch = Answers({})
    listing = ForexApi(key="secret").instruments(fetch, ["eurusd", "GBP/JPY", "AAPL"])
    assert [one.symbol for one in listing.instruments] == ["EUR/USD", "GBP/JPY"]
    assert fetch.urls == []


def test_the_rate_of_now_is_a_quote(shared_data: Path) -> None:
    path = shared_data / "market" / "alpha_vantage" / "mock_foreign_exchange.json"
    asked = request("2024-01-01", "2024-01-02", kind="quote", one=EURO)
    row = ForexApi(key="secret").page(asked, Answers(path.read_bytes())).records.to_pylist()[0]
    assert (row["bid"], row["ask"]) == (109631.430607, 109631.430607)
    assert row["ts"].isoformat() == "2017-12-20T19:23:21+00:00"
    body = json.dumps({"Realtime Currency Exchange Rate": {}})
    assert ForexApi(key="secret").page(asked, Answers(body)).records.num_rows == 0


def test_minutes_of_a_currency_are_asked_for_whole_even_if_few_are_wanted() -> None:
    """The compact size has the newest hundred bars alone: the rest of the range would be lost."""
    fetch = Answers({"Meta Data": {}, "Time Series FX (15min)": {}})
    source = ForexApi(key="k")
    now_us = 1_704_500_000_000_000
    asked = PageRequest(EURO, "bar", now_us - 4 * DAY_US, now_us, now_us, "15m")
    source.page(asked, fetch)
    assert "outputsize=full" in fetch.urls[0]
    source.page(PageRequest(EURO, "bar", now_us - 4 * DAY_US, now_us, now_us, "1d"), fetch)
    assert "outputsize=compact" in fetch.urls[1]
