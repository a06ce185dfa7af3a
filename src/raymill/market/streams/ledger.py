"""What is kept of streams: rows and how far they go in one commit, gaps, where each stands."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raymill import faults, json
from raymill.errors import Fenced
from raymill.market import notes
from raymill.market.notes import Series
from raymill.market.store import MarketStore, Written
from raymill.market.streams.channel import Channel, Segment
from raymill.market.streams.columns import to_table
from raymill.market.streams.gaps import Gap
from raymill.market.streams.heard import Bad
from raymill.state.database import Database, Execute
from raymill.state.lake_manifest import Fence, Once, check_fence

SHOWN = 500  # bytes of a frame that is set aside
MERGE_EACH = 8  # segments
_GAP = (
    "run, channel, instrument_id, place, first_id, last_id, since_us, until_us, found_us, state, "
    "rows, closed_us, reason"
)
_LACKING = (
    "SELECT since_us, until_us FROM market_gap WHERE run=? AND channel=? AND instrument_id=? "
    "AND state IN ('open', 'left', 'lost') ORDER BY since_us"
)
_REACHED = (
    "INSERT INTO market_stream_cursor VALUES (?,?,?,?,?) "
    "ON CONFLICT (run, channel) DO UPDATE SET number=excluded.number, "
    "rows=market_stream_cursor.rows+excluded.rows, cursor=excluded.cursor"
)


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a channel is: its last segment, how many rows are stored, its cursor."""

    number: int
    rows: int
    cursor: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Left:
    """What owners before this one left of a stream."""

    stop: bool
    started: float
    status: Mapping[str, Any]
    channels: Mapping[str, Reached]
    gaps: Sequence[Gap]


class Ledger:
    """One stream's records, for the owner of an epoch: once a later one began, this one is out."""

    def __init__(self, store: MarketStore, run: str, epoch: int, *, source: str) -> None:
        self._store, self._run, self._source = store, run, source
        self._fence = Fence(f"market.stream/{run}", epoch)

    def begin(self, now: float) -> Left:
        """Become the owner. Raises Fenced where a later one has begun."""
        run, epoch = self._run, self._fence.epoch
        with self._store.database.transaction() as execute:
            check_fence(execute, self._fence)
            execute(
                "INSERT INTO market_stream VALUES (?,'live',?,'connecting','{}',?,?) "
                "ON CONFLICT (run) DO UPDATE SET epoch=excluded.epoch",
                (run, epoch, now, now),
            )
            rows = execute("SELECT wanted, started, status FROM market_stream WHERE run=?", (run,))
            wanted, started, status = rows[0]
            gaps = gaps_of(execute, run)
            return Left(
                wanted == "stopped", started, json.loads(status), _reached(execute, run), gaps
            )

    def commit(self, segment: Segment, status: Mapping[str, Any], now_us: int) -> int:
        """Store rows, how far they go, and where the stream stands, all at once.

        Gives how many rows of the channel are stored then. The same number again changes nothing.
        now_us: the time at the vendor. Raises Fenced, StoreError.
        """
        rows = to_table(segment.table, segment.rows, self._source)
        written = self._store.put(
            *(segment.table, self._source, rows),
            also=lambda execute, came: self._reached(execute, segment, status, came),
            fence=self._fence,
            once_only=Once(f"market.stream/{self._run}/{segment.channel}", segment.number),
            now_us=now_us,
        )
        faults.point("stream.stored")
        if segment.number % MERGE_EACH == 0:
            self._store.tidy(segment.table, written.folders)
        with self._store.database.reading() as execute:
            sql = "SELECT rows FROM market_stream_cursor WHERE run=? AND channel=?"
            return int(execute(sql, (self._run, segment.channel))[0][0])

    def _reached(
        self, execute: Execute, segment: Segment, status: Mapping[str, Any], came: Written
    ) -> None:
        cursor = json.dumps(segment.cursor).decode()
        execute(_REACHED, (self._run, segment.channel, segment.number, came.new, cursor))
        _note(execute, self._run, segment.gaps)
        sql = "UPDATE market_stream SET status=? WHERE run=?"
        execute(sql, (json.dumps(status).decode(), self._run))

    def cover(self, channel: Channel, interval: str | None) -> None:
        """Note what is complete, so that a crawl does not ask for it. Raises Fenced, StoreError."""
        reach = channel.reach()

        def also(execute: Execute) -> None:
            for number, (begin, end) in reach.items():
                series = Series(number, channel.table, interval, self._source)
                for span in _whole(begin, end, self._lacking(execute, channel, number)):
                    notes.is_known(execute, series, *span, "data")

        if reach:
            self._store.note(also, fence=self._fence)

    def _lacking(self, execute: Execute, channel: Channel, number: int) -> list[tuple[int, int]]:
        """Where something may be missing, both ends included."""
        inner = int(channel.table == "bar")  # what is missing lies between the bars around it
        found = execute(_LACKING, (self._run, channel.name, number))
        return [(since + inner, until - inner) for since, until in found]

    def set_aside(self, bad: Iterable[Bad], now: float) -> None:
        """Keep what could not be read, with the reason. Raises StoreError."""
        rows = [
            (
                *(hashlib.sha256(one.body).hexdigest(), "frame", self._source, 0, one.received),
                *(one.reason, one.body[:SHOWN].decode("utf-8", "replace"), now),
            )
            for one in bad
        ]
        with self._store.database.transaction() as execute:
            sql = "INSERT INTO market_quarantine VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
            execute.many(sql, rows)

    def tell(self, state: str, status: Mapping[str, Any], now: float) -> bool:
        """Say where the stream stands; whether it is to stop. Raises Fenced, StoreError."""
        with self._store.database.transaction() as execute:
            rows = execute(
                "UPDATE market_stream SET state=?, status=?, updated=? WHERE run=? AND epoch=? "
                "RETURNING wanted",
                (state, json.dumps(status).decode(), now, self._run, self._fence.epoch),
            )
        if not rows:
            raise Fenced(f"Stream `{self._run}` has another owner")
        return bool(rows[0][0] == "stopped")


