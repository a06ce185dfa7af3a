"""The sources that are installed and enabled, made as the settings say."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import SecretStr

from raymill.config import settings
from raymill.config.market import MarketSettings
from raymill.errors import ConfigError
from raymill.flow.registry import MARKET_SOURCES, load
from raymill.flow.registry import names as registered
from raymill.market.sources.contract import Source

KEYS = {"alpha_vantage": "ALPHA_VANTAGE_API_KEY", "forex_api": "FOREX_API_KEY"}
"""Where the keys of sources come from."""


def names() -> list[str]:
    """The sources that are enabled."""
    return [name for name in registered(MARKET_SOURCES) if is_enabled(name)]


def is_enabled(name: str) -> bool:
    """Whether a source is enabled; one of another package always is."""
    return bool(getattr(settings().market, f"{name}_enabled", True))


def open_source(name: str) -> Source:
    """Make a source. Raises UnknownName with near matches, ConfigError for one that is disabled or
    lacks its key, EngineUnavailable for one whose extra is not installed."""
    if name in registered(MARKET_SOURCES) and not is_enabled(name):
        variable = MarketSettings.variable(f"{name}_enabled")
        raise ConfigError(f"Source `{name}` is disabled", hint=f"export {variable}=true")
    make: Callable[..., Source] = load(MARKET_SOURCES, name)
    options = _OPTIONS.get(name)
    return make(**options(settings().market)) if options else make()


def has_key(name: str) -> bool:
    """Whether the settings have a key for a source."""
    options = _OPTIONS.get(name)
    return bool(options and options(settings().market).get("key"))


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""


def _alpha_vantage(chosen: MarketSettings) -> Mapping[str, Any]:
    return {
        "url": chosen.alpha_vantage_url,
        "key": _secret(chosen.alpha_vantage_api_key),
        "per_day": chosen.alpha_vantage_per_day,
        "rate": chosen.alpha_vantage_rate,
    }


def _forex_api(chosen: MarketSettings) -> Mapping[str, Any]:
    about = {**_alpha_vantage(chosen), "url": chosen.forex_api_url}
    key = _secret(chosen.forex_api_key)
    shared = _secret(chosen.alpha_vantage_api_key)
    if key and key != shared:
        return {**about, "key": key}
    return {**about, "key": shared, "budget": "alpha_vantage"}


_OPTIONS: Mapping[str, Callable[[MarketSettings], Mapping[str, Any]]] = {
    "binance": lambda chosen: {"url": chosen.binance_url, "key": _secret(chosen.binance_api_key)},
    "yahoo_finance": lambda chosen: {
        "url": chosen.yahoo_finance_url,
        "session_url": chosen.yahoo_finance_session_url,
        "rate": chosen.yahoo_finance_rate,
    },
    "alpha_vantage": _alpha_vantage,
    "forex_api": _forex_api,
    "simulated": lambda chosen: {"seed": chosen.simulated_seed, "count": chosen.simulated_count},
    "ccxt": lambda chosen: {"exchange": chosen.ccxt_exchange},
}
