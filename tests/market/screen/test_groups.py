"""Figures of groups of rows against the statistics of the standard library."""

import math
import statistics
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from raymill.market.screen import groups

VALUE = st.sampled_from([math.nan, -2.0, 0.0, 1.5, 1.5, 3.0])
GROUPS = st.lists(st.lists(VALUE, min_size=1, max_size=8), min_size=1, max_size=5)


def flat(rows: list[list[float]]) -> tuple[Any, Any]:
    starts = np.cumsum([0, *map(len, rows[:-1])])
    return np.array([value for row in rows for value in row]), starts


def known(row: list[float]) -> list[float]:
    return [value for value in row if not math.isnan(value)]


def listed(values: Any) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]


@pytest.mark.parametrize("large", [1, 1000])
@given(GROUPS)
def test_figures_of_groups_are_those_of_lists(large: int, rows: list[list[float]]) -> None:
    values, starts = flat(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "LARGE", large)
        medians = listed(groups.medians(values, starts))
    assert medians == [statistics.median(known(row)) if known(row) else None for row in rows]
    sums = [math.fsum(known(row)) if known(row) else None for row in rows]
    assert listed(groups.totals(values, starts)) == sums
    means = [statistics.fmean(known(row)) if known(row) else None for row in rows]
    assert listed(groups.means(values, starts)) == pytest.approx(means)
    places = [
        min((value, at) for at, value in enumerate(row) if not math.isnan(value))[1] + start
        if known(row)
        else -1
        for row, start in zip(rows, starts.tolist(), strict=True)
    ]
    assert groups.leasts(values, starts).tolist() == places
