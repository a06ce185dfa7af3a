"""Sums, weighted changes and medians of groups of rows that lie together.

Each takes values group by group and where the groups begin, and gives one figure a group: NaN where
nothing is known. The whole market is one group.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from raymill.market.screen.columns import Mask, Numbers, Places

Starts: TypeAlias = NDArray[np.intp]
LARGE = 100  # rows of a group from which on it is quicker alone


def totals(values: Numbers, starts: Starts) -> Numbers:
    """The sum of what is known."""
    known = ~np.isnan(values)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts)
    return np.where(counts(known, starts) > 0, sums, np.nan)


def counts(mask: Mask, starts: Starts) -> Places:
    """How many rows of a mask."""
    return np.add.reduceat(mask.astype(np.intp), starts)


def means(values: Numbers, starts: Starts) -> Numbers:
    """The mean of what is known."""
    number = counts(~np.isnan(values), starts)
    return totals(values, starts) / np.maximum(number, 1)


def medians(values: Numbers, starts: Starts) -> Numbers:
    """The median of what is known."""
    if len(values) < LARGE * len(starts):
        return _medians_at_once(values, starts)
    return np.array([_median(part) for part in np.split(values, starts[1:])])


def _median(values: Numbers) -> float:
    known = values[~np.isnan(values)]
    if not len(known):
        return np.nan
    lower, upper = (len(known) - 1) // 2, len(known) // 2
    parted = np.partition(known, (lower, upper))
    return float((parted[lower] + parted[upper]) / 2)


def _medians_at_once(values: Numbers, starts: Starts) -> Numbers:
    groups = members(len(values), starts)
    order = np.argsort(values)  # NaN last
    order = order[np.argsort(groups[order], kind="stable")]
    number = counts(~np.isnan(values), starts)
    middle = starts + np.maximum(number - 1, 0) // 2
    lower = values[order[middle]]
    upper = values[order[np.minimum(middle + (number % 2 == 0), len(values) - 1)]]
    return np.where(number > 0, (lower + upper) / 2, np.nan)


def members(count: int, starts: Starts) -> NDArray[np.int16]:
    """The number of the group of each row."""
    groups = np.zeros(count, np.int16)
    groups[starts[1:]] = 1
    return np.cumsum(groups, dtype=np.int16)


def leasts(values: Numbers, starts: Starts) -> Places:
    """The place of the least value, of equal ones the first; -1 where nothing is known."""
    bounded = np.where(np.isnan(values), np.inf, values)
    least = np.minimum.reduceat(bounded, starts)
    groups = members(len(values), starts)
    hits = np.flatnonzero(values == least[groups])[::-1]
    found = np.full(len(starts), -1, np.intp)
    found[groups[hits]] = hits
    return found


def changes_of_caps(cap: Numbers, change: Numbers, starts: Starts) -> Numbers:
    """By how many percent the caps together changed: weights are those before the change."""
    known = ~np.isnan(cap) & (change > -100)
    before = np.where(known, cap / np.where(known, 1 + change / 100, 1.0), np.nan)
    now = totals(np.where(known, cap, np.nan), starts)
    return 100 * (_over(now, totals(before, starts)) - 1)


def aggregate_pes(cap: Numbers, earnings: Numbers, starts: Starts) -> Numbers:
    """Caps together over earnings together, of companies with both, losses included.

    Unknown where the earnings together are not above 0.
    """
    known = ~np.isnan(cap) & ~np.isnan(earnings)
    caps, earned = (totals(np.where(known, one, np.nan), starts) for one in (cap, earnings))
    return _over(caps, earned)


def yields_of_caps(cap: Numbers, dividend_yield: Numbers, starts: Starts) -> Numbers:
    """The dividend yield of all caps together; an unknown one counts as 0."""
    paid = totals(cap * np.where(np.isnan(dividend_yield), 0.0, dividend_yield), starts)
    return _over(paid, totals(cap, starts))


def _over(top: Numbers, bottom: Numbers) -> Numbers:
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), np.nan)
