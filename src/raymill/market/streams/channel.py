"""The records of one kind in a stream: which are new, what is missing, what waits to be stored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from raymill.market.streams.buffer import Buffer, Row
from raymill.market.streams.gaps import Gap, GapState
from raymill.market.streams.ids import Hole
from raymill.market.streams.tracks import Found, Numbered, Track, tracked

Table = Literal["trade", "quote", "bar"]
Key = tuple[str, int, int]
ANEW = "the vendor's numbers began anew"
NOBODY_KNOWS = "the vendor numbers nothing here"


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows that are stored together, with how far the channel has come then.

    number: rises by one from segment to segment of a channel, so that none is stored twice.
    """

    channel: str
    table: Table
    number: int
    rows: Sequence[Row]
    cursor: Mapping[str, Any]
    gaps: Sequence[Gap] = ()


@dataclass
class Channel:
    """What comes of one kind.

    received and stored are how far each instrument has come, here and on the disk.
    """

    name: str
    table: Table
    received: Track
    buffer: Buffer
    stored: Track = field(init=False)
    number: int = 0
    rows: int = 0  # that are stored
    repeated: int = 0
    gaps: dict[Key, Gap] = field(default_factory=dict)  # that are open, or not noted yet
    _unnoted: dict[Key, Gap] = field(default_factory=dict)
    _pending: Segment | None = None
    _further: Track = field(init=False)

    def __post_init__(self) -> None:
        self.stored = self.received.copy()

    def resume(self, cursor: Mapping[str, Any], number: int, rows: int) -> None:
        """Go on where another owner stored last."""
        self.received.restore(dict(cursor))
        self.stored, self.number, self.rows = self.received.copy(), number, rows

    def reopen(self, gaps: Sequence[Gap], now_us: int) -> None:
        """Take over the gaps of an owner before this one: what is open is to be filled.

        So is whatever is missing and in no gap.
        """
        self.gaps.update({gap.key: gap for gap in gaps if gap.state == "open"})
        if not isinstance(self.received, Numbered):
            return
        for instrument, ids in self.received.ids.items():
            known = [gap for gap in gaps if gap.instrument == instrument]
            for hole in ids.holes:
                if not any(_holds(gap, hole) for gap in known):
                    at = self.received.times[instrument]
                    self._note(Gap(instrument, self.name, hole.first, hole.last, at, at, now_us))

    def take(self, rows: Iterable[Row], now_us: int) -> list[Row]:
        """Take records: those that are new wait to be stored; what they jumped over is a gap."""
        given = list(rows)
        fresh, found = self.received.new(given)
        self.repeated += len(given) - len(fresh)
        for one in found:
            self._note(_gap(self.name, one, now_us))
        if fresh:
            self.buffer.add(fresh)
        return fresh

    def fill(self, gap: Gap, rows: Iterable[Row], now_us: int) -> list[Row]:
        """Take records that were asked for to fill a gap."""
        fresh = self.take(rows, now_us)
        known = self.gaps.get(gap.key)
        if known is not None:
            self._note(replace(known, rows=known.rows + len(fresh)))
        return fresh

    def last(self, instrument: int) -> int | None:
        """The number of the newest record, None where there is none or it has none."""
        if not isinstance(self.received, Numbered):
            return None
        ids = self.received.ids.get(instrument)
        return None if ids is None else ids.last

    def gap_behind(self, instrument: int, rows: Sequence[Row], now_us: int) -> Gap:
        """A gap that these rows fill, which came after the newest record unheard."""
        assert isinstance(self.received, Numbered)
        first, last = (self.received.number(row) for row in (rows[0], rows[-1]))
        at = self.received.time_at
        since = self.received.time(instrument) or rows[0][at]
        gap = Gap(instrument, self.name, first, last, since, rows[-1][at], now_us)
        self._note(gap)
        return gap

    def missing(self, gap: Gap) -> list[Hole]:
        """What is still missing of a gap."""
        return _missing(self.received, gap)

    def settle(self, gap: Gap, state: GapState, now_us: int, reason: str = "") -> None:
        """A gap is over. What the vendor does not have counts as come."""
        ended = self.gaps.get(gap.key, gap).closed(state, now_us, reason)
        _close(self.received, ended)
        self._note(ended)

    def interrupted(self, instrument: int, until_us: int, reason: str) -> None:
        """A connection is back: what came before that and bears no number is lost."""
        since = self.received.time(instrument)
        if since is None or isinstance(self.received, Numbered):
            return
        since = min(since, until_us)
        gap = Gap(instrument, self.name, None, None, since, until_us, until_us)
        self._note(gap.closed("lost", until_us, reason))

    def segment(self, most: int) -> Segment | None:
        """What is to be stored next; the same again until `is_stored`. None if there is nothing.

        Raises StoreError where rows that waited on the disk cannot be read.
        """
        if self._pending is None:
            rows = self.buffer.take(most)
            further = tracked(self.stored, rows)
            gaps = self._to_note(further)
            if not rows and not gaps:
                return None
            number = self.number + 1
            self._further = further
            self._pending = Segment(self.name, self.table, number, rows, further.saved(), gaps)
        return self._pending

    def reach(self) -> dict[int, tuple[int, int]]:
        """For each instrument the range of times in which all is stored, but for gaps.

        Other trades may bear the time of the first and of the last, so that both are left out.
        """
        if not isinstance(self.stored, Numbered):
            return {}
        out = -1 if self.table == "bar" else 0
        firsts, times = self.stored.firsts, self.stored.times
        return {n: (firsts[n] + 1 + out, times[n] - out) for n in self.stored.ids}

    def _to_note(self, further: Track) -> list[Gap]:
        """The gaps that are committed with rows: as they are for who knows only what is stored."""
        found = []
        for gap in list(self._unnoted.values()):
            if not _is_reached(further, gap):
                continue
            if gap.state == "filled" and _missing(further, gap):
                found.append(replace(gap, state="open", closed_us=0))  # it waits for later rows
                continue
            _close(further, gap)
            found.append(gap)
            del self._unnoted[gap.key]
        return found

    def is_stored(self, segment: Segment, rows: int) -> None:
        """A segment is on the disk: its rows are acknowledged, `rows` of the channel in all."""
        self.stored, self._pending = self._further, None
        self.number, self.rows = segment.number, rows

    @property
    def depth(self) -> int:
        """How many rows wait in memory, those that are being stored included."""
        return self.buffer.depth + (len(self._pending.rows) if self._pending else 0)

    def _note(self, gap: Gap) -> None:
        self._unnoted[gap.key] = gap
        if gap.state == "open":
            self.gaps[gap.key] = gap
        else:
            self.gaps.pop(gap.key, None)


