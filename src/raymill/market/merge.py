"""Records that come twice: which of them stay. Decided over columns, without a store."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Values
from raymill.market.stored import Rule

Places = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Merged(NamedTuple):
    """What comes of records that meet those that are held.

    new: places of the incoming ones that are to be stored.
    gone: places of the held ones that they take the place of.
    revised: pairs (held, incoming) of closed records that differ.
    """

    new: Places
    gone: Places
    revised: list[tuple[int, int]]


def once(rows: pa.Table, rule: Rule) -> Places | None:
    """The places of the records that stay of some that came together; None where all do."""
    if rows.num_rows < 2 or _rise(rows, rule):
        return None
    numbers = keyed([rows], rule)[0]
    order = np.arange(len(numbers))
    if rule.wins != "first":
        rank = _closed(rows) if rule.wins == "closed" else np.zeros(len(numbers), np.int64)
        order = np.lexsort((order, rank))[::-1]  # the best first
    _, firsts = np.unique(numbers[order], return_index=True)
    stay = np.sort(order[firsts])
    return None if len(stay) == len(numbers) else stay


def _rise(rows: pa.Table, rule: Rule) -> bool:
    """Whether it is seen at once that no key comes twice: numbers rise for each instrument."""
    *lead, last = rule.keys
    if last in ("adj", "source"):  # of a bar: words that are the same in all rows, but for the time
        lead, last = ["instrument_id", "interval", "adj", "source"], "ts"
    column = arrow.combine(rows[last])
    if column.null_count or not _is_number(column):
        return False
    numbers = arrow.to_numpy(_as_int(column))
    steady = [name for name in lead if name != "instrument_id"]
    if any(len(arrow.unique(rows[name])) > 1 for name in steady):
        return False
    if bool(np.all(numbers[1:] > numbers[:-1])) and _is_one(rows["instrument_id"]):
        return True
    who = arrow.to_numpy(rows["instrument_id"])
    order = np.argsort(_narrow(who), kind="stable")
    who, numbers = who[order], numbers[order]
    return bool(np.all((numbers[1:] > numbers[:-1]) | (who[1:] != who[:-1])))


def _is_one(column: Values) -> bool:
    least, most = arrow.min_max(column)
    return bool(least == most)


def _narrow(numbers: NDArray[np.int32]) -> NDArray[np.generic]:
    """As 16 bits where they fit: those are sorted in one pass."""
    fits = len(numbers) and numbers.min() >= 0 and numbers.max() < 1 << 16
    return numbers.astype(np.uint16) if fits else numbers


def _is_number(column: Values) -> bool:
    kind = column.type
    return bool(pa.types.is_integer(kind) or pa.types.is_temporal(kind))


def _as_int(column: Values) -> Values:
    if pa.types.is_date32(column.type):
        column = arrow.cast(column, pa.int32())
    return arrow.cast(column, pa.int64())


def keyed(tables: Sequence[pa.Table], rule: Rule) -> list[Places]:
    """A number for each record of tables: equal for equal keys, over all of them."""
    both = pa.concat_tables([table.select(_needed(rule)) for table in tables])
    numbers = _grouped(both, rule.keys)
    if rule.spare:
        blank = arrow.to_numpy(arrow.is_null(both[rule.keys[-1]]))
        if blank.any():
            spare = _grouped(both, rule.spare) * 2 + 1
            if rule.wins == "first":
                spare = _counted(spare, [table.num_rows for table in tables]) * 2 + 1
            numbers = np.where(blank, spare, numbers * 2)
    return np.split(numbers, np.cumsum([table.num_rows for table in tables])[:-1])


def _needed(rule: Rule) -> list[str]:
    return list(dict.fromkeys([*rule.keys, *rule.spare]))


def _grouped(rows: pa.Table, names: Sequence[str]) -> Places:
    groups = np.zeros(rows.num_rows, np.int64)
    for name in names:
        codes, count = _codes(rows[name])
        _, groups = np.unique(groups * count + codes, return_inverse=True)
    return groups.astype(np.int64)


def _codes(column: Values) -> tuple[Places, int]:
    one = arrow.combine(column)
    if arrow.is_dictionary(one):
        one = arrow.dictionary_decode(one)
    distinct = arrow.unique(one)
    places = arrow.fill_null(arrow.index_in(one, distinct), len(distinct))
    return arrow.to_numpy(places).astype(np.int64), len(distinct) + 1


def _counted(groups: Places, sizes: Sequence[int]) -> Places:
    """Groups that tell the first, second, ... record of a key apart, anew in each table."""
    which = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((np.arange(len(groups)), which, groups))
    ordered = np.stack([groups[order], which[order]])
    starts = np.ones(len(order), bool)
    starts[1:] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    begins = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order)) - begins
    _, found = np.unique(groups * (number.max(initial=0) + 1) + number, return_inverse=True)
    return found.astype(np.int64)


def merged(rows: pa.Table, held: pa.Table, rule: Rule) -> Merged:
    """What comes of records, each key once among them, that meet those that are held."""
    if not held.num_rows:
        return Merged(np.arange(rows.num_rows), np.zeros(0, np.int64), [])
    close, apart = _near(rows, held, rule)
    found = _merged(
        rows if len(close) == rows.num_rows else arrow.take_rows(rows, close), held, rule
    )
    new = np.sort(np.concatenate([apart, close[found.new]]))
    return Merged(new, found.gone, [(old, int(close[one])) for old, one in found.revised])


def _near(rows: pa.Table, held: pa.Table, rule: Rule) -> tuple[Places, Places]:
    """The places of records that may meet held ones, and of those that do not for sure."""
    every = np.arange(rows.num_rows)
    numbered = (name for name in reversed(rule.keys) if _tells(rows[name], held[name]))
    name = next(numbered, None)
    if name is None:
        return every, every[:0]
    numbers = arrow.to_numpy(_as_int(arrow.combine(rows[name])))
    others = arrow.to_numpy(_as_int(arrow.combine(held[name])))
    inside = (numbers >= others.min()) & (numbers <= others.max())
    return np.flatnonzero(inside), np.flatnonzero(~inside)


def _tells(column: Values, other: Values) -> bool:
    return _is_number(column) and not column.null_count and not other.null_count


def _merged(rows: pa.Table, held: pa.Table, rule: Rule) -> Merged:
    every = np.arange(rows.num_rows)
    incoming, there = keyed([rows, held], rule)
    known, first = np.unique(there, return_index=True)
    at = np.minimum(np.searchsorted(known, incoming), len(known) - 1)
    meets = known[at] == incoming
    if rule.wins == "first":
        return Merged(every[~meets], np.zeros(0, np.int64), [])
    pairs = np.stack([first[at[meets]], every[meets]])  # held, incoming
    better, revised = _better(rows, held, pairs, rule)
    new = np.sort(np.concatenate([every[~meets], pairs[1][better]]))
    changed = [(int(old), int(one)) for old, one in pairs[:, revised].T]
    return Merged(new, np.sort(pairs[0][better]), changed)


def _better(rows: pa.Table, held: pa.Table, pairs: Places, rule: Rule) -> tuple[Bools, Bools]:
    """Which incoming records take the place of held ones, and which of them are revisions."""
    differs = np.zeros(pairs.shape[1], bool)
    for name in rule.values:
        old = arrow.take(arrow.combine(held[name]), pairs[0])
        one = arrow.take(arrow.combine(rows[name]), pairs[1])
        differs |= _differ(old, one)
    if rule.wins != "closed":
        return differs, np.zeros(len(differs), bool)
    was = _closed(held)[pairs[0]].astype(bool)
    now = _closed(rows)[pairs[1]].astype(bool)
    better = differs & (now | ~was)
    return better, better & was & now


def _differ(old: Values, one: Values) -> Bools:
    if arrow.is_dictionary(old):
        old, one = arrow.dictionary_decode(old), arrow.dictionary_decode(one)
    unlike = arrow.fill_null(arrow.not_equal(old, one), False)
    absent = arrow.not_equal(arrow.is_null(old), arrow.is_null(one))
    return np.asarray(arrow.to_numpy(arrow.either(unlike, absent)), bool)


def _closed(rows: pa.Table) -> Places:
    return arrow.to_numpy(arrow.fill_null(rows["closed"], False)).astype(np.int64)
