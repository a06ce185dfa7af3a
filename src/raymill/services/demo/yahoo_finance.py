"""Yahoo Finance as the demo has it: charts and quotes over simulated records."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from raymill import json
from raymill.errors import UnknownName
from raymill.market.interval import DAY_US, INTERVALS, SECOND_US
from raymill.services.demo.world import INDICES, World, at_us, now_us

GRAINS = {"1m": "1m", "5m": "5m", "15m": "15m", "30m": "30m", "60m": "1h", "1h": "1h", "1d": "1d"}
MOST = 10_000


def routes(world: World) -> list[BaseRoute]:
    """The routes of the vendor."""
    vendor = _Yahoo(world)
    return [
        Route("/v8/finance/chart/{symbol}", vendor.chart),
        Route("/v7/finance/quote", vendor.quote),
        Route("/v1/test/getcrumb", vendor.crumb),
        Route("/", vendor.session),
    ]


class _Yahoo:
    def __init__(self, world: World) -> None:
        self._world = world

    def session(self, _: Request) -> Response:
        """A session begins."""
        return Response("", 404, {"Set-Cookie": "A3=demo; Path=/; HttpOnly"})

    def crumb(self, _: Request) -> Response:
        """The word that goes with a session."""
        return Response("demo", media_type="text/plain")

    def chart(self, request: Request) -> Response:
        """Bars of a range."""
        symbol = request.path_params["symbol"]
        asked = request.query_params
        every = GRAINS.get(asked.get("interval", "1d"))
        if every is None:
            return _refused(422, "Unprocessable Entity", "Invalid input - interval is not valid")
        end_us = int(asked.get("period2", now_us() // SECOND_US)) * SECOND_US
        start_us = int(asked.get("period1", end_us // SECOND_US - 86_400)) * SECOND_US
        length_us = INTERVALS[every].length_us
        first_us = -(-start_us // length_us) * length_us
        try:
            rows = self._world.bars(symbol, every, first_us, end_us, MOST)
        except UnknownName:
            return _refused(404, "Not Found", "No data found, symbol may be delisted")
        cells = {name: rows[name].to_pylist() for name in ("open", "high", "low", "close")}
        cells["volume"] = [round(float(volume or 0)) for volume in rows["volume"].to_pylist()]
        result = {
            "meta": self._meta(symbol),
            "timestamp": [at // SECOND_US for at in at_us(rows)],
            "indicators": {"quote": [cells]},
        }
        return _answer({"chart": {"result": [result], "error": None}})

    def _meta(self, symbol: str) -> dict[str, Any]:
        ware = self._world.ware(symbol)
        midnight = now_us() // DAY_US * DAY_US // SECOND_US
        return {
            "currency": "USD",
            "symbol": symbol,
            "exchangeName": "DEMO",
            "instrumentType": "INDEX" if ware in INDICES else "EQUITY",
            "exchangeTimezoneName": "UTC",
            "gmtoffset": 0,
            "longName": f"{ware.name} (simulated)",
            "currentTradingPeriod": {"regular": {"start": midnight, "end": midnight + 86_400}},
        }

    def quote(self, request: Request) -> Response:
        """The best prices."""
        found = []
        for symbol in request.query_params.get("symbols", "").split(","):
            try:
                best = self._world.quote(symbol)
            except UnknownName:
                continue
            names = {"bid": "bid", "bidSize": "bid_size", "ask": "ask", "askSize": "ask_size"}
            found.append({"symbol": symbol, **{name: best[key] for name, key in names.items()}})
        return _answer({"quoteResponse": {"result": found, "error": None}})


def _answer(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, media_type="application/json")


def _refused(status: int, code: str, text: str) -> Response:
    error = {"code": code, "description": text}
    return _answer({"chart": {"result": None, "error": error}}, status)
