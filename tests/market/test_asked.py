"""What a crawl is asked for, by numbers or as people write it; when nothing is traded."""

from datetime import UTC, datetime
from typing import Any

import pytest

from raymill.errors import ConfigError, InputError, UnknownName
from raymill.market.asked import LAST_US, Asked, asked_of, is_traded, reach
from raymill.market.instrument import Instrument
from raymill.market.moments import micros, moment
from raymill.market.sources.yahoo_finance import YahooFinance

APPLE = Instrument("AAPL", "yahoo_finance", "AAPL", "equity", "USD", calendar="XNYS")
EURO = Instrument("EUR/USD", "forex_api", "EURUSD", "fx", "USD", calendar="24/5")
BITCOIN = Instrument("BTC/USDT", "binance", "BTCUSDT", "crypto", "USDT")


def named(source: str, symbol: str) -> Instrument:
    assert (source, symbol) == ("binance", "BTC/USDT")
    return Instrument(symbol, source, "BTCUSDT", "crypto", "USDT", instrument_id=7)


def test_a_crawl_is_written_as_people_do_or_in_numbers() -> None:
    given = {"source": "binance", "symbol": "BTC/USDT", "start": "2024-01-01", "end": "2024-01-02"}
    begin, end = micros("2024-01-01"), micros("2024-01-02")
    assert asked_of(given, named) == Asked("binance", 7, "bar", begin, end, "1d")
    trades = {"source": "binance", "symbol": "BTC/USDT", "start": "2024-01-01", "kind": "trade"}
    assert asked_of(trades, named) == Asked("binance", 7, "trade", begin, LAST_US)
    assert moment(LAST_US) == "2200-01-01T00:00:00Z"
    numbers = {"source": "binance", "instrument_id": 3, "begin_us": 1, "end_us": 2, "kind": "trade"}
    assert asked_of(numbers, named) == Asked("binance", 3, "trade", 1, 2)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"source": "binance", "start": "2024-01-01"}, ConfigError, "needs `symbol`"),
        ({"source": "binance", "symbol": "BTC/USDT"}, ConfigError, "needs `start`"),
        ({"symbols": "BTC/USDT"}, UnknownName, "Unknown field of a crawl: `symbols`"),
        (
            {"source": "binance", "symbol": "BTC/USDT", "start": "2024-01-01T00:00"},
            ConfigError,
            "has no zone",
        ),
        (
            {"source": "binance", "symbol": "BTC/USDT", "start": "2024-01-01", "interval": "1x"},
            UnknownName,
            "Unknown interval `1x`",
        ),
    ],
)
def test_what_it_lacks_is_said(given: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        asked_of(given, named)


@pytest.mark.parametrize(
    ("one", "interval", "begin", "end", "expected"),
    [
        (APPLE, "1d", "2024-01-06", "2024-01-08", False),  # a weekend
        (APPLE, "1d", "2024-01-01", "2024-01-02", False),  # New Year's Day
        (APPLE, "1d", "2024-01-05", "2024-01-08", True),
        (APPLE, "1m", "2024-01-03T00:00Z", "2024-01-03T14:30Z", False),  # before the opening
        (APPLE, "1m", "2024-01-03T00:00Z", "2024-01-03T14:31Z", True),
        (APPLE, "1m", "2024-01-03T21:00Z", "2024-01-04T14:30Z", False),  # a night
        (APPLE, "1d", "1850-01-01", "1850-01-02", True),  # the table does not reach
        (APPLE, "1w", "2024-01-06", "2024-01-08", True),
        (EURO, "1d", "2024-01-06", "2024-01-08", False),
        (EURO, "1d", "2024-01-07", "2024-01-09", True),
        (BITCOIN, "1d", "2024-01-06", "2024-01-07", True),
    ],
)
def test_nights_weekends_and_holidays_are_no_holes(
    one: Instrument, interval: str, begin: str, end: str, expected: bool
) -> None:
    asked = Asked(one.venue, 1, "bar", 0, 1, interval)
    assert is_traded(one, asked, micros(begin), micros(end)) is expected


def test_only_what_a_source_still_has_is_asked_for() -> None:
    able, now = YahooFinance.capabilities, micros("2024-03-01")
    asked = Asked("yahoo_finance", 1, "bar", micros("2024-01-01"), micros("2024-02-20"), "1m")
    assert moment(reach(able, asked, now)) == "2024-02-01T00:00:00Z"  # 29 days back
    old = Asked("yahoo_finance", 1, "bar", micros("2024-01-01"), micros("2024-01-20"), "1m")
    with pytest.raises(InputError, match="has `1m` of the last 29 days alone"):
        reach(able, old, now)
    daily = Asked("yahoo_finance", 1, "bar", micros("1990-01-01"), micros("2024-01-20"), "1d")
    assert reach(able, daily, now) == daily.begin_us


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
        ("2024-01-31T01:00:00.5+01:00", datetime(2024, 1, 31, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("1969-12-31T23:59:59.999999Z", datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_moments_are_exact_to_the_microsecond(text: str, expected: datetime) -> None:
    at = micros(text)
    assert at == round((expected - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6)
    assert micros(moment(at)) == at
