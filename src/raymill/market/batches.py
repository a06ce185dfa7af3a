"""Records on their way into the store: the sound ones, by folder, and what they may meet there."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.errors import StoreError
from raymill.market.notes import Revision, SetAside
from raymill.market.schemas import Kind
from raymill.market.soundness import look
from raymill.market.stored import RULES, TIMES, folders
from raymill.state.lake_table import Condition

SAME_US = 1_000_000  # the same trade bears the same time, to the second at least


def parted(kind: Kind, rows: pa.Table, now_us: int) -> tuple[pa.Table, list[SetAside]]:
    """Sound records, and those that are to be set aside."""
    found = look(kind, rows, now_us)
    good = found.good
    if good is None:
        return rows, []
    bad = found.bad
    taken = arrow.take_rows(rows, np.array([at for at, _ in bad], np.int64))
    pairs = zip(taken.to_pylist(), bad, strict=True)
    return arrow.keep_rows(rows, good), [_aside(kind, row, why) for row, (_, why) in pairs]


def _aside(kind: Kind, row: dict[str, Any], reason: str) -> SetAside:
    at = row[TIMES[kind]]
    ts = int(at.timestamp() * 1e6) if hasattr(at, "timestamp") else None
    return SetAside(kind, row["source"] or "", row["instrument_id"] or 0, ts, reason, row)


def pieces(kind: Kind, venue: str, rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The records of each folder."""
    if not rows.num_rows:
        return
    times = _micros(kind, rows)
    every = _interval(rows) if kind == "bar" else None
    for folder, places in folders(kind, venue, every, times):
        yield folder, rows if len(places) == rows.num_rows else _some(rows, places)


def _some(rows: pa.Table, places: Any) -> pa.Table:
    first, last = int(places[0]), int(places[-1])
    if last - first + 1 == len(places):  # they lie together: nothing is copied
        return rows.slice(first, len(places))
    return arrow.take_rows(rows, places)


def _interval(rows: pa.Table) -> str:
    names = arrow.unique(rows["interval"]).to_pylist()
    if len(names) != 1:
        raise StoreError(f"Bars of {len(names)} intervals cannot be stored together: {names}")
    return str(names[0])


def _micros(kind: Kind, rows: pa.Table) -> Any:
    column = arrow.combine(rows[TIMES[kind]])
    if pa.types.is_date32(column.type):
        column = arrow.cast(column, pa.timestamp("us"))
    return np.asarray(arrow.to_numpy(arrow.cast(column, pa.int64())), np.int64)


def near(kind: Kind, rows: pa.Table) -> list[Condition]:
    """What a record of the same key fulfils, in columns whose bounds are kept."""
    who = arrow.unique(rows["instrument_id"]).to_pylist()
    where: list[Condition] = [("instrument_id", "in", who)]
    at = TIMES[kind]
    least, most = arrow.min_max(rows[at])
    if kind in ("trade", "quote"):
        first, last = (int(one.timestamp() * 1e6) for one in (least, most))
        least, most = time_of(first - SAME_US), time_of(last + SAME_US)
    return [*where, (at, ">=", least), (at, "<=", most), *_near_number(kind, rows)]


def _near_number(kind: Kind, rows: pa.Table) -> list[Condition]:
    """Records that bear numbers meet only such as bear numbers of their range."""
    name = RULES[kind].keys[-1]
    if kind not in ("trade", "quote") or rows[name].null_count:
        return []
    least, most = arrow.min_max(rows[name])
    return [(name, ">=", least), (name, "<=", most)]


def time_of(at_us: int) -> Any:
    return pa.scalar(at_us, pa.timestamp("us", "UTC")).as_py()


def revisions_of(
    kind: Kind, held: pa.Table, rows: pa.Table, pairs: Sequence[tuple[int, int]]
) -> list[Revision]:
    found = []
    for old, new in pairs:
        before, after = held.slice(old, 1).to_pylist()[0], rows.slice(new, 1).to_pylist()[0]
        values = RULES[kind].values
        found.append(
            Revision(
                kind,
                after["source"],
                after["instrument_id"],
                after["interval"],
                int(after["ts"].timestamp() * 1e6),
                {name: before[name] for name in values if before[name] != after[name]},
                {name: after[name] for name in values if before[name] != after[name]},
            )
        )
    return found
