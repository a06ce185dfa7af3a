"""The tables of market records in the lake: their columns, keys, rules and folders."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from raymill.market.interval import DAY_US, HOUR_US, Times, interval
from raymill.market.schemas import SCHEMAS, Kind
from raymill.state.lake_table import LakeTable

Wins: TypeAlias = Literal["first", "last", "closed"]
Every: TypeAlias = Literal["day", "month", "year", "ever"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What makes a record one and the same, and which stays where it comes twice.

    keys: columns that name it; spare: those that do where the last of `keys` is null, counted as
    they repeat. wins: the first, the last, or the closed and then the last.
    values: columns by which a later one is told from the same.
    """

    keys: tuple[str, ...]
    wins: Wins
    values: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()


_OHLC = ("open", "high", "low", "close", "volume", "quote_volume", "trades", "vwap")
RULES: Mapping[Kind, Rule] = {
    "trade": Rule(
        ("instrument_id", "trade_id"), "first", spare=("instrument_id", "ts", "price", "size")
    ),
    "quote": Rule(
        ("instrument_id", "update_id"),
        "last",
        ("bid", "bid_size", "ask", "ask_size"),
        ("instrument_id", "ts"),
    ),
    "bar": Rule(("instrument_id", "interval", "ts", "adj", "source"), "closed", (*_OHLC, "closed")),
    "fundamental": Rule(
        ("instrument_id", "name", "period_end", "as_of", "source"), "first", ("value",)
    ),
    "corporate_action": Rule(
        ("instrument_id", "ex_date", "kind"), "last", ("ratio", "amount", "currency")
    ),
}
TIMES: Mapping[Kind, str] = {
    "trade": "ts",
    "quote": "ts",
    "bar": "ts",
    "fundamental": "as_of",
    "corporate_action": "ex_date",
}
_WORDS = ("source", "interval", "adj", "name", "currency", "kind")
TABLES: Mapping[Kind, LakeTable] = {
    "trade": LakeTable(
        "trades",
        SCHEMAS["trade"],
        sort=("instrument_id", "ts", "trade_id"),
        sorted_when="merged",
        stats=("instrument_id", "ts", "trade_id"),
        dictionary=("instrument_id", "price", "size", "side", "source"),
        delta=("ts", "trade_id", "recv_ts"),
    ),
    "quote": LakeTable(
        "quotes",
        SCHEMAS["quote"],
        sort=("instrument_id", "ts", "update_id"),
        sorted_when="merged",
        stats=("instrument_id", "ts", "update_id"),
        dictionary=("instrument_id", "bid", "ask", "source"),
        split=("bid_size", "ask_size"),
        delta=("ts", "update_id", "recv_ts"),
    ),
    "bar": LakeTable(
        "bars",
        SCHEMAS["bar"],
        sort=("instrument_id", "ts"),
        sorted_when="merged",
        stats=("instrument_id", "ts"),
        dictionary=("instrument_id", "interval", "adj", "source"),
        split=("open", "high", "low", "close", "volume", "quote_volume", "vwap"),
        delta=("ts", "trades"),
    ),
    "fundamental": LakeTable(
        "fundamentals",
        SCHEMAS["fundamental"],
        sort=("instrument_id", "period_end", "as_of"),
        sorted_when="merged",
        stats=("instrument_id", "as_of"),
        dictionary=("instrument_id", *_WORDS[3:5], "source"),
    ),
    "corporate_action": LakeTable(
        "corporate_actions",
        SCHEMAS["corporate_action"],
        sort=("instrument_id", "ex_date"),
        sorted_when="merged",
        stats=("instrument_id", "ex_date"),
        dictionary=("instrument_id", "kind", "currency", "source"),
    ),
}


def every(kind: Kind, name: str | None) -> Every:
    """How much time goes into one folder: a day of trades, a month of minutes, daily bars whole.

    So a folder holds much more than a file's overhead, also of one instrument.
    """
    if kind in ("trade", "quote"):
        return "day"
    if kind != "bar" or name is None:
        return "ever"
    length_us = interval(name).length_us
    if length_us == 0 or length_us >= DAY_US:
        return "ever"
    if length_us >= HOUR_US:
        return "year"
    return "month" if length_us >= 60_000_000 else "day"


def folders(kind: Kind, venue: str, name: str | None, times: Times) -> Iterator[tuple[str, Times]]:
    """The folders in which records of these times go, each with the places of its records."""
    step = every(kind, name)
    if step == "ever" or not len(times):
        yield _folder(kind, venue, name, ""), np.arange(len(times))
        return
    unit = {"day": "D", "month": "M", "year": "Y"}[step]
    periods = times.astype("datetime64[us]").astype(f"datetime64[{unit}]")
    if periods[0] == periods[-1] and (periods.min() == periods.max()):
        yield _folder(kind, venue, name, f"{step}={periods[0]}"), np.arange(len(times))
        return
    for period in np.unique(periods):
        yield _folder(kind, venue, name, f"{step}={period}"), np.flatnonzero(periods == period)


def folders_of_range(
    kind: Kind, venue: str, name: str | None, begin_us: int, end_us: int, most: int = 500
) -> list[str] | None:
    """The folders that may hold records of [begin, end); None where there are too many to name."""
    step = every(kind, name)
    if step == "ever":
        return [_folder(kind, venue, name, "")]
    unit = {"day": "D", "month": "M", "year": "Y"}[step]
    first, last = (
        np.datetime64(max(at, 0), "us").astype(f"datetime64[{unit}]")
        for at in (begin_us, max(begin_us, end_us - 1))
    )
    if (last - first).astype(np.int64) >= most:
        return None
    return [_folder(kind, venue, name, f"{step}={one}") for one in np.arange(first, last + 1)]


def _folder(kind: Kind, venue: str, name: str | None, period: str) -> str:
    parts = [f"venue={venue}"]
    if kind == "bar":
        parts.append(f"interval={name}")
    return "/".join([*parts, *([period] if period else [])])