@dataclass(frozen=True, slots=True)
class Told:
    """A stream as it was told of last."""

    run: str
    wanted: str
    state: str
    status: Mapping[str, Any]
    started: float
    updated: float
    rows: int
    gaps: Mapping[str, int]  # how many, by state


def told(database: Database, run: str) -> Told | None:
    """What is known of a stream; None before its first owner began."""
    with database.reading() as execute:
        rows = execute(
            "SELECT wanted, state, status, started, updated FROM market_stream WHERE run=?", (run,)
        )
        if not rows:
            return None
        wanted, stands, status, started, updated = rows[0]
        sql = "SELECT coalesce(sum(rows), 0) FROM market_stream_cursor WHERE run=?"
        stored = int(execute(sql, (run,))[0][0])
        sql = "SELECT state, count(*) FROM market_gap WHERE run=? GROUP BY state"
        gaps = {str(state): int(count) for state, count in execute(sql, (run,))}
    return Told(run, wanted, stands, json.loads(status), started, updated, stored, gaps)


def ask_to_stop(database: Database, run: str, now: float) -> None:
    """Have a stream stopped by its owner, or by the next one."""
    with database.transaction() as execute:
        execute(
            "INSERT INTO market_stream VALUES (?,'stopped',0,'requested','{}',?,?) "
            "ON CONFLICT (run) DO UPDATE SET wanted='stopped'",
            (run, now, now),
        )


def all_gaps(database: Database, run: str) -> list[Gap]:
    """The gaps of a stream, the oldest first."""
    with database.reading() as execute:
        return gaps_of(execute, run)


def gaps_of(execute: Execute, run: str) -> list[Gap]:
    """The gaps of a stream, the oldest first."""
    sql = f"SELECT {_GAP} FROM market_gap WHERE run=? ORDER BY since_us, channel, instrument_id"
    return [_gap(*row) for row in execute(sql, (run,))]


def _gap(run: str, channel: str, instrument: int, place: int, *about: Any) -> Gap:
    return Gap(instrument, channel, *about)


def _whole(begin: int, end: int, lacking: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """A range without gaps.

    >>> list(_whole(0, 100, [(10, 20), (15, 30)]))
    [(0, 10), (31, 100)]
    """
    for since, until in lacking:
        if since > begin:
            yield begin, min(since, end)
        begin = max(begin, until + 1)
    if begin < end:
        yield begin, end


def _reached(execute: Execute, run: str) -> dict[str, Reached]:
    sql = "SELECT channel, number, rows, cursor FROM market_stream_cursor WHERE run=?"
    return {
        channel: Reached(number, rows, json.loads(cursor))
        for channel, number, rows, cursor in execute(sql, (run,))
    }


def _note(execute: Execute, run: str, gaps: Iterable[Gap]) -> None:
    execute.many(
        f"INSERT INTO market_gap ({_GAP}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) "
        "ON CONFLICT (run, channel, instrument_id, place) DO UPDATE SET "
        "first_id=excluded.first_id, last_id=excluded.last_id, until_us=excluded.until_us, "
        "state=excluded.state, rows=excluded.rows, closed_us=excluded.closed_us, "
        "reason=excluded.reason",
        [
            (
                *(run, gap.kind, gap.instrument, gap.key[2], gap.first, gap.last, gap.since_us),
                *(gap.until_us, gap.found_us, gap.state, gap.rows, gap.closed_us, gap.reason),
            )
            for gap in gaps
        ],
    )
