"""Questions to adapters, and the refusals of vendors, for tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raymill import json
from raymill.market.instrument import Instrument
from raymill.market.moments import micros
from raymill.market.schemas import Kind
from raymill.market.sources.contract import PageRequest, Source
from raymill.net import Head

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
