"""The second frequency moment: exact counts first, a sample of positions when they no longer fit.

A table keeps for each value its count since it came in and how many sampled positions hold it. The
sample is a reservoir of positions, kept from the first record on, so that the change to the
estimate is seamless. A sampled position's r is the count of its value from there on; the sum of all
r grows by the number of samples on the value that comes, so an estimate costs one addition.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raymill.compiled import inline, kernel

SEEN, DISTINCT, ESTIMATING, SUM_R, RANDOM = 0, 1, 2, 3, 4  # places in `numbers`
KEY, COUNT, SAMPLES = 0, 1, 2  # columns of `table`; a count of 0 means that the place is free
VALUE, BEFORE = 0, 1  # columns of `sample`: the value at a position, and its count before it
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1, _MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_PART = 2.0**-53


def state_type(tracked: int) -> np.dtype[np.void]:
    """The state for `tracked` values: a hash table at most half full, and the sample."""
    room = 1 << (2 * tracked + 1).bit_length()
    return np.dtype(
        [
            ("numbers", "i8", 5),
            ("f2", "f8", 1),
            ("table", "i8", (room, 4)),  # half a cache line each
            ("sample", "i8", (tracked, 2)),
        ]
    )


@inline
def _mixed(number: Any) -> Any:
    number = (number ^ (number >> np.uint64(30))) * _MIX1
    number = (number ^ (number >> np.uint64(27))) * _MIX2
    return number ^ (number >> np.uint64(31))


@inline
def _home(key: Any, mask: Any) -> Any:
    return _mixed(np.uint64(key)) & mask


@inline
def _find(key: Any, table: Any) -> Any:
    """The place of a value, or the free place where it would go."""
    mask = np.uint64(len(table) - 1)
    at = _home(key, mask)
    while table[at, COUNT] != 0 and table[at, KEY] != key:
        at = (at + np.uint64(1)) & mask
    return at


@kernel
def _remove(hole: Any, table: NDArray[np.int64]) -> None:
    """Free a place, and move up what was pushed behind it."""
    mask = np.uint64(len(table) - 1)
    at = hole
    while True:
        at = (at + np.uint64(1)) & mask
        if table[at, COUNT] == 0:
            break
        if (at - _home(table[at, KEY], mask)) & mask >= (at - hole) & mask:
            table[hole] = table[at]
            hole = at
    table[hole] = 0


@kernel
def _forget_unsampled(table: NDArray[np.int64]) -> None:
    """Keep only values that a sampled position holds."""
    old = table.copy()
    table[:] = 0
    for i in range(len(old)):
        if old[i, SAMPLES] > 0:
            table[_find(old[i, KEY], table)] = old[i]


@kernel
def _take_place(
    place: int,
    used: bool,
    estimating: bool,
    key: int,
    table: NDArray[np.int64],
    sample: NDArray[np.int64],
) -> int:
    """Put the newest position into the sample; gives by how much the sum of all r grows."""
    old_key, old_before = sample[place, VALUE], sample[place, BEFORE]
    at = _find(key, table)
    if table[at, COUNT] == 0:
        table[at, KEY], table[at, COUNT], table[at, SAMPLES] = key, 1, 0
    sample[place, VALUE], sample[place, BEFORE] = key, table[at, COUNT] - 1
    table[at, SAMPLES] += 1
    if not used:
        return 1
    at = _find(old_key, table)
    lost = table[at, COUNT] - old_before
    table[at, SAMPLES] -= 1
    if table[at, SAMPLES] == 0 and estimating:
        _remove(at, table)
    grown: int = 1 - lost
    return grown


@kernel
def run(
    values: NDArray[np.float64],
    numbers: NDArray[np.int64],
    f2: NDArray[np.float64],
    table: NDArray[np.int64],
    sample: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Take in values and give the moment after each."""
    tracked = len(sample)
    seen, distinct, estimating = numbers[SEEN], numbers[DISTINCT], numbers[ESTIMATING] == 1
    sum_r, random, exact = numbers[SUM_R], np.uint64(numbers[RANDOM]), f2[0]
    keys = (values + 0.0).view(np.int64)  # one zero, not two
    for i in range(len(values)):
        key = keys[i]
        seen += 1
        at = _find(key, table)
        if not estimating and table[at, COUNT] == 0:
            if distinct == tracked:
                estimating = True
                _forget_unsampled(table)
                at = _find(key, table)
            else:
                table[at, KEY] = key
                distinct += 1
        count = table[at, COUNT]
        if not estimating:
            exact += 2.0 * count + 1.0
        if not estimating or count > 0:
            table[at, COUNT] = count + 1
            sum_r += table[at, SAMPLES]
        place = seen - 1
        if seen > tracked:
            random += _GOLDEN
            place = np.int64((_mixed(random) >> np.uint64(11)) * _PART * seen)
        if place < tracked:
            sum_r += _take_place(place, seen > tracked, estimating, key, table, sample)
        out[i] = seen * (2.0 * sum_r / tracked - 1.0) if estimating else exact
    numbers[SEEN], numbers[DISTINCT], numbers[ESTIMATING] = seen, distinct, estimating
    numbers[SUM_R], numbers[RANDOM], f2[0] = sum_r, np.int64(random), exact
