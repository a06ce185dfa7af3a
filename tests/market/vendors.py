"""Servers in the place of vendors: they answer from made records and keep their limits."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from raymill import json
from raymill.testing.replay import Asked, Recorded

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
DAY_MS = 24 * HOUR_MS
BEGIN_MS = 1_704_067_200_000  # 2024-01-01
WEIGHTS = {"exchangeInfo": 20, "klines": 2, "aggTrades": 4}


def answer(value: Any, status: int = 200, **headers: str) -> Recorded:
    """A JSON answer."""
    return Recorded(status, json.dumps(value), {"Content-Type": "application/json", **headers})


def refused(status: int, code: int, text: str, **headers: str) -> Recorded:
    """A refusal in the form of Binance."""
    return answer({"code": code, "msg": text}, status, **headers)


def trade(number: int, at_ms: int, price: float = 100.0, size: float = 1.0) -> dict[str, Any]:
    """An aggregated trade as Binance tells it."""
    return {
        "a": number,
        "p": f"{price:.8f}",
        "q": f"{size:.8f}",
        "f": number,
        "l": number,
        "T": at_ms,
        "m": number % 2 == 0,
        "M": True,
    }


def kline(at_ms: int, length_ms: int = MINUTE_MS, price: float = 100.0) -> list[Any]:
    """A kline as Binance tells it."""
    prices = [f"{price + by:.8f}" for by in (0.0, 1.0, -1.0, 0.5)]
    end_ms = at_ms + length_ms - 1
    return [at_ms, *prices, "3.00000000", end_ms, "301.50000000", 7, "1.0", "100.0", "0"]


@dataclass
class BinanceServer:
    """Routes of a server in the place of Binance.

    trades, klines: what it has, in order. budget: the weight that it allows in any span of `per_s`;
    beyond it answers 429 and counts an offence. stated: the limit that it states itself.
    """

    trades: list[dict[str, Any]] = field(default_factory=list)
    klines: list[list[Any]] = field(default_factory=list)
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT")
    budget: float = 1200.0
    stated: int = 1200
    clock: Callable[[], float] = time.monotonic
    per_s: float = 60.0
    most: int = 1000
    offences: int = 0
    weights: list[tuple[float, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, asked: Asked) -> Recorded | None:
        parts = urlsplit(asked.path)
        what = parts.path.removeprefix("/api/v3/")
        if what not in WEIGHTS:
            return None
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        used = self._weigh(WEIGHTS[what])
        headers = {"X-MBX-USED-WEIGHT-1M": str(int(used))}
        if used > self.budget:
            return refused(429, -1003, "Too much request weight used", **headers)
        if what != "exchangeInfo" and given["symbol"] not in self.symbols:
            return refused(400, -1121, "Invalid symbol.", **headers)
        return answer(getattr(self, f"_{what}")(given), **headers)

    def _weigh(self, weight: int) -> float:
        with self.lock:
            now = self.clock()
            self.weights.append((now, weight))
            used = sum(w for at, w in self.weights if at > now - self.per_s)
            self.offences += used > self.budget
            return used

    def _exchangeInfo(self, given: Mapping[str, str]) -> Any:  # noqa: N802
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
        return {
            "serverTime": BEGIN_MS,
            "rateLimits": [{**limit, "limit": self.stated}],
            "symbols": [symbol(name) for name in self.symbols],
        }

    def _klines(self, given: Mapping[str, str]) -> Any:
        first, last = int(given["startTime"]), int(given["endTime"])
        found = [row for row in self.klines if first <= row[0] <= last]
        return found[: min(int(given["limit"]), self.most)]

    def _aggTrades(self, given: Mapping[str, str]) -> Any:  # noqa: N802
        limit = min(int(given["limit"]), self.most)
        if "fromId" in given:
            return [row for row in self.trades if row["a"] >= int(given["fromId"])][:limit]
        first, last = int(given["startTime"]), int(given["endTime"])
        assert last - first < HOUR_MS, "at most an hour by time"
        return [row for row in self.trades if first <= row["T"] <= last][:limit]


def symbol(name: str) -> dict[str, Any]:
    """An instrument as exchangeInfo tells it."""
    base, quote = name[:-4], name[-4:]
    return {
        "symbol": name,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "stepSize": "0.00001000"},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
        ],
    }
