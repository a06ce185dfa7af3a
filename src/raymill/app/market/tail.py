"""The records of a stream as they are stored, from a moment on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from raymill.app.market.rooms import MarketRooms
from raymill.app.market.streaming import Asked
from raymill.market.asked import LAST_US
from raymill.market.schemas import Kind

KINDS: Mapping[str, tuple[Kind, str]] = {
    "trades": ("trade", "trades"),
    "quotes": ("quote", "quotes"),
    "book": ("quote", "quotes"),
    "bars": ("bar", "ohlc"),
}
"""What each kind of stream is stored as, and which type of data that is."""
NUMBERS: Mapping[Kind, str] = {"trade": "trade_id", "quote": "update_id"}
MOST = 10_000  # records given at once


@dataclass(slots=True)
class Tail:
    """Reads what was stored since it last read.

    Records come in the order of their time; one that was missed and filled in later, behind others
    that were given, does not come.
    """

    rooms: MarketRooms
    asked: Asked
    since_us: int
    _last: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)

    def next(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """The records that came: the type of data, the symbol, the row."""
        for kind, data_type in dict.fromkeys(KINDS[name] for name in self.asked.wanted):
            for number in self.asked.instruments:
                one = self.rooms.instrument(number)
                for row in self._rows(kind, number):
                    yield data_type, one.symbol, row

    def _rows(self, kind: Kind, number: int) -> Iterator[dict[str, Any]]:
        last = self._last.get((kind, number), (self.since_us, LAST_US))
        rows = self.rooms.store.read(
            *(kind, [number], last[0], LAST_US),
            venue=self.rooms.instrument(number).venue,
            interval=self.asked.interval if kind == "bar" else None,
        )
        given = 0
        for row in rows.to_pylist():
            at = int(row["ts"].timestamp()) * 1_000_000 + row["ts"].microsecond
            key = (at, row.get(NUMBERS.get(kind, "")) or 0)
            if key > last and given < MOST:
                given += 1
                self._last[kind, number] = key
                yield row
