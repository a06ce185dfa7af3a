"""ccxt and yfinance behind the contract: their clients are handed in, as they may not be there."""

import importlib.util
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pytest

from market.asking import request
from raymill.errors import EngineUnavailable, InputError, SourceError
from raymill.market.instrument import Instrument
from raymill.market.moments import micros
from raymill.market.sources import ccxt, yfinance
from raymill.testing import Answers

BEGIN_MS = 1_704_067_200_000
ONE = Instrument("BTC/USD", "ccxt", "BTC/USD", "crypto", "USD", instrument_id=4)
APPLE = Instrument("AAPL", "yfinance", "AAPL", "equity", "USD", instrument_id=5)


class BaseError(Exception):
    """As ccxt names the root of its errors."""


class NetworkError(BaseError):
    """As ccxt names it."""


class RateLimitExceeded(NetworkError):
    """As ccxt names it."""


class BadSymbol(BaseError):
    """As ccxt names it."""


class Exchange:
    """A client with the methods of ccxt that are used."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.timeframes = {"1m": 1, "1h": 60, "1d": 1440}
        self.rateLimit = 500

    def load_markets(self) -> dict[str, Any]:
        about = {"base": "BTC", "quote": "USD", "spot": True, "active": False}
        about |= {"precision": {"price": 0.1, "amount": 1e-8}, "limits": {"cost": {"min": 0.5}}}
        future = {"symbol": "BTC/USD:BTC", "spot": False}
        return {"BTC/USD": {**about, "symbol": "BTC/USD"}, "BTC/USD:BTC": future}

    def fetch_ohlcv(self, symbol: str, every: str, since: int, limit: int) -> list[list[float]]:
        if self.error is not None:
            raise self.error
        rows = [[BEGIN_MS + n * 60_000, 1.0, 2.0, 0.5, 1.5, 9.0] for n in range(5)]
        return [row for row in rows if row[0] >= since][:limit]

    def fetch_trades(self, symbol: str, since: int, limit: int) -> list[dict[str, Any]]:
        rows = [
            {
                "id": str(n),
                "timestamp": BEGIN_MS + n // 2,
                "price": 1.5,
                "amount": 2.0,
                "side": "sell",
            }
            for n in range(7)
        ]
        return [row for row in rows if row["timestamp"] >= since][:limit]


def test_bars_of_ccxt_go_page_by_page() -> None:
    source = ccxt.Ccxt(client=Exchange())
    assert source.capabilities.intervals == ("1m", "1h", "1d")
    assert source.limits[0].count == 2.0
    asked = request("2024-01-01", "2024-01-01T00:04Z", interval="1m", one=ONE, limit=2)
    page = source.page(asked, Answers({}))
    assert page.records["close"].to_pylist() == [1.5, 1.5]
    assert page.next_cursor == str(micros("2024-01-01T00:02Z"))
    again = request(
        "2024-01-01", "2024-01-01T00:04Z", interval="1m", one=ONE, limit=2, cursor=page.next_cursor
    )
    page = source.page(again, Answers({}))
    assert (page.records.num_rows, page.next_cursor) == (2, None)


def test_trades_of_ccxt_ask_for_the_last_millisecond_again() -> None:
    source = ccxt.Ccxt(client=Exchange())
    asked = request("2024-01-01", "2024-01-02", kind="trade", one=ONE, limit=3)
    page = source.page(asked, Answers({}))
    assert page.records["trade_id"].to_pylist() == [0, 1, 2]
    assert page.complete_us == (BEGIN_MS + 1) * 1000
    again = request(
        "2024-01-01", "2024-01-02", kind="trade", one=ONE, limit=3, cursor=page.next_cursor
    )
    assert source.page(again, Answers({})).records["trade_id"].to_pylist() == [2, 3, 4]


def test_markets_of_ccxt_are_instruments() -> None:
    (one,) = ccxt.Ccxt(client=Exchange()).instruments(Answers({})).instruments
    assert (one.symbol, one.tick_size, one.step_size, one.min_notional, one.status) == (
        *("BTC/USD", "0.1", "0.00000001", "0.5", "halted"),
    )


@pytest.mark.parametrize(
    ("error", "fault", "kind"),
    [
        (RateLimitExceeded("429"), "rate_limited", SourceError),
        (NetworkError("reset"), "transient", SourceError),
        (BadSymbol("no"), "unknown_symbol", InputError),
        (BaseError("?"), "permanent", InputError),
    ],
)
def test_errors_of_ccxt_are_faults(error: Exception, fault: str, kind: type[Exception]) -> None:
    asked = request("2024-01-01", "2024-01-02", interval="1m", one=ONE)
    with pytest.raises(kind) as found:
        ccxt.Ccxt(client=Exchange(error)).page(asked, Answers({}))
    assert found.value.details["fault"] == fault


def test_an_error_of_our_own_is_not_taken_for_one_of_the_vendor() -> None:
    asked = request("2024-01-01", "2024-01-02", interval="1m", one=ONE)
    with pytest.raises(ZeroDivisionError):
        ccxt.Ccxt(client=Exchange(ZeroDivisionError())).page(asked, Answers({}))


class Frame:
    """A table with the parts of pandas' that are used."""

    def __init__(self, index: list[datetime], **columns: list[float]) -> None:
        self.index, self._columns = index, columns
        self.columns = list(columns)

    def __getitem__(self, name: str) -> Any:
        return np.array(self._columns[name])


