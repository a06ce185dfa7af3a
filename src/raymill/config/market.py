"""Which vendors of market data are asked, where and with which key; how crawls go about it."""

from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator

from raymill.config.section import Section, setting


class MarketSettings(Section):
    """Settings of `raymill market` and `raymill crawls`."""

    section: ClassVar[str] = "market"

    binance_enabled: bool = setting(
        True, "Whether `binance` is a source", aliases=("BINANCE_ENABLED",)
    )
    binance_url: str = setting("https://api.binance.com", "Where Binance is asked")
    binance_api_key: SecretStr | None = setting(
        None, "Key of Binance; public data needs none", aliases=("BINANCE_API_KEY",)
    )
    yahoo_finance_enabled: bool = setting(
        True, "Whether `yahoo_finance` is a source", aliases=("YAHOO_FINANCE_ENABLED",)
    )
    yahoo_finance_url: str = setting(
        "https://query2.finance.yahoo.com", "Where Yahoo Finance is asked"
    )
    yahoo_finance_session_url: str = setting(
        "https://fc.yahoo.com", "Where a session with Yahoo Finance begins"
    )
    yahoo_finance_rate: float = setting(
        1.0, "Requests to Yahoo Finance, which states no limit", unit="1/s", gt=0
    )
    alpha_vantage_enabled: bool = setting(
        True, "Whether `alpha_vantage` is a source", aliases=("ALPHA_VANTAGE_ENABLED",)
    )
    alpha_vantage_url: str = setting("https://www.alphavantage.co", "Where Alpha Vantage is asked")
    alpha_vantage_api_key: SecretStr | None = setting(
        None, "Key of Alpha Vantage", aliases=("ALPHA_VANTAGE_API_KEY",)
    )
    alpha_vantage_per_day: int = setting(
        25, "Requests a day that the key of Alpha Vantage allows", unit="1/d", ge=1
    )
    alpha_vantage_rate: float = setting(
        1.0, "Requests that the key of Alpha Vantage allows", unit="1/s", gt=0
    )
    forex_api_enabled: bool = setting(
        True, "Whether `forex_api` is a source", aliases=("FOREX_API_ENABLED",)
    )
    forex_api_url: str = setting(
        "https://www.alphavantage.co", "Where exchange rates are asked, as Alpha Vantage has them"
    )
    forex_api_key: SecretStr | None = setting(
        None, "Key for exchange rates; none takes that of Alpha Vantage", aliases=("FOREX_API_KEY",)
    )
    file_enabled: bool = setting(True, "Whether `file` is a source")
    simulated_enabled: bool = setting(True, "Whether `simulated` is a source")
    simulated_seed: int = setting(0, "Seed of the simulated source; another one, another world")
    simulated_count: int = setting(8, "Simulated instruments", unit="instruments", ge=1, le=10_000)
    ccxt_enabled: bool = setting(True, "Whether `ccxt` is a source, where it is installed")
    ccxt_exchange: str = setting("kraken", "The exchange that `ccxt` asks")
    yfinance_enabled: bool = setting(True, "Whether `yfinance` is a source, where it is installed")

    benchmark: str = setting("SPY", "Symbol of the instrument that beta is measured against")

    connect_s: float = setting(10.0, "Longest wait for a connection", unit="s", gt=0)
    read_s: float = setting(30.0, "Longest wait for the next bytes of an answer", unit="s", gt=0)
    tries: int = setting(6, "Tries of one request", unit="tries", ge=1)
    deadline_s: float = setting(
        300.0,
        "Longest time of one request, its waits included; beyond it the crawl is parked",
        unit="s",
        gt=0,
    )
    list_hours: float = setting(
        24.0, "Time after which the instruments of a vendor are listed anew", unit="h", gt=0
    )

    @field_validator(
        "binance_url",
        "yahoo_finance_url",
        "yahoo_finance_session_url",
        "alpha_vantage_url",
        "forex_api_url",
    )
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError("give an address such as `https://api.binance.com`")
        return url.rstrip("/")
