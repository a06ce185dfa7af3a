"""What is known to be complete, against a model that knows every moment by itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymill.market.coverage import (
    ASK_AGAIN_S,
    Span,
    cut,
    holes,
    known,
    laid,
    nothing_came,
    within,
)

END = 24
MOMENTS = st.integers(0, END)
REASONS = st.sampled_from(["data", "venue_empty", "before_listing"])
RANGES = st.tuples(MOMENTS, MOMENTS)


def spelled(spans: list[Span[Any]]) -> dict[int, Any]:
    """Every moment by itself; spans must rise, not overlap, and be as few as can be."""
    found: dict[int, Any] = {}
    before: Span[Any] | None = None
    for span in spans:
        assert span.begin < span.end
        if before is not None:
            assert before.end <= span.begin
            assert (before.end, before.value) != (span.begin, span.value)
        found |= dict.fromkeys(range(span.begin, span.end), span.value)
        before = span
    return found


@given(st.lists(st.tuples(RANGES, REASONS), max_size=12), RANGES)
def test_coverage_is_what_each_moment_was_told_last_but_data_stays(notes: Any, asked: Any) -> None:
    spans: list[Span[Any]] = []
    model: dict[int, Any] = {}
    for (begin, end), reason in notes:
        spans = known(spans, begin, end, reason)
        for moment in range(begin, end):
            model[moment] = "data" if model.get(moment) == "data" else reason
    assert spelled(spans) == model
    lacking = {moment for first, last in holes(spans, *asked) for moment in range(first, last)}
    assert lacking == {moment for moment in range(*asked) if moment not in model}


@given(st.lists(st.tuples(RANGES, st.integers(0, 3)), max_size=10), RANGES)
def test_a_range_is_laid_cut_and_read_as_moment_by_moment(notes: Any, taken: Any) -> None:
    spans: list[Span[Any]] = []
    model: dict[int, Any] = {}
    for (begin, end), value in notes:
        spans = laid(spans, begin, end, value, min)
        for moment in range(begin, end):
            model[moment] = min(model.get(moment, value), value)
    assert spelled(spans) == model
    rest = {moment: value for moment, value in model.items() if moment not in range(*taken)}
    assert spelled(cut(spans, *taken)) == rest
    inside = {moment: value for moment, value in model.items() if moment in range(*taken)}
    assert spelled(within(spans, *taken)) == inside


@given(st.lists(st.tuples(RANGES, st.floats(0, 3 * ASK_AGAIN_S)), max_size=10))
def test_a_moment_is_empty_when_it_was_so_twice_an_hour_apart(answers: Any) -> None:
    coverage: list[Span[Any]] = []
    empty: list[Span[float]] = []
    first: dict[int, float] = {}
    sure: set[int] = set()
    now = 0.0
    for (begin, end), later in answers:
        now += later
        coverage, empty = nothing_came(coverage, empty, begin, end, now)
        for moment in range(begin, end):
            if moment in sure:
                continue
            if now - first.setdefault(moment, now) >= ASK_AGAIN_S:
                sure.add(moment)
    assert set(spelled(coverage)) == sure
    waiting = {moment: at for moment, at in first.items() if moment not in sure}
    assert {m: at for m, at in spelled(empty).items() if m not in sure} == waiting


def test_data_that_comes_later_beats_an_empty_answer() -> None:
    spans = known(known([], 0, 10, "venue_empty"), 4, 6, "data")
    assert spans == [Span(0, 4, "venue_empty"), Span(4, 6, "data"), Span(6, 10, "venue_empty")]


@pytest.mark.parametrize("reason", ["venue_empty", "before_listing"])
def test_an_empty_answer_takes_no_data_away(reason: Any) -> None:
    spans = known(known([], 4, 6, "data"), 0, 10, reason)
    assert spans == [Span(0, 4, reason), Span(4, 6, "data"), Span(6, 10, reason)]
