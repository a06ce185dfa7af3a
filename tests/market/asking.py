"""Adapters for tests: a way out that answers from bodies and notes what was asked."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from raymill import json
from raymill.market.instrument import Instrument
from raymill.market.moments import micros
from raymill.market.schemas import Kind
from raymill.market.sources.contract import PageRequest, Source
from raymill.net import Answer, Head, Request


class Replayed:
    """Answers every request with what `body` gives for its address."""

    def __init__(self, body: Callable[[str], Any] | bytes | Any) -> None:
        self._body = body
        self.urls: list[str] = []
        self.weights: list[float] = []
        self.requests: list[Request] = []

    def __call__(self, request: Request, *, weight: float = 1.0) -> Answer:
        self.requests.append(request)
        self.urls.append(request.url)
        self.weights.append(weight)
        found = self._body(request.url) if callable(self._body) else self._body
        body = found if isinstance(found, bytes) else json.dumps(found)
        return Answer("ok", request.url, Head(200, {}), body, len(body), "hash")

    def through(self, name: str, work: Callable[[], Any], *, weight: float = 1.0) -> Any:
        self.urls.append(name)
        return work()


ONE = Instrument("BTC/USDT", "binance", "BTCUSDT", "crypto", "USDT", instrument_id=7)
NOW = micros("2026-01-01")


def request(
    begin: str,
    end: str,
    *,
    kind: Kind = "bar",
    interval: str | None = None,
    one: Instrument = ONE,
    now: int = NOW,
    **how: Any,
) -> PageRequest:
    """A question for [begin, end)."""
    return PageRequest(one, kind, micros(begin), micros(end), now, interval, **how)


def cases(shared_data: Path, vendor: str) -> list[Mapping[str, Any]]:
    """The refusals of a vendor, with the class of each."""
    found = json.loads((shared_data / "market" / vendor / "errors.json").read_bytes())
    cases: list[Mapping[str, Any]] = found["cases"]
    return cases


def judged(source: Source, case: Mapping[str, Any], url: str = "", now: float = 1.7e9) -> Any:
    """What an adapter makes of a refusal."""
    body = case["body"]
    start = body.encode() if isinstance(body, str) else json.dumps(body)
    headers = {name.lower(): text for name, text in case.get("headers", {}).items()}
    return source.judge(Head(case["status"], headers, start, url), now)
