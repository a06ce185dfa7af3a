"""Market records as answers show them: one row each, under the symbol that was asked for."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from raymill.market.moments import moment

Row = dict[str, Any]


def shown(data_type: str, symbol: str, row: Mapping[str, Any]) -> Row:
    """A record as an answer shows it."""
    return {"symbol": symbol, "timestamp": time_of(row["ts"])} | _SHOWN[data_type](row)


def time_of(at: datetime) -> str:
    """The time of a record as text."""
    return moment(int(at.timestamp()) * 1_000_000 + at.microsecond)


def _tick(row: Mapping[str, Any]) -> Row:
    """A trade or a quote in one form; of a quote the price is the middle."""
    source = row["source"]
    if "price" in row:
        return {"price": row["price"], "volume": row["size"], "bid": None, "ask": None} | {
            "source": source
        }
    bid, ask = row["bid"], row["ask"]
    return {"price": (bid + ask) / 2, "volume": None, "bid": bid, "ask": ask, "source": source}


def _trade(row: Mapping[str, Any]) -> Row:
    side = {1: "buy", -1: "sell"}.get(row["side"] or 0)
    about = {"price": row["price"], "volume": row["size"], "side": side}
    return {**about, "trade_id": row["trade_id"], "source": row["source"]}


def _quote(row: Mapping[str, Any]) -> Row:
    names = ("bid", "bid_size", "ask", "ask_size", "source")
    return {name: row[name] for name in names}


def _bar(row: Mapping[str, Any]) -> Row:
    names = ("open", "high", "low", "close", "volume", "closed", "adj", "source")
    return {name: row[name] for name in names}


_SHOWN: Mapping[str, Callable[[Mapping[str, Any]], Row]] = {
    "ticks": _tick,
    "trades": _trade,
    "quotes": _quote,
    "ohlc": _bar,
}
