"""Binance spot as the demo has it: REST and the combined stream, over simulated records."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pyarrow as pa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from raymill import json
from raymill.errors import UnknownName
from raymill.market.interval import INTERVALS
from raymill.market.sources.simulated import FIRST_US, PER_TRADE_US
from raymill.services.demo.world import CRYPTO, World, at_us, last_number, now_us

MS = 1000
MOST = 1000
LOOK_S = 0.25


def routes(world: World) -> list[BaseRoute]:
    """The routes of the vendor."""
    vendor = _Binance(world)
    made: list[BaseRoute] = [
        Route(f"/api/v3/{name}", _answering(method))
        for name, method in {
            "exchangeInfo": vendor.instruments,
            "klines": vendor.klines,
            "aggTrades": vendor.trades,
            "ticker/bookTicker": vendor.quote,
            "depth": vendor.depth,
            "time": vendor.time,
        }.items()
    ]
    return [*made, WebSocketRoute("/stream", vendor.stream)]


class _Refused(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def _answering(method: Any) -> Any:
    def answer(request: Request) -> Response:
        try:
            found, status = method(request.query_params), 200
        except _Refused as error:
            found, status = {"code": error.code, "msg": str(error)}, 400
        return Response(json.dumps(found), status, media_type="application/json")

    return answer


class _Binance:
    def __init__(self, world: World) -> None:
        self._world = world

    def instruments(self, _: Mapping[str, str]) -> dict[str, Any]:
        """What is traded, and the limits."""
        limit = {"interval": "MINUTE", "intervalNum": 1, "limit": 60_000}
        return {
            "timezone": "UTC",
            "serverTime": now_us() // MS,
            "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", **limit}],
            "symbols": [
                {
                    "symbol": ware.symbol,
                    "status": "TRADING",
                    "baseAsset": ware.symbol.removesuffix("USDT"),
                    "quoteAsset": "USDT",
                    "filters": [
                        {"filterType": "PRICE_FILTER", "tickSize": f"{10**-ware.digits:.8f}"},
                        {"filterType": "LOT_SIZE", "stepSize": "0.00100000"},
                    ],
                }
                for ware in CRYPTO
            ],
        }

    def time(self, _: Mapping[str, str]) -> dict[str, int]:
        """The clock of the vendor."""
        return {"serverTime": now_us() // MS}

    def klines(self, asked: Mapping[str, str]) -> list[list[Any]]:
        """Bars, the newest where no beginning is asked for."""
        every = asked.get("interval", "")
        if every not in INTERVALS or every in ("1s", "3d", "1w", "1M"):
            raise _Refused(-1120, "Invalid interval.")
        most, length_us = _most(asked), INTERVALS[every].length_us
        end_us = _time(asked, "endTime", now_us() // MS) + MS
        newest_us = end_us // length_us * length_us - (most - 1) * length_us
        start_us = _time(asked, "startTime", newest_us // MS)
        rows = self._world.bars(self._symbol(asked), every, start_us, end_us, most)
        return [_kline(row, at, length_us) for row, at in zip(*_rows(rows), strict=True)]

    def trades(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        """Aggregated trades by number or by time, the newest where neither is asked for."""
        symbol, most = self._symbol(asked), _most(asked)
        if "fromId" in asked:
            first = int(asked["fromId"])
        elif "startTime" in asked:
            first = -(-(_time(asked, "startTime", 0) - FIRST_US) // PER_TRADE_US)
        else:
            first = last_number() - most + 1
        until_us = _time(asked, "endTime", now_us() // MS)
        rows = self._world.trades(symbol, first, most)
        return [
            _trade(row, at) for row, at in zip(*_rows(rows), strict=True) if at <= until_us + MS
        ]

    def quote(self, asked: Mapping[str, str]) -> dict[str, Any]:
        """The best prices."""
        symbol = self._symbol(asked)
        return {"symbol": symbol, **self._best(symbol)}

    def _best(self, symbol: str) -> dict[str, str]:
        best = self._world.quote(symbol)
        names = {"bid": "bidPrice", "bid_size": "bidQty", "ask": "askPrice", "ask_size": "askQty"}
        return {name: f"{best[key]:.8f}" for key, name in names.items()}

    def depth(self, asked: Mapping[str, str]) -> dict[str, Any]:
        """An order book of one level on each side."""
        symbol = self._symbol(asked)
        best = self._best(symbol)
        return {
            "lastUpdateId": int(self._world.quote(symbol)["update_id"]),
            "bids": [[best["bidPrice"], best["bidQty"]]],
            "asks": [[best["askPrice"], best["askQty"]]],
        }

    def _symbol(self, asked: Mapping[str, str]) -> str:
        symbol = asked.get("symbol", "")
        if symbol not in {ware.symbol for ware in CRYPTO}:
            raise _Refused(-1121, "Invalid symbol.")
        return symbol

    async def stream(self, socket: WebSocket) -> None:
        """The combined stream: what is subscribed, as it happens."""
        await socket.accept()
        names: set[str] = set()
        sending = asyncio.ensure_future(self._send(socket, names))
        with suppress(WebSocketDisconnect):
            while True:
                message = json.loads(await socket.receive_text())
                wanted = set(message.get("params", ()))
                if message.get("method") == "SUBSCRIBE":
                    names |= wanted
                elif message.get("method") == "UNSUBSCRIBE":
                    names -= wanted
                await socket.send_text(json.dumps({"result": None, "id": message["id"]}).decode())
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, socket: WebSocket, names: set[str]) -> None:
        told = last_number()
        while True:
            newest = last_number()
            for name in sorted(names) if newest > told else ():
                for data in self._news(name, told + 1, newest - told):
                    text = json.dumps({"stream": name, "data": data}).decode()
                    await socket.send_text(text)
            told = newest
            await asyncio.sleep(LOOK_S)

    def _news(self, name: str, first: int, most: int) -> Iterator[dict[str, Any]]:
        word, _, what = name.partition("@")
        symbol = word.upper()
        try:
            self._world.ware(symbol)
        except UnknownName:
            return
        now_ms = now_us() // MS
        if what == "aggTrade":
            rows = self._world.trades(symbol, first, most)
            for row, at in zip(*_rows(rows), strict=True):
                yield {"e": "aggTrade", "E": now_ms, "s": symbol, **_trade(row, at)}
        elif what == "bookTicker":
            best = self._best(symbol)
            prices = {"b": best["bidPrice"], "B": best["bidQty"]}
            prices |= {"a": best["askPrice"], "A": best["askQty"]}
            yield {"u": first + most - 1, "s": symbol, **prices}
        elif what.startswith("kline_"):
            yield from self._bars_of(symbol, what.removeprefix("kline_"), now_ms)

    def _bars_of(self, symbol: str, every: str, now_ms: int) -> Iterator[dict[str, Any]]:
        length_us = INTERVALS[every].length_us
        start_us = now_ms * MS // length_us * length_us - length_us
        rows = self._world.bars(symbol, every, start_us, now_ms * MS, 2)
        for row, at in zip(*_rows(rows), strict=True):
            line = _kline(row, at, length_us)
            bar = dict(zip("tohlcvTqn", line, strict=False))
            bar |= {"s": symbol, "i": every, "x": at + length_us <= now_ms * MS}
            yield {"e": "kline", "E": now_ms, "s": symbol, "k": bar}


def _rows(rows: pa.Table) -> tuple[list[dict[str, Any]], list[int]]:
    return rows.to_pylist(), at_us(rows)


def _kline(row: Mapping[str, Any], at: int, length_us: int) -> list[Any]:
    prices = [f"{row[name]:.8f}" for name in ("open", "high", "low", "close", "volume")]
    traded = f"{row['volume'] * row['close']:.8f}"
    return [at // MS, *prices, (at + length_us) // MS - 1, traded, row["trades"], "0", "0", "0"]


def _trade(row: Mapping[str, Any], at: int) -> dict[str, Any]:
    number = row["trade_id"]
    return {
        "a": number,
        "p": f"{row['price']:.8f}",
        "q": f"{row['size']:.8f}",
        "f": number,
        "l": number,
        "T": at // MS,
        "m": row["side"] < 0,
        "M": True,
    }


def _most(asked: Mapping[str, str]) -> int:
    text = asked.get("limit", "500")
    if not text.isdigit() or not 1 <= int(text) <= MOST:
        raise _Refused(-1130, "Data sent for parameter 'limit' is not valid.")
    return int(text)


def _time(asked: Mapping[str, str], name: str, otherwise_ms: int) -> int:
    """A time of the request in microseconds; it comes in milliseconds."""
    text = asked.get(name)
    if text is None:
        return otherwise_ms * MS
    if not text.isdigit():
        raise _Refused(-1100, f"Illegal characters found in parameter '{name}'.")
    return int(text) * MS
