"""A dropped file: what it asks for, whether it is whole, why it is refused."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from raymill import json
from raymill.errors import ConfigError
from raymill.filings.tickers import ticker

MOST_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"


class Identity(NamedTuple):
    """What tells one state of a file from another."""

    inode: int
    size: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """What a file holds: a ticker, the reason why it is refused, or so far nothing whole."""

    kind: Literal["asks", "wrong", "torn"]
    identity: Identity
    ticker: str = ""
    reason: str = ""


def identity(path: Path) -> Identity:
    """The state of a file."""
    return _of(os.stat(path))


def read(path: Path) -> Dropped:
    """Read a dropped file: a JSON object with `ticker`; whatever else it holds is ignored.

    An object is whole when its last brace is there, so that nobody has to wait for its writer. What
    is no object may still be on its way. Raises OSError where it is gone.
    """
    with path.open("rb") as file:
        found = _of(os.fstat(file.fileno()))
        data = file.read(MOST_BYTES + 1).removeprefix(_BOM)
    if len(data) > MOST_BYTES:
        return Dropped("wrong", found, reason="it holds more than 1 MB, which no ticker needs")
    try:
        value = json.loads(data)
    except json.JSONError as error:
        what = f"it is no JSON: {error}" if data.strip() else "it is empty"
        return Dropped("torn", found, reason=what)
    if not isinstance(value, dict):
        return Dropped("torn", found, reason="it is JSON, but no object with a `ticker`")
    return _asked(value, found)


def _asked(value: dict[str, Any], found: Identity) -> Dropped:
    text = value.get("ticker")
    if not isinstance(text, str) or not text.strip():
        return Dropped("wrong", found, reason="it has no `ticker`")
    try:
        return Dropped("asks", found, ticker=ticker(text))
    except ConfigError as error:
        return Dropped("wrong", found, reason=f"{error.message}: {error.hint}")


def _of(status: os.stat_result) -> Identity:
    return Identity(status.st_ino, status.st_size, status.st_mtime_ns)
