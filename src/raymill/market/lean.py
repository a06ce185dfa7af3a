"""Bars in the zip files of LEAN: a table without headings, whose folders say what it holds.

`equity/usa/daily/spy.zip`, `equity/usa/minute/spy/20131007_trade.zip`,
`crypto/binance/minute/btcusdt/20181006_trade.zip`. Prices of equities are counted in ten
thousandths of a dollar, and times are those of the exchange.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.errors import InputError

MOST_BYTES = 1 << 30  # of a file, unpacked
NAMES = ("time", "open", "high", "low", "close", "volume")
HINT = "keep the folders of LEAN, as in equity/usa/daily/spy.zip or crypto/binance/minute/btcusdt/"
WRITTEN = "%Y%m%d %H:%M"
_DATED = re.compile(r"(\d{8})_(\w+)")


@dataclass(frozen=True, slots=True)
class _Place:
    """What the folders and the name of a file say."""

    scale: float
    zone: str
    resolution: str
    day: str | None  # of files that hold one day
    symbol: str


_CLASSES = {
    "equity": (10_000.0, "America/New_York"),
    "crypto": (1.0, "UTC"),
    "cryptofuture": (1.0, "UTC"),
}
_LONG, _SHORT = ("daily", "hour"), ("minute", "second")


def read_zip(path: Path) -> pa.Table:
    """The bars of a file, with the columns `ts` or `date`. Raises InputError."""
    place = _place(path)
    rows = _table(_unpacked(path), path)
    made: dict[str, Any] = {name: _floats(rows, name) for name in NAMES[1:]}
    for name in NAMES[1:5]:
        made[name] = made[name] / place.scale
    texts = [str(text) for text in rows["time"].to_pylist()]
    try:
        if place.resolution == "daily":
            days = [datetime.strptime(text, WRITTEN).date() for text in texts]
            return pa.table({"date": days} | made)
        at = _of_day(texts, place) if place.day else _of_hours(texts, place.zone)
    except (ValueError, OverflowError) as error:
        raise InputError(f"`{path}` cannot be read: {error}") from error
    return pa.table({"ts": arrow.cast(arrow.array(at), pa.timestamp("us", "UTC"))} | made)


def symbol_of(path: Path) -> str:
    """The symbol whose bars a file holds: its name, or its folder's where files hold one day."""
    return _place(path).symbol


def _place(path: Path) -> _Place:
    folders = [part.lower() for part in path.absolute().parts[:-1]]
    found = next((name for name in reversed(folders) if name in _CLASSES), None)
    resolution = next((name for name in reversed(folders) if name in _LONG + _SHORT), None)
    if found is None or resolution is None:
        raise InputError(f"`{path}` does not lie in folders that say what it holds", hint=HINT)
    dated = _DATED.fullmatch(path.stem)
    what = dated[2] if dated else path.stem.partition("_")[2] or "trade"
    if what != "trade" or (resolution in _SHORT) != bool(dated):
        raise InputError(f"`{path}` holds no bars of trades", hint="take the zip of `trade`")
    name = folders[-1] if dated else path.stem.partition("_")[0]
    return _Place(*_CLASSES[found], resolution, dated[1] if dated else None, name.upper())


def _unpacked(path: Path) -> bytes:
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
            if len(members) != 1:
                raise InputError(f"`{path}` holds {len(members)} files, and not one", hint=HINT)
            with packed.open(members[0]) as file:
                text = file.read(MOST_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise InputError(f"`{path}` cannot be read: {error}") from error
    if len(text) > MOST_BYTES:
        raise InputError(f"`{path}` holds more than {MOST_BYTES >> 20} MB")
    return text


def _table(text: bytes, path: Path) -> pa.Table:
    from pyarrow import csv

    if not text.strip():
        raise InputError(f"`{path}` holds no rows")
    kinds = {"time": pa.string(), **dict.fromkeys(NAMES[1:], pa.float64())}
    try:
        return csv.read_csv(
            io.BytesIO(text),
            read_options=csv.ReadOptions(column_names=[*NAMES]),
            convert_options=csv.ConvertOptions(column_types=kinds),
        )
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"`{path}` cannot be read: {reason}") from error


def _floats(rows: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(arrow.to_numpy(arrow.fill_null(rows[name], np.nan)), np.float64)


def _of_day(texts: Sequence[str], place: _Place) -> NDArray[np.int64]:
    """Milliseconds since midnight at the exchange; its clock is not set while it trades."""
    assert place.day is not None
    noon = datetime.strptime(place.day, "%Y%m%d").replace(hour=12, tzinfo=ZoneInfo(place.zone))
    midnight_us = int(noon.timestamp() - 43_200) * 1_000_000
    return midnight_us + np.array([int(text) for text in texts], np.int64) * 1000


def _of_hours(texts: Sequence[str], zone: str) -> NDArray[np.int64]:
    info = ZoneInfo(zone)
    times = (datetime.strptime(text, WRITTEN).replace(tzinfo=info) for text in texts)
    return np.array([int(at.astimezone(UTC).timestamp()) * 1_000_000 for at in times], np.int64)