class Ticker:
    """A client with the methods of yfinance that are used."""

    history_metadata: ClassVar[dict[str, str]] = {
        "symbol": "AAPL",
        "currency": "USD",
        "instrumentType": "EQUITY",
        "exchangeName": "NMS",
        "exchangeTimezoneName": "America/New_York",
    }

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol

    def history(self, **asked: Any) -> Frame:
        days = [datetime(2020, 8, day, 4, tzinfo=UTC) for day in (28, 31)]
        cells = {"Open": [1.0, 2.0], "High": [3.0, 3.0], "Low": [0.5, 0.5], "Close": [1.5, 2.5]}
        return Frame(
            days,
            **cells,
            Volume=[10.0, 20.0],
            Dividends=[0.2, 0.0],
            **{"Stock Splits": [0.0, 4.0]},
        )


class Module:
    """The module yfinance."""

    def __init__(self, ticker: Any = Ticker) -> None:
        self.Ticker = ticker


def test_tables_of_yfinance_are_bars_and_actions() -> None:
    source = yfinance.Yfinance(client=Module())
    asked = request("2020-08-31", "2020-09-30", interval="1d", one=APPLE)
    page = source.page(asked, Answers({}))
    (row,) = page.records.to_pylist()
    assert (row["ts"].date().isoformat(), row["close"], row["adj"]) == ("2020-08-31", 2.5, "split")
    (split,) = page.also["corporate_action"].to_pylist()
    assert (split["kind"], split["ratio"]) == ("split", 4.0)
    (one,) = source.instruments(Answers({}), ["AAPL"]).instruments
    assert (one.symbol, one.calendar) == ("AAPL", "XNYS")


class YFRateLimitError(Exception):
    """As yfinance names it."""


class YFPricesMissingError(Exception):
    """As yfinance names it."""


@pytest.mark.parametrize(
    ("error", "fault"),
    [(YFRateLimitError, "rate_limited"), (YFPricesMissingError, "unknown_symbol")],
)
def test_errors_of_yfinance_are_faults(error: type[Exception], fault: str) -> None:
    class Refusing(Ticker):
        def history(self, **asked: Any) -> Frame:
            raise error("no")

    asked = request("2020-08-31", "2020-09-30", interval="1d", one=APPLE)
    with pytest.raises((SourceError, InputError)) as found:
        yfinance.Yfinance(client=Module(Refusing)).page(asked, Answers({}))
    assert found.value.details["fault"] == fault


@pytest.mark.parametrize(
    ("make", "package", "extra"),
    [(ccxt.Ccxt, "ccxt", "crypto"), (yfinance.Yfinance, "yfinance", "yahoo")],
)
def test_an_extra_that_is_not_installed_says_what_to_install(
    make: Any, package: str, extra: str
) -> None:
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    with pytest.raises(EngineUnavailable, match="is not installed") as found:
        make()
    assert found.value.hint == f"pip install 'raymill[{extra}]'"
