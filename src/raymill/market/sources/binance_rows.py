"""Bodies of Binance as records, instruments, limits, and what its refusals say."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.market.instrument import Instrument, Status
from raymill.market.schemas import BAR, TRADE
from raymill.market.sources.columns import numbers, records, times
from raymill.market.sources.contract import LimitRule, PageRequest, verdict
from raymill.net import Verdict

MS = 1000  # microseconds
SHARE = 0.8  # of what is allowed that we use
HEAVIEST = 80.0
UNKNOWN, CLOCK, LIMITED, TOO_LONG = -1121, -1021, -1003, -1127
BUSY = (-1000, -1001, -1006, -1007, -1008, -1016)
_STATUS: dict[str, Status] = {"TRADING": "active", "PRE_TRADING": "halted", "BREAK": "halted"}
_BANNED = re.compile(rb"banned until (\d{13})")
_CODE = re.compile(rb'"code"\s*:\s*(-?\d+)')
_MESSAGE = re.compile(rb'"msg"\s*:\s*"((?:[^"\\]|\\.)*)"')
_LIMITS = {"REQUEST_WEIGHT": "weight", "RAW_REQUESTS": "requests"}
_TRADE = ("a", "T", "p", "q", "m")
_UNITS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}


def bars(rows: Sequence[Sequence[Any]], asked: PageRequest, every: str) -> pa.RecordBatch:
    """Klines as bars; one whose close time has not passed is open."""
    opened, first, high, low, last, volume, closes, quote, trades, *_ = zip(*rows, strict=True)
    ends_us = (np.asarray(closes, np.int64) + 1) * MS
    volumes, quotes = numbers(volume), numbers(quote)
    given = {
        "ts": times(opened, MS),
        "open": numbers(first),
        "high": numbers(high),
        "low": numbers(low),
        "close": numbers(last),
        "volume": volumes,
        "quote_volume": quotes,
        "trades": np.asarray(trades, np.int32),
        "vwap": _ratio(quotes, volumes),
        "closed": ends_us <= asked.now_us,
    }
    number = asked.instrument.instrument_id
    about = {"instrument_id": number, "interval": every, "adj": "raw", "source": "binance"}
    start_us = np.asarray(opened, np.int64) * MS
    inside = (start_us >= asked.start_us) & (start_us < asked.end_us)
    return arrow.keep_rows(records(BAR, len(rows), given, **about), inside)


def trades(rows: Sequence[Mapping[str, Any]], instrument_id: int) -> pa.RecordBatch:
    """Aggregated trades as trades."""
    ids, at_ms, prices, sizes, makers = ([row[name] for row in rows] for name in _TRADE)
    given = {
        "ts": times(at_ms, MS),
        "trade_id": np.array(ids, np.int64),
        "price": numbers(prices),
        "size": numbers(sizes),
        "side": sides(makers),
    }
    return records(TRADE, len(rows), given, instrument_id=instrument_id, source="binance")


def sides(buyer_is_maker: Sequence[bool]) -> Any:
    return np.where(np.asarray(buyer_is_maker, bool), np.int8(-1), np.int8(1))


def _ratio(quotes: Any, volumes: Any) -> Any:
    over, under = arrow.to_numpy(quotes), arrow.to_numpy(volumes)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = over / under
    return arrow.keep_if(arrow.array(found), arrow.array(under > 0))


def instrument(row: Mapping[str, Any]) -> Instrument:
    filters = {one["filterType"]: one for one in row.get("filters", ())}
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    return Instrument(
        symbol=f"{row['baseAsset']}/{row['quoteAsset']}".upper(),
        venue="binance",
        venue_symbol=row["symbol"],
        asset_class="crypto",
        base=row["baseAsset"],
        currency=row["quoteAsset"],
        tick_size=filters.get("PRICE_FILTER", {}).get("tickSize"),
        step_size=filters.get("LOT_SIZE", {}).get("stepSize"),
        min_notional=notional.get("minNotional"),
        status=_STATUS.get(row["status"], "halted"),
    )


def limits(stated: Sequence[Mapping[str, Any]]) -> list[LimitRule]:
    found = []
    for one in stated:
        name = _LIMITS.get(one["rateLimitType"])
        if name is not None:
            per_s = float(_UNITS[one["interval"]] * one["intervalNum"])
            is_weight = name == "weight"
            rule = LimitRule(
                name,
                SHARE * one["limit"],
                per_s,
                counts="weight" if is_weight else "requests",
                heaviest=HEAVIEST if is_weight else 1.0,
            )
            found.append(rule)
    return found


def refusal_in(start: bytes) -> tuple[int | None, str]:
    """Code and message of a body that refuses."""
    if start.lstrip()[:1] != b"{":
        return None, ""
    code, message = _CODE.search(start), _MESSAGE.search(start)
    if code is None or message is None:
        return None, ""
    return int(code[1]), message[1].decode("utf-8", "replace")


def refused(code: int | None, reason: str) -> Verdict:
    if code == UNKNOWN:
        return verdict("unknown_symbol", reason)
    if code == CLOCK:
        return verdict("clock", reason)
    if code == TOO_LONG:
        return verdict("range_too_long", reason)
    return verdict("permanent", reason)


def ban_s(wait_s: float | None, start: bytes, now: float) -> float:
    """Until when a ban lasts: as its header or its text says, whichever is later."""
    text = _BANNED.search(start)
    until = int(text[1]) / 1000 - now if text else 0.0
    return max(wait_s or 0.0, until) or 120.0
