"""Bars, instruments and actions as tables, for tests."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from raymill.market.instrument import Instrument
from raymill.market.schemas import BAR, CORPORATE_ACTION

Row = tuple[Any, ...]  # id, day, open, high, low, close, volume


def instrument(number: int, symbol: str, **about: Any) -> Instrument:
    """An equity of New York, unless it is said otherwise."""
    usual = {"asset_class": "equity", "currency": "USD", "calendar": "XNYS"}
    return Instrument(symbol, "XNAS", symbol, instrument_id=number, **usual | about)


def bars(rows: Iterable[Row], **about: Any) -> pa.Table:
    """Closed daily bars that are adjusted for nothing, unless it is said otherwise."""
    names = ("instrument_id", "ts", "open", "high", "low", "close", "volume")
    usual = {"interval": "1d", "closed": True, "adj": "raw", "source": "file"}
    cells = [dict(zip(names, row, strict=True)) | usual | about for row in rows]
    for row in cells:
        row["ts"] = datetime.combine(row["ts"], datetime.min.time(), UTC)
    return pa.Table.from_pylist(cells, BAR)


def closes(number: int, days: Sequence[date], prices: Sequence[float]) -> list[Row]:
    """Bars whose four prices are one, with a volume of 100."""
    return [
        (number, day, price, price, price, price, 100.0)
        for day, price in zip(days, prices, strict=True)
    ]


def actions(*rows: tuple[int, date, str, float | None, float | None]) -> pa.Table:
    """Corporate actions: instrument, day, kind, ratio, amount in USD."""
    names = ("instrument_id", "ex_date", "kind", "ratio", "amount")
    cells = [dict(zip(names, row, strict=True)) | {"currency": "USD"} for row in rows]
    return pa.Table.from_pylist(cells, CORPORATE_ACTION)
