"""A venue on this machine that speaks Binance's words: it trades, and treats clients badly on
request. What it was sent, and how often it was asked, is counted."""

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from raymill.testing.replay import Asked, Recorded, ReplayServer

BEGAN_MS = 1_700_000_000_000
MOST_A_SECOND = 5
SYMBOLS = ("BTCUSDT", "ETHUSDT")


class Venue:
    """A websocket server and a REST server; use it as a context.

    Trade n of a symbol has price 100 + n / 100, size n, and lies n seconds after the beginning.
    """

    def __init__(self) -> None:
        self.rest = ReplayServer(self._answer)
        self.trades: dict[str, list[dict[str, Any]]] = {}
        self.books: dict[str, dict[str, Any]] = {}
        self.bars: dict[str, list[list[Any]]] = {}
        self.hidden: set[int] = set()  # ids of trades that REST does not have
        self.refusals: deque[tuple[int, dict[str, str]]] = deque()  # of the next connections
        self.deny = ""  # the error that a subscription gets
        self.connects = self.told_off = self.pongs = 0
        self.per_s = 1.0  # in which five messages are enough
        self.asked: list[dict[str, Any]] = []
        self.frozen = False
        self._clients: dict[ServerConnection, set[str]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Venue":
        self.rest.__enter__()
        self._thread.start()
        self._server: Server = self.do(self._serve())
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        self.url = f"ws://{host}:{port}"
        return self

    def __exit__(self, *error: object) -> None:
        self.frozen = False
        self.do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.rest.__exit__(*error)

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the server's thread, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    # What it does

    def trade(self, symbol: str, count: int = 1, *, sent: bool = True) -> list[dict[str, Any]]:
        """Trade so many times; with `sent` whoever listens is told."""
        past = self.trades.setdefault(symbol, [])
        made = [_trade(symbol, len(past) + n) for n in range(1, count + 1)]
        past += made
        if sent:
            self.send(f"{symbol.lower()}@aggTrade", *made)
        return made

    def quote(self, symbol: str, number: int) -> None:
        """Tell of best prices: bid `number`, ask one above."""
        data = {
            "u": number,
            "s": symbol,
            "b": f"{number}",
            "B": "1",
            "a": f"{number + 1}",
            "A": "2",
        }
        self.send(f"{symbol.lower()}@bookTicker", data)

    def bar(self, symbol: str, minute: int, *, closed: bool = True, sent: bool = True) -> None:
        """A bar of a minute since the beginning; its prices are the minute's number and more."""
        start = BEGAN_MS // 60_000 * 60_000 + minute * 60_000
        low, high = f"{minute + 1}", f"{minute + 3}"
        bar: dict[str, Any] = {"t": start, "T": start + 59_999, "s": symbol, "i": "1m"}
        bar |= {"o": low, "c": f"{minute + 2}", "h": high, "l": low, "v": "5", "n": 7, "q": "9"}
        if closed:
            row = [start, low, high, low, bar["c"], "5", start + 59_999, "9", 7, "1", "1", "0"]
            self.bars.setdefault(symbol, []).append(row)
        data = {"e": "kline", "E": start + 60_000, "s": symbol, "k": {**bar, "x": closed}}
        if sent:
            self.send(f"{symbol.lower()}@kline_1m", data)

    def send(self, name: str, *data: dict[str, Any]) -> None:
        """Send to whoever subscribed to a name."""
        frames = [json.dumps({"stream": name, "data": one}) for one in data]
        self.do(self._send(name, frames))

    def send_text(self, text: str) -> None:
        """Send something to everybody."""
        self.do(self._send(None, [text]))

    def drop(self) -> None:
        """Break all connections without a word."""
        self.do(self._drop())

    def close(self, code: int = 1001, reason: str = "") -> None:
        """Close all connections."""
        self.do(self._close_all(code, reason))

    def freeze(self) -> None:
        """Fall silent, as a stopped process does: nothing is sent, read or closed."""
        self.frozen = True
        self.do(self._pause())

    @property
    def listening(self) -> int:
        """How many clients have subscribed to something."""
        return sum(bool(names) for names in self._clients.values())

    def names(self) -> set[str]:
        """All that somebody subscribed to."""
        return set[str]().union(*self._clients.values())

    # What it is

    async def _serve(self) -> Server:
        return await serve(
            self._talk, "127.0.0.1", 0, process_request=self._greet, ping_interval=None
        )

    def _greet(self, connection: ServerConnection, request: Request) -> Response | None:
        if not self.refusals:
            return None
        status, headers = self.refusals.popleft()
        response = connection.respond(status, "no")
        for name, text in headers.items():
            response.headers[name] = text
        return response

    async def _talk(self, connection: ServerConnection) -> None:
        self.connects += 1
        self._clients[connection] = set()
        times: deque[float] = deque(maxlen=MOST_A_SECOND + 1)
        try:
            async for message in connection:
                times.append(time.monotonic())
                if len(times) > MOST_A_SECOND and times[-1] - times[0] < self.per_s:
                    self.told_off += 1
                    await connection.close(1008, "Too many requests")
                    return
                await self._answer_message(connection, json.loads(message))
        except ConnectionClosed:
            pass
        finally:
            self._clients.pop(connection, None)

    async def _answer_message(self, connection: ServerConnection, asked: dict[str, Any]) -> None:
        self.asked.append(asked)
        if self.deny:
            error = {"error": {"code": 2, "msg": self.deny}, "id": asked["id"]}
            await connection.send(json.dumps(error))
            return
        names = self._clients[connection]
        if asked["method"] == "SUBSCRIBE":
            names |= set(asked["params"])
        else:
            names -= set(asked["params"])
        await connection.send(json.dumps({"result": None, "id": asked["id"]}))

    async def _send(self, name: str | None, frames: list[str]) -> None:
        if self.frozen:
            return
        for connection, names in [*self._clients.items()]:
            if name is None or name in names:
                for frame in frames:
                    await connection.send(frame)

    async def ping(self, limit_s: float) -> None:
        """Ask every client whether it is there; whoever does not say so in time is dropped."""
        for connection in [*self._clients]:
            waiter = await connection.ping()
            try:
                async with asyncio.timeout(limit_s):
                    await waiter
                self.pongs += 1
            except TimeoutError:
                connection.transport.abort()

    async def _drop(self) -> None:
        for connection in [*self._clients]:
            connection.transport.abort()
        while self._clients:
            await asyncio.sleep(0.001)

    async def _close_all(self, code: int, reason: str) -> None:
        for connection in [*self._clients]:
            await connection.close(code, reason)

    async def _pause(self) -> None:
        for connection in self._clients:
            connection.transport.pause_reading()

    async def _close(self) -> None:
        for connection in [*self._clients]:
            connection.transport.abort()
        self._server.close()
        await self._server.wait_closed()

    def _answer(self, asked: Asked) -> Recorded | None:
        parts = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        routes: dict[str, Callable[[dict[str, str]], Any]] = {
            "/api/v3/aggTrades": self._agg_trades,
            "/api/v3/depth": lambda query: self.books[query["symbol"]],
            "/api/v3/klines": self._klines,
            "/api/v3/exchangeInfo": lambda query: {"symbols": [_symbol(n) for n in SYMBOLS]},
        }
        found = routes.get(parts.path)
        return None if found is None else Recorded(body=json.dumps(found(query)).encode())

    def _agg_trades(self, query: dict[str, str]) -> list[dict[str, Any]]:
        past, first = self.trades.get(query["symbol"], []), int(query["fromId"])
        rows = [one for one in past if one["a"] >= first and one["a"] not in self.hidden]
        names = ("a", "p", "q", "f", "l", "T", "m", "M")
        limit = int(query.get("limit", 500))
        return [{name: row[name] for name in names} for row in rows[:limit]]

    def _klines(self, query: dict[str, str]) -> list[list[Any]]:
        first, last = int(query["startTime"]), int(query.get("endTime", 1 << 62))
        rows = [row for row in self.bars.get(query["symbol"], []) if first <= row[0] <= last]
        return rows[: int(query.get("limit", 500))]


def _symbol(name: str) -> dict[str, Any]:
    about = {"symbol": name, "status": "TRADING", "filters": []}
    return {**about, "baseAsset": name.removesuffix("USDT"), "quoteAsset": "USDT"}


def _trade(symbol: str, number: int) -> dict[str, Any]:
    at = BEGAN_MS + number * 1000
    price, size = f"{100 + number / 100:.2f}", f"{number}.0"
    about = {"f": number, "l": number, "T": at, "m": number % 2 == 0, "M": True}
    return {"e": "aggTrade", "E": at + 5, "s": symbol, "a": number, "p": price, "q": size, **about}
