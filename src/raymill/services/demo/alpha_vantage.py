"""Alpha Vantage as the demo has it: equities and exchange rates over simulated records."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from raymill import json
from raymill.errors import UnknownName
from raymill.market.interval import DAY_US, INTERVALS
from raymill.services.demo.world import EQUITIES, World, at_us, now_us

ZONE = ZoneInfo("America/New_York")
GRAINS = {"1min": "1m", "5min": "5m", "15min": "15m", "30min": "30m"}
COMPACT, FULL = 100, 800  # days that it goes back


def routes(world: World) -> list[BaseRoute]:
    """The routes of the vendor."""
    vendor = _AlphaVantage(world)

    def query(request: Request) -> Response:
        return Response(json.dumps(vendor.answer(request.query_params)), 200)

    return [Route("/query", query)]


class _AlphaVantage:
    def __init__(self, world: World) -> None:
        self._world = world
        self._functions: Mapping[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {
            "SYMBOL_SEARCH": self._search,
            "TIME_SERIES_DAILY": self._daily,
            "TIME_SERIES_INTRADAY": self._intraday,
            "FX_DAILY": self._fx_daily,
            "FX_INTRADAY": self._fx_intraday,
            "CURRENCY_EXCHANGE_RATE": self._rate,
        }

    def answer(self, asked: Mapping[str, str]) -> dict[str, Any]:
        """The body of an answer; every refusal has status 200, as with the real one."""
        if not asked.get("apikey"):
            return {"Error Message": "the parameter apikey is invalid or missing."}
        function = self._functions.get(asked.get("function", ""))
        if function is None:
            return {"Error Message": "This API function does not exist."}
        try:
            return function(asked)
        except UnknownName:
            return {"Error Message": "Invalid API call."}

    def _search(self, asked: Mapping[str, str]) -> dict[str, Any]:
        wanted = asked.get("keywords", "").upper()
        found = [ware for ware in EQUITIES if ware.symbol.startswith(wanted)]
        return {
            "bestMatches": [
                {
                    "1. symbol": ware.symbol,
                    "2. name": f"{ware.name} (simulated)",
                    "3. type": "Equity",
                    "4. region": "United States",
                    "7. timezone": "UTC-04",
                    "8. currency": "USD",
                }
                for ware in found
            ]
        }

    def _daily(self, asked: Mapping[str, str]) -> dict[str, Any]:
        rows = self._days(asked["symbol"], asked)
        about = {"2. Symbol": asked["symbol"], "5. Time Zone": "US/Eastern"}
        return {"Meta Data": about, "Time Series (Daily)": rows}

    def _fx_daily(self, asked: Mapping[str, str]) -> dict[str, Any]:
        rows = self._days(_pair(asked), asked)
        return {"Meta Data": {"6. Time Zone": "UTC"}, "Time Series FX (Daily)": rows}

    def _days(self, symbol: str, asked: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Days from Monday to Friday, as exchanges have them."""
        most = FULL if asked.get("outputsize") == "full" else COMPACT
        start_us = now_us() // DAY_US * DAY_US - (most - 1) * DAY_US
        rows = self._world.bars(symbol, "1d", start_us, now_us(), most)
        days = [datetime.fromtimestamp(at / 1e6, UTC).date() for at in at_us(rows)]
        cells = zip(days, rows.to_pylist(), strict=True)
        return {day.isoformat(): _cells(row) for day, row in cells if day.weekday() < 5}

    def _intraday(self, asked: Mapping[str, str]) -> dict[str, Any]:
        rows = self._minutes(asked["symbol"], asked, is_open)
        about = {"2. Symbol": asked["symbol"], "6. Time Zone": "US/Eastern"}
        return {"Meta Data": about, f"Time Series ({asked.get('interval')})": rows}

    def _fx_intraday(self, asked: Mapping[str, str]) -> dict[str, Any]:
        rows = self._minutes(_pair(asked), asked, is_weekday)
        about = {"7. Time Zone": "US/Eastern"}
        return {"Meta Data": about, f"Time Series FX ({asked.get('interval')})": rows}

    def _minutes(
        self, symbol: str, asked: Mapping[str, str], is_there: Callable[[datetime], bool]
    ) -> dict[str, dict[str, str]]:
        every = GRAINS.get(asked.get("interval", ""))
        if every is None:
            raise UnknownName("no such interval")
        length_us = INTERVALS[every].length_us
        start_us, end_us = _month(asked) if "month" in asked else _lately(asked, length_us)
        rows = self._world.bars(symbol, every, start_us, end_us, 50_000)
        times = [datetime.fromtimestamp(at / 1e6, ZONE) for at in at_us(rows)]
        cells = zip(times, rows.to_pylist(), strict=True)
        return {f"{at:%Y-%m-%d %H:%M:%S}": _cells(row) for at, row in cells if is_there(at)}

    def _rate(self, asked: Mapping[str, str]) -> dict[str, Any]:
        symbol = asked.get("from_currency", "") + asked.get("to_currency", "")
        best = self._world.quote(symbol)
        middle = (best["bid"] + best["ask"]) / 2
        found = {
            "1. From_Currency Code": asked["from_currency"],
            "3. To_Currency Code": asked["to_currency"],
            "5. Exchange Rate": f"{middle:.8f}",
            "6. Last Refreshed": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
            "7. Time Zone": "UTC",
            "8. Bid Price": f"{best['bid']:.8f}",
            "9. Ask Price": f"{best['ask']:.8f}",
        }
        return {"Realtime Currency Exchange Rate": found}


def _pair(asked: Mapping[str, str]) -> str:
    return asked.get("from_symbol", "") + asked.get("to_symbol", "")


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    names = ("open", "high", "low", "close")
    prices = {f"{place}. {name}": str(row[name]) for place, name in enumerate(names, start=1)}
    return prices | {"5. volume": str(round(row["volume"]))}


def _month(asked: Mapping[str, str]) -> tuple[int, int]:
    year, month = (int(part) for part in asked["month"].split("-"))
    after = (year + month // 12, month % 12 + 1)
    begin, end = (datetime(*one, 1, tzinfo=ZONE) for one in ((year, month), after))
    return int(begin.timestamp() * 1e6), int(end.timestamp() * 1e6)


def _lately(asked: Mapping[str, str], length_us: int) -> tuple[int, int]:
    is_full = asked.get("outputsize") == "full"
    span_us = 30 * DAY_US if is_full else COMPACT * length_us
    return now_us() // length_us * length_us - span_us, now_us()


def is_weekday(at: datetime) -> bool:
    """Whether currencies are traded."""
    return at.weekday() < 5


def is_open(at: datetime) -> bool:
    """Whether the exchanges are open."""
    return is_weekday(at) and (9, 30) <= (at.hour, at.minute) < (16, 0)
