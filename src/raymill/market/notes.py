"""What is noted beside the records: coverage, empty answers, what was set aside, what changed.

Statements of a transaction; they are committed together with the records that they speak of.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from raymill import json
from raymill.market.coverage import Reason, Span, Spans, cut, known, nothing_came
from raymill.market.schemas import Kind
from raymill.state.database import Execute


class Series(NamedTuple):
    """What is complete or not: records of a kind, of one instrument, from one source."""

    instrument_id: int
    kind: Kind
    interval: str | None
    source: str

    @property
    def key(self) -> tuple[int, str, str, str]:
        """As tables have it: no interval is an empty text."""
        return self.instrument_id, self.kind, self.interval or "", self.source


_WHERE = "WHERE instrument_id=? AND kind=? AND interval=? AND source=?"


def coverage(execute: Execute, series: Series) -> list[Span[Reason]]:
    """The ranges that are known to be complete, in order."""
    sql = f"SELECT begin_us, end_us, reason FROM market_coverage {_WHERE} ORDER BY begin_us"
    return [Span(*row) for row in execute(sql, series.key)]


def empty(execute: Execute, series: Series) -> list[Span[float]]:
    """The ranges that were answered with nothing, with the time of the first such answer."""
    sql = f"SELECT begin_us, end_us, asked FROM market_empty {_WHERE} ORDER BY begin_us"
    return [Span(*row) for row in execute(sql, series.key)]


def every_series(execute: Execute) -> list[Series]:
    """All series of which something is known."""
    rows = execute(
        "SELECT DISTINCT instrument_id, kind, interval, source FROM market_coverage "
        "ORDER BY source, instrument_id, kind, interval"
    )
    return [Series(number, kind, name or None, source) for number, kind, name, source in rows]


def is_known(execute: Execute, series: Series, begin: int, end: int, reason: Reason) -> None:
    """Note that a range is complete, and why."""
    before = coverage(execute, series)
    _keep_coverage(execute, series, before, known(before, begin, end, reason))
    if reason == "data":
        silent = empty(execute, series)
        _keep_empty(execute, series, silent, cut(silent, begin, end))


def is_empty(execute: Execute, series: Series, begin: int, end: int, now: float) -> None:
    """Note that a range was answered with nothing, at `now` in seconds since 1970."""
    before, silent = coverage(execute, series), empty(execute, series)
    found = nothing_came(before, silent, begin, end, now)
    _keep_coverage(execute, series, before, found.coverage)
    _keep_empty(execute, series, silent, found.empty)


def _keep_coverage(
    execute: Execute, series: Series, old: Spans[Reason], new: Spans[Reason]
) -> None:
    _keep(execute, "market_coverage", series, old, new)


def _keep_empty(execute: Execute, series: Series, old: Spans[float], new: Spans[float]) -> None:
    _keep(execute, "market_empty", series, old, new)


def _keep(
    execute: Execute, table: str, series: Series, old: Sequence[Any], new: Sequence[Any]
) -> None:
    """Write what differs."""
    gone = [span for span in old if span not in new]
    come = [span for span in new if span not in old]
    execute.many(
        f"DELETE FROM {table} {_WHERE} AND begin_us=?", [(*series.key, s.begin) for s in gone]
    )
    execute.many(
        f"INSERT INTO {table} VALUES (?,?,?,?,?,?,?)", [(*series.key, *span) for span in come]
    )


class SetAside(NamedTuple):
    """A record that is not stored among the others, and why."""

    kind: Kind
    source: str
    instrument_id: int
    ts: int | None
    reason: str
    record: dict[str, Any]


def set_aside(execute: Execute, records: Iterable[SetAside], now: float) -> None:
    """Note records that are not sound; the same one is noted once."""
    execute.many(
        "INSERT INTO market_quarantine VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (digest) DO NOTHING",
        [(*_digested(one[:5], one.record), now) for one in records],
    )


def _digested(about: Sequence[Any], record: dict[str, Any]) -> tuple[Any, ...]:
    text = json.dumps(record)
    digest = hashlib.blake2b(json.dumps(list(about)) + text, digest_size=16).hexdigest()
    return (digest, *about, text.decode())


class Revision(NamedTuple):
    """A closed record that its source changed."""

    kind: Kind
    source: str
    instrument_id: int
    interval: str
    ts: int
    before: dict[str, Any]
    after: dict[str, Any]


def revised(execute: Execute, revisions: Iterable[Revision], now: float) -> None:
    """Note changes of closed records."""
    execute.many(
        "INSERT INTO market_revision VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (digest) DO NOTHING",
        [_row(one, now) for one in revisions],
    )


def _row(one: Revision, now: float) -> tuple[Any, ...]:
    both = {"before": one.before, "after": one.after}
    digest, *about, _ = _digested(one[:5], both)
    return (digest, *about, *(json.dumps(both[side]).decode() for side in both), now)


def quarantine(
    execute: Execute, instrument_id: int | None = None, most: int = 1000
) -> list[SetAside]:
    """The newest records that were set aside, of one instrument or of all."""
    where = "" if instrument_id is None else "WHERE instrument_id=? "
    rows = execute(
        "SELECT kind, source, instrument_id, ts, reason, record FROM market_quarantine "
        f"{where}ORDER BY found DESC, digest LIMIT ?",
        [*(() if instrument_id is None else (instrument_id,)), most],
    )
    return [
        SetAside(kind, source, number, ts, reason, json.loads(record))
        for kind, source, number, ts, reason, record in rows
    ]


def revisions(execute: Execute, instrument_id: int, most: int = 1000) -> list[Revision]:
    """The newest changes of closed records of an instrument."""
    rows = execute(
        "SELECT kind, source, instrument_id, interval, ts, before, after FROM market_revision "
        "WHERE instrument_id=? ORDER BY found DESC, digest LIMIT ?",
        [instrument_id, most],
    )
    return [
        Revision(kind, source, number, name, ts, json.loads(before), json.loads(after))
        for kind, source, number, name, ts, before, after in rows
    ]
