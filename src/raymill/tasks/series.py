"""Records of many series in order of arrival, and their windows as one sorted list per series."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Array
from raymill.compiled import kernel

_lists: Any = pa.ListArray.from_arrays  # the stubs do not know it over arrays


@dataclass(frozen=True, slots=True)
class Coded:
    """A text column as numbers into its different texts."""

    codes: NDArray[np.int32]
    texts: Array

    def at(self, rows: NDArray[np.int64] | slice) -> Array:
        """The texts of some rows."""
        return arrow.take(self.texts, self.codes[rows])


def coded(held: Array, new: Any) -> Coded:
    """Number the texts of held cells and, behind them, of new ones."""
    places = None
    if arrow.is_dictionary(new):
        places, new = arrow.to_numpy(new.indices), new.dictionary
    both: Any = arrow.dictionary_encode(arrow.concat([held, arrow.cast(new, pa.string())]))
    texts = both.dictionary
    if both.null_count:
        both, texts = (
            arrow.fill_null(both.indices, len(texts)),
            arrow.concat([texts, pa.nulls(1, pa.string())]),
        )
    else:
        both = both.indices
    codes = arrow.to_numpy(both)
    if places is not None:
        codes = np.concatenate([codes[: len(held)], codes[len(held) :][places]])
    return Coded(codes, texts)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Records in order: parts of their series' names, their times, one value or more of each."""

    parts: Mapping[str, Coded]
    times: NDArray[np.int64]
    starts: NDArray[np.int64]  # record i has the values from starts[i] to starts[i + 1]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.times)

    def groups(self) -> NDArray[np.int32]:
        """The number of each record's series: of the different combinations of parts."""
        columns = list(self.parts.values())
        found = columns[0].codes
        for column in columns[1:]:
            pairs = found.astype(np.int64) * len(column.texts) + column.codes
            encoded: Any = arrow.dictionary_encode(pa.array(pairs))
            found = arrow.to_numpy(encoded.indices)
        return found


@dataclass(frozen=True, slots=True)
class Windows:
    """The series of each full window, window after window."""

    first: NDArray[np.int64]  # the record with which the series begins in its window
    last: NDArray[np.int64]  # the record that ends the window
    times: Array  # a list for each series
    values: Array


def windows(records: Gathered, size: int, count: int) -> Windows:
    """Cut `count` windows of `size` records from the front."""
    total = size * count
    groups = records.groups()
    first, last = np.empty(total, np.int64), np.empty(total, np.int64)
    many = int(records.starts[total])
    offsets = np.zeros(total + 1, np.int32)
    times, values = np.empty(many, np.int64), np.empty(many, np.float64)
    top = int(groups.max()) + 1 if len(groups) else 0
    found = collect(
        groups,
        top,
        records.starts,
        records.times,
        records.values,
        size,
        count,
        first,
        last,
        offsets,
        times,
        values,
    )
    cuts = pa.array(offsets[: found + 1])
    return Windows(
        first[:found],
        last[:found],
        _lists(cuts, pa.array(times)),
        _lists(cuts, pa.array(values)),
    )


@kernel
def _sort(
    times: NDArray[np.int64], values: NDArray[np.float64], begin: int, end: int, most: int
) -> None:
    """Sort a stretch by time, equal times in their order; by insertion while moves are few."""
    moves = 0
    for i in range(begin + 1, end):
        at, value, j = times[i], values[i], i
        while j > begin and times[j - 1] > at:
            times[j], values[j] = times[j - 1], values[j - 1]
            j -= 1
        times[j], values[j] = at, value
        moves += i - j
        if moves > most:
            order = begin + np.argsort(times[begin:end], kind="mergesort")
            times[begin:end], values[begin:end] = times[order], values[order]
            return


@kernel
def collect(
    groups: NDArray[np.int32],
    top: int,
    starts: NDArray[np.int64],
    all_times: NDArray[np.int64],
    all_values: NDArray[np.float64],
    size: int,
    count: int,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    offsets: NDArray[np.int32],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
) -> int:
    """Sort the records of each window by series and time; gives how many lists that makes."""
    newest = np.full(top, -1, np.int64)  # list of each series
    lists_of = np.empty(size, np.int64)  # list of each record of the window
    fill = np.empty(size, np.int64)
    lists = 0
    for window in range(count):
        begin = window * size
        before = lists
        for i in range(size):
            group = groups[begin + i]
            at = newest[group]
            if at < before:
                at = lists
                newest[group] = at
                first[at] = begin + i
                last[at] = begin + size - 1
                fill[at - before] = 0
                lists += 1
            lists_of[i] = at - before
            fill[at - before] += starts[begin + i + 1] - starts[begin + i]
        end = offsets[before]
        for at in range(lists - before):
            many = fill[at]
            fill[at] = end
            end += many
            offsets[before + at + 1] = end
        for i in range(size):
            at = lists_of[i]
            to = fill[at]
            for j in range(starts[begin + i], starts[begin + i + 1]):
                times[to] = all_times[begin + i]
                values[to] = all_values[j]
                to += 1
            fill[at] = to
        for at in range(before, lists):
            if offsets[at + 1] - offsets[at] > 1:
                many = offsets[at + 1] - offsets[at]
                _sort(times, values, offsets[at], offsets[at + 1], 16 * many + 256)
    return lists


def read_numbers(texts: Array, several: NDArray[np.bool_]) -> tuple[Array, NDArray[np.bool_]]:
    """Read texts such as `1.5` or, where `several`, `1.5#2#3`; also which are no numbers."""
    lists: Any = arrow.split(arrow.trim_end(texts, "#"), "#")
    flat = lists.flatten()
    try:
        found = arrow.to_numpy(arrow.cast(flat, pa.float64()))
    except pa.ArrowInvalid:
        found = np.array([_number(text) for text in flat.to_pylist()], np.float64)
    many = np.diff(arrow.to_numpy(lists.offsets))
    bad = (many > 1) & ~several
    bad[np.repeat(np.arange(len(texts)), many)[~np.isfinite(found)]] = True
    return _lists(lists.offsets, pa.array(found)), bad


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def laid_out(*cells: Array) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Lay values or lists of values end to end: where each record's begin, and the values."""
    column: Any = arrow.concat(cells)
    if not pa.types.is_list(column.type):
        return np.arange(len(column) + 1), arrow.to_numpy(column)
    starts = arrow.to_numpy(column.offsets).astype(np.int64)
    return starts - starts[0], arrow.to_numpy(column.flatten())


def lists(starts: NDArray[np.int64], values: NDArray[np.float64]) -> Array:
    """The opposite of `laid_out`, for lists."""
    return _lists((starts - starts[0]).astype(np.int32), values[starts[0] :])  # type: ignore[no-any-return]
