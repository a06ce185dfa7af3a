"""What was known when: a number is reported again and again, and sometimes another."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Values

OBSERVATION = ("cik", "taxonomy", "concept", "dims", "unit", "start", "end")
_EPOCH = date(1970, 1, 1)
_EXACT = 1 << 20  # beats any number of decimals

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Versions:
    """All reports of all observations, in the order of (observation, filed, accession).

    Where one filing reports a number several times, the one with the most decimals is kept.
    """

    rows: Numbers  # places in the table
    first: NDArray[np.bool_]  # of its observation
    changed: NDArray[np.bool_]  # has another value than the report before it

    @property
    def last(self) -> NDArray[np.bool_]:
        """The newest report of each observation."""
        return np.append(self.first[1:], True)[: len(self.first)]

    @property
    def since(self) -> Numbers:
        """For each report the place of the one that brought its value."""
        places = np.where(self.first | self.changed, np.arange(len(self.rows)), 0)
        return np.maximum.accumulate(places) if len(places) else places

    @property
    def number(self) -> Numbers:
        """For each report which version of its observation it is, from 1."""
        group = np.maximum.accumulate(np.where(self.first, np.arange(len(self.rows)), 0))
        return np.arange(len(self.rows)) - group + 1


def ordered(facts: pa.Table, day: date | None = None) -> Versions:
    """Order the reports that were filed up to a day."""
    filed = _days(facts["filed"])
    rows: Numbers = np.arange(facts.num_rows)
    if day is not None:
        rows = np.flatnonzero((filed >= 0) & (filed <= (day - _EPOCH).days))
    keys = [_ranks(facts[name])[rows] for name in OBSERVATION]
    accession = _ranks(facts["accession"])[rows]
    weight, seq = _weights(facts)[rows], arrow.to_numpy(facts["seq"])[rows]
    order = np.lexsort((-seq, weight, accession, filed[rows], *reversed(keys)))
    first, new = _starts([key[order] for key in keys], accession[order])
    kept = np.append(new[1:], True)[: len(new)]  # the weightiest of one filing comes last
    places = rows[order][kept]
    starts = first[np.flatnonzero(new)] if len(new) else first
    return Versions(places, starts, _changed(facts, places, starts))


def as_of(facts: pa.Table, day: date | None = None) -> pa.Table:
    """What was known at the end of a day: of each observation the newest report filed by then.

    Without a day, the newest of all. A fact whose filing day is unknown is no part of any day.
    """
    found = ordered(facts, day)
    return arrow.take_rows(facts, found.rows[found.last])


def latest(facts: pa.Table) -> pa.Table:
    """The newest report of each observation."""
    return as_of(facts)


def versions(facts: pa.Table) -> pa.Table:
    """Every report of every observation in order, with its number from 1 as `version`."""
    found = ordered(facts)
    rows = arrow.take_rows(facts, found.rows)
    return arrow.with_column(rows, "version", found.number.astype(np.int32))


def restatements(facts: pa.Table) -> pa.Table:
    """The reports that changed a number, with what was reported before.

    A number that was only rounded otherwise is not a change, where the decimals are known.
    """
    found = ordered(facts)
    at = np.flatnonzero(found.changed)
    rows, before = (arrow.take_rows(facts, found.rows[places]) for places in (at, at - 1))
    for name in ("value", "value_text", "filed", "accession"):
        rows = arrow.with_column(rows, f"previous_{name}", before[name])
    return rows


def _starts(keys: list[Numbers], accession: Numbers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    first = np.ones(len(accession), np.bool_)
    if len(first):
        first[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    new = first.copy()
    new[1:] |= accession[1:] != accession[:-1]
    return first, new


def _changed(facts: pa.Table, rows: Numbers, first: NDArray[np.bool_]) -> NDArray[np.bool_]:
    values = arrow.to_numpy(facts["value"])[rows]
    decimals = _weights(facts)[rows]
    changed = np.zeros(len(rows), np.bool_)
    if len(rows) < 2:
        return changed
    old, new = values[:-1], values[1:]
    least = np.minimum(decimals[:-1], decimals[1:]).astype(np.float64)
    known = np.abs(least) < 400
    half = np.where(known, 0.5 * 10.0 ** -np.where(known, least, 0), 0.0)
    differs = np.abs(new - old) > half * (1 + 1e-9)
    differs |= np.isnan(old) != np.isnan(new)
    changed[1:] = differs & ~first[1:]
    return changed


def _weights(facts: pa.Table) -> Numbers:
    """How exact a number is; without decimals the least, without a value below it."""
    decimals = arrow.to_numpy(arrow.fill_null(facts["decimals"], -_EXACT)).astype(np.int64)
    decimals[arrow.to_numpy(arrow.fill_null(facts["is_exact"], False))] = _EXACT
    decimals[arrow.to_numpy(arrow.is_null(facts["value"]))] = -2 * _EXACT
    return decimals


def _days(column: Values) -> Numbers:
    return _filled(arrow.cast(column, pa.int32()), -1)


def _ranks(column: Values) -> Numbers:
    """The places of the values in their order; equal ones have one, null has none."""
    if pa.types.is_map(column.type):
        column = arrow.array(_dims(column), pa.string())
    if not pa.types.is_string(column.type):
        whole = arrow.cast(column, pa.int32()) if pa.types.is_date(column.type) else column
        return _filled(arrow.cast(whole, pa.int64()), -1 << 40)
    coded: Any = arrow.combine(arrow.dictionary_encode(column))
    order = arrow.to_numpy(arrow.sort_indices(coded.dictionary))
    rank = np.empty(len(order) + 1, np.int64)
    rank[order], rank[-1] = np.arange(len(order)), -1
    return rank[_filled(coded.indices, -1)]


def _dims(column: Values) -> list[str]:
    """Dimensions as text that tells them apart."""
    return ["" if not dims else repr(sorted(dims)) for dims in column.to_pylist()]


def _filled(column: Values, value: int) -> Numbers:
    return arrow.to_numpy(arrow.fill_null(column, value)).astype(np.int64)
