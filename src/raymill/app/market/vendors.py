"""The sources of market data as users know them: names, addresses, well-known symbols."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from raymill.app.market import sources as installed
from raymill.app.market.gatherings import KINDS
from raymill.app.market.rooms import MarketRooms, open_rooms
from raymill.app.market.streaming import STREAMING
from raymill.config import settings
from raymill.errors import EngineUnavailable, RaymillError

MOST_SYMBOLS = 200  # of those that a source has, beside the well-known ones
Address = Callable[[], str | None]


def _market(name: str) -> str:
    return str(getattr(settings().market, name))


def _nowhere() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Vendor:
    """A source as users know it. symbols: the well-known ones."""

    name: str
    type: str
    description: str
    rest: Address = _nowhere
    websocket: Address = _nowhere
    symbols: tuple[str, ...] = ()


VENDORS: Mapping[str, Vendor] = {
    "binance": Vendor(
        "Binance",
        "exchange",
        "Spot prices of Binance: trades, quotes, bars; live as well",
        partial(_market, "binance_url"),
        lambda: settings().market_live.binance_url,
        ("BTCUSDT", "ETHUSDT", "ADAUSDT", "DOTUSDT"),
    ),
    "alpha_vantage": Vendor(
        "Alpha Vantage",
        "vendor",
        "Bars of equities; asks for a key",
        partial(_market, "alpha_vantage_url"),
        symbols=("AAPL", "GOOGL", "MSFT", "AMZN"),
    ),
    "yahoo_finance": Vendor(
        "Yahoo Finance",
        "vendor",
        "Bars and quotes of equities, funds, indices, currencies",
        partial(_market, "yahoo_finance_url"),
        symbols=("^GSPC", "^IXIC", "^DJI"),
    ),
    "forex_api": Vendor(
        "Forex API",
        "vendor",
        "Exchange rates of currencies; asks for a key",
        partial(_market, "forex_api_url"),
        symbols=("EURUSD", "GBPUSD", "USDJPY", "AUDUSD"),
    ),
    "simulated": Vendor("Simulated", "simulated", "Made by a formula: nothing in it is a price"),
    "file": Vendor("Files", "file", "Records that were imported from files"),
    "ccxt": Vendor("ccxt", "exchange", "Further exchanges, by the library ccxt"),
    "yfinance": Vendor("yfinance", "vendor", "Yahoo Finance, by the library yfinance"),
}


def vendor(source: str) -> Vendor:
    """What users know of a source; of another package's its name alone."""
    return VENDORS.get(source) or Vendor(source, "vendor", "")


def is_simulated(source: str) -> bool:
    """Whether a source of that name is made up."""
    return source == "simulated"


def source_that_has(symbol: str) -> str | None:
    """The enabled source for which a symbol is well known."""
    found = (name for name in installed.names() if symbol.upper() in known_symbols(name))
    return next(found, None)


def listed_sources() -> list[dict[str, Any]]:
    """The sources that are enabled and installed, with what they have."""
    rooms = open_rooms()
    found = (_about(name, rooms) for name in installed.names())
    return [one for one in found if one is not None]


def count_sources() -> int:
    """How many sources are enabled and installed."""
    return sum(_is_installed(name) for name in installed.names())


@cache
def _is_installed(name: str) -> bool:
    try:
        installed.open_source(name)
    except EngineUnavailable:
        return False
    except RaymillError:
        return True
    return True


def _about(name: str, rooms: MarketRooms) -> dict[str, Any] | None:
    known, note = vendor(name), ""
    try:
        able = installed.open_source(name).capabilities
    except EngineUnavailable:
        return None
    except RaymillError as error:
        return _row(name, known) | {"note": error.message}
    if able.needs_key and not installed.has_key(name):
        note = f"needs a key: {installed.KEYS.get(name, 'see its settings')}"
    live = "yes" if name in STREAMING else able.streaming
    return _row(name, known) | {
        "supported_symbols": _symbols(name, rooms),
        "data_types": [kind for kind, kinds in KINDS.items() if set(kinds) & set(able.kinds)],
        "intervals": list(able.intervals),
        "streaming": "yes" if able.simulated else live,
        "simulated": able.simulated,
        "note": note,
    }


def _row(name: str, known: Vendor) -> dict[str, Any]:
    return {
        "id": name,
        "name": known.name,
        "type": known.type,
        "description": known.description,
        "endpoints": {"rest": known.rest(), "websocket": known.websocket()},
        "supported_symbols": list(known.symbols),
        "data_types": [],
        "intervals": [],
        "streaming": "no",
        "simulated": False,
    }


def known_symbols(source: str) -> list[str]:
    """The symbols of a source that are known without asking it."""
    if is_simulated(source):
        return [f"SIM{number}/USD" for number in range(1, settings().market.simulated_count + 1)]
    return list(vendor(source).symbols)


def _symbols(name: str, rooms: MarketRooms) -> list[str]:
    if is_simulated(name):
        return known_symbols(name)
    listed = [one.venue_symbol for one in rooms.registry.all(name) if one.status == "active"]
    return list(dict.fromkeys([*known_symbols(name), *listed[:MOST_SYMBOLS]]))