def _gap(kind: str, found: Found, now_us: int) -> Gap:
    hole, times = found.hole, (found.since_us, found.until_us)
    if found.began_anew:
        return Gap(found.instrument, kind, None, None, *times, now_us).closed("lost", now_us, ANEW)
    return Gap(found.instrument, kind, hole.first, hole.last, *times, now_us)


def _missing(track: Track, gap: Gap) -> list[Hole]:
    if gap.first is None or gap.last is None or not isinstance(track, Numbered):
        return []
    ids = track.ids.get(gap.instrument)
    return [] if ids is None else list(ids.missing(gap.first, gap.last))


def _holds(gap: Gap, hole: Hole) -> bool:
    """Whether something missing is in a gap that is not said to be filled."""
    if gap.first is None or gap.last is None or gap.state == "filled":
        return False
    return gap.first <= hole.first and hole.last <= gap.last


def _is_reached(stored: Track, gap: Gap) -> bool:
    """Whether what is stored lies behind a gap: before that, it says nothing to a new owner."""
    if gap.first is None or not isinstance(stored, Numbered):
        return True
    ids = stored.ids.get(gap.instrument)
    return ids is not None and ids.last is not None and ids.last >= gap.first


def _close(track: Track, gap: Gap) -> None:
    """Where the vendor has nothing in a gap, nothing is missing there."""
    if gap.state != "empty" or gap.first is None or gap.last is None:
        return
    if isinstance(track, Numbered) and (ids := track.ids.get(gap.instrument)) is not None:
        ids.close(gap.first, gap.last)
