"""What is kept of streams: rows and how far they go in one commit, gaps, where each stands."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from raymill import faults, json
from raymill.errors import Fenced
from raymill.market.streams.channel import Segment, Table
from raymill.market.streams.columns import to_table
from raymill.market.streams.gaps import Gap
from raymill.market.streams.heard import Bad
from raymill.state.database import Database, Execute
from raymill.state.lake import Fence, Lake, LakeTable, Once, Part
from raymill.state.lake_manifest import check_fence

SHOWN = 500  # bytes of a frame that is set aside
_GAP = (
    "run, channel, instrument_id, place, first_id, last_id, since_us, until_us, found_us, state, "
    "rows, closed_us, reason"
)


class Layout(Protocol):
    """Where rows of a kind lie in the lake."""

    def __call__(self, table: Table, rows: pa.Table) -> tuple[LakeTable, Sequence[Part]]:
        """The table of the lake, and the rows by partition."""


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

    def __init__(self, lake: Lake, run: str, epoch: int, *, source: str, layout: Layout) -> None:
        self._lake, self._run, self._source, self._layout = lake, run, source, layout
        self._fence = Fence(f"market.stream/{run}", epoch)

    def begin(self, now: float) -> Left:
        """Become the owner. Raises Fenced where a later one has begun."""
        run, epoch = self._run, self._fence.epoch
        with self._lake.database.transaction() as execute:
            check_fence(execute, self._fence)
            execute(
                "INSERT INTO market_stream VALUES (?,'live',?,'connecting','{}',?,?) "
                "ON CONFLICT (run) DO UPDATE SET epoch=excluded.epoch",
                (run, epoch, now, now),
            )
            rows = execute("SELECT wanted, started, status FROM market_stream WHERE run=?", (run,))
            wanted, started, status = rows[0]
            gaps = [gap for gap in gaps_of(execute, run) if gap.state == "open"]
            return Left(
                wanted == "stopped", started, json.loads(status), _reached(execute, run), gaps
            )

    def commit(self, segment: Segment) -> None:
        """Store rows, and how far they go, all at once. Once is enough: the same number again
        changes nothing. Raises Fenced, StoreError."""
        table, parts = self._layout(
            segment.table, to_table(segment.table, segment.rows, self._source)
        )
        name = f"market.stream/{self._run}/{segment.channel}"

        def also(execute: Execute) -> None:
            execute(
                "INSERT INTO market_stream_cursor VALUES (?,?,?,?,?) "
                "ON CONFLICT (run, channel) DO UPDATE SET number=excluded.number, "
                "rows=market_stream_cursor.rows+excluded.rows, cursor=excluded.cursor",
                (
                    *(self._run, segment.channel, segment.number, len(segment.rows)),
                    json.dumps(segment.cursor).decode(),
                ),
            )
            _note(execute, self._run, segment.gaps)

        once = Once(name, segment.number)
        self._lake.append(table, *parts, also=also, fence=self._fence, once=once)
        faults.point("stream.stored")

    def set_aside(self, bad: Iterable[Bad], now: float) -> None:
        """Keep what could not be read, with the reason. Raises StoreError."""
        rows = [
            (
                *(hashlib.sha256(one.body).hexdigest(), "frame", self._source, 0, one.received),
                *(one.reason, one.body[:SHOWN].decode("utf-8", "replace"), now),
            )
            for one in bad
        ]
        with self._lake.database.transaction() as execute:
            sql = "INSERT INTO market_quarantine VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
            execute.many(sql, rows)

    def tell(self, state: str, status: Mapping[str, Any], now: float) -> bool:
        """Say where the stream stands; whether it is to stop. Raises Fenced, StoreError."""
        with self._lake.database.transaction() as execute:
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
