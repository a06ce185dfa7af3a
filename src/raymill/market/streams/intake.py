"""Where all that comes of a stream goes: counted, told apart from what came before, shown."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from raymill.log import get_logger
from raymill.market.streams.books import Books
from raymill.market.streams.buffer import Row
from raymill.market.streams.channel import Channel
from raymill.market.streams.fills import Filler
from raymill.market.streams.gaps import Gap
from raymill.market.streams.heard import Bad, Heard, Quote
from raymill.market.streams.status import Counts, Lags

log = get_logger(room="market.streams")

MOST_BAD = 1000  # frames that cannot be read and wait to be set aside
SHOWN = 100  # instruments whose prices are told
UNHEARD = "nobody listened"


class Event(NamedTuple):
    """Something for those who listen: new records of a channel, or a gap before them."""

    channel: str
    rows: Sequence[Row] = ()
    backfilled: bool = False
    gap: Gap | None = None


@dataclass
class Intake:
    """Takes what links bring.

    instruments_of: whose names these are. due_rows: so many rows are to be stored at once.
    """

    channels: Mapping[str, Channel]
    instruments_of: Callable[[Iterable[str]], Iterable[int]]
    now_us: Callable[[], int]
    due_rows: int
    listen: Callable[[Event], None] = lambda event: None
    books: Books | None = None
    filler: Filler | None = None
    counts: Counts = field(default_factory=Counts)
    lags: Lags = field(default_factory=Lags)
    bad: list[Bad] = field(default_factory=list)
    due: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _last: dict[str, dict[int, Row]] = field(default_factory=dict)

    @property
    def full(self) -> str:
        """Why nothing more can be taken, empty if it can."""
        return next((one.buffer.full for one in self.channels.values() if one.buffer.full), "")

    @property
    def depth(self) -> int:
        """How many rows wait in memory, those that are being stored included."""
        return sum(channel.depth for channel in self.channels.values())

    def take(self, heard: Heard) -> int:
        """Take records. Gives how many of them had come before."""
        self.counts.hear(heard)
        self.lags.last.extend(heard.lags)
        repeats = self.put("trades", heard.trades) + self.put("quotes", heard.quotes)
        if heard.bars:
            repeats += self.put("bars", [bar for bar in heard.bars if bar[-1]])
            self._show("bars", heard.bars)
        if heard.diffs and self.books is not None:
            quotes, again = self.books.take(heard.diffs)
            repeats += again + self.put("book", quotes)
        if heard.bad:
            self._set_aside(heard.bad)
        self.counts.repeated += repeats
        return repeats

    def put(self, name: str, rows: Sequence[Row]) -> int:
        """Take records of a channel. Gives how many of them had come before."""
        if not rows:
            return 0
        channel = self.channels[name]
        known = len(channel.gaps)
        fresh = channel.take(rows, self.now_us())
        if len(channel.gaps) > known:
            self._gaps(channel, known)
        if fresh:
            self._show(name, fresh)
            self.listen(Event(name, fresh))
        if self.depth >= self.due_rows:
            self.due.set()
        return len(rows) - len(fresh)

    def put_quotes(self, quotes: list[Quote]) -> None:
        """Take quotes that a book gave when it came into step."""
        self.put("book", quotes)

    def came_back(self, gap: Gap, rows: list[Row]) -> None:
        """Records that were missing have come; they are stored already like all others."""
        if rows:
            self.listen(Event(gap.kind, rows, backfilled=True))

    def is_lost(self, names: Sequence[str], reason: str) -> None:
        """Names are on no connection any more."""
        self.counts.disconnects += 1
        if self.books is not None:
            self.books.lose(self.instruments_of(names))
        self.changed.set()

    def is_back(self, names: Sequence[str], since_us: int) -> None:
        """Names are on a connection, and were on none before."""
        self.counts.connects += 1
        for instrument in self.instruments_of(names):
            for channel in self.channels.values():
                channel.interrupted(instrument, since_us, UNHEARD)
                if self.filler is not None:
                    self.filler.look_behind(channel, instrument)
        self.changed.set()

    def shown(self) -> dict[str, dict[str, list[Any]]]:
        """The newest time and price of the first instruments, by channel."""
        return {
            name: {str(number): _shown(name, row) for number, row in islice(rows.items(), SHOWN)}
            for name, rows in self._last.items()
        }

    def _gaps(self, channel: Channel, known: int) -> None:
        for gap in list(channel.gaps.values())[known:]:
            self.listen(Event(channel.name, gap=gap))
            log.info("gap.found", channel=channel.name, first=gap.first, last=gap.last)
        if self.filler is not None:
            self.filler.look()

    def _show(self, name: str, rows: Sequence[Row]) -> None:
        newest = self._last.setdefault(name, {})
        known = len(newest)
        for row in rows:
            newest[row[0]] = row
        if len(newest) > known:  # from its first record on an instrument has a cursor
            self.due.set()

    def _set_aside(self, bad: Sequence[Bad]) -> None:
        self.counts.refused += len(bad)
        self.bad += bad[: MOST_BAD - len(self.bad)]
        log.warning("stream.refused", count=len(bad), reason=bad[0].reason)


def _shown(name: str, row: Row) -> list[Any]:
    if name == "trades":
        return [row[1], row[3]]
    if name == "bars":
        return [row[2], row[6]]
    return [row[1], (row[2] + row[4]) / 2]
