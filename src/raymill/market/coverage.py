"""Which ranges of time are known to be complete, and which are not: the algebra, without a store.

A span is [begin, end) in microseconds with a value. Spans of one map rise and do not overlap;
neighbours of equal value are one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar

V = TypeVar("V")
Reason: TypeAlias = Literal["data", "venue_empty", "before_listing"]
ASK_AGAIN_S = 3600.0
"""A range that a venue answers with nothing is believed when it does so again, so much later."""


class Span(NamedTuple, Generic[V]):
    """A range of time and what holds in it."""

    begin: int
    end: int
    value: V


Spans: TypeAlias = Sequence[Span[V]]


def laid(
    spans: Spans[V],
    begin: int,
    end: int,
    value: V,
    choose: Callable[[V, V], V] = lambda old, new: new,
) -> list[Span[V]]:
    """Lay a value over a range; where there is one already, `choose` says which stays.

    >>> laid([Span(0, 10, "a")], 5, 20, "b")
    [Span(begin=0, end=5, value='a'), Span(begin=5, end=20, value='b')]
    """
    if begin >= end:
        return list(spans)
    found: list[Span[V]] = []
    at = begin
    for span in spans:
        if span.end <= begin or span.begin >= end:
            found.append(span)
            continue
        if span.begin < begin:
            found.append(Span(span.begin, begin, span.value))
        if at < span.begin:
            found.append(Span(at, span.begin, value))
        common = Span(max(span.begin, begin), min(span.end, end), choose(span.value, value))
        found.append(common)
        at = common.end
        if span.end > end:
            found.append(Span(end, span.end, span.value))
    if at < end:
        found.append(Span(at, end, value))
    return list(_joined(sorted(found)))


def cut(spans: Spans[V], begin: int, end: int) -> list[Span[V]]:
    """Take a range out.

    >>> cut([Span(0, 10, "a")], 3, 5)
    [Span(begin=0, end=3, value='a'), Span(begin=5, end=10, value='a')]
    """
    found: list[Span[V]] = []
    for span in spans:
        left = Span(span.begin, min(span.end, begin), span.value)
        right = Span(max(span.begin, end), span.end, span.value)
        found += [part for part in (left, right) if part.begin < part.end]
    return found if begin < end else list(spans)


def within(spans: Spans[V], begin: int, end: int) -> list[Span[V]]:
    """What lies in a range."""
    clipped = (Span(max(s.begin, begin), min(s.end, end), s.value) for s in spans)
    return [span for span in clipped if span.begin < span.end]


def holes(spans: Iterable[Span[V]], begin: int, end: int) -> list[tuple[int, int]]:
    """The ranges in [begin, end) that no span covers.

    >>> holes([Span(0, 10, "data"), Span(20, 30, "data")], 5, 40)
    [(10, 20), (30, 40)]
    """
    found: list[tuple[int, int]] = []
    at = begin
    for span in spans:
        if span.begin > at:
            found.append((at, min(span.begin, end)))
        at = max(at, span.end)
    found.append((at, end))
    return [(first, last) for first, last in found if first < last]


def known(spans: Spans[Reason], begin: int, end: int, reason: Reason) -> list[Span[Reason]]:
    """Note that a range is complete, and why; data is never taken for less."""
    return laid(spans, begin, end, reason, _more)


def _more(old: Reason, new: Reason) -> Reason:
    return old if old == "data" else new


class Answered(NamedTuple):
    """What an empty answer means: what is known now, and what still has to be asked again."""

    coverage: list[Span[Reason]]
    empty: list[Span[float]]


def nothing_came(
    coverage: Spans[Reason], empty: Spans[float], begin: int, end: int, now: float
) -> Answered:
    """A venue answered a range with nothing, at `now` in seconds.

    Where it did so an hour ago or earlier, that is believed; elsewhere it is noted, with the time
    of the first such answer.
    """
    for span in within(empty, begin, end):
        if now - span.value >= ASK_AGAIN_S:
            coverage = known(coverage, span.begin, span.end, "venue_empty")
            empty = cut(empty, span.begin, span.end)
    for first, last in holes(coverage, begin, end):
        empty = laid(empty, first, last, now, min)
    return Answered(list(coverage), list(empty))


def _joined(spans: Sequence[Span[V]]) -> Iterator[Span[V]]:
    """Neighbours of equal value as one."""
    if not spans:
        return
    begin = spans[0].begin
    for span, after in pairwise([*spans, None]):
        assert span is not None
        if after is None or after.begin != span.end or after.value != span.value:
            yield Span(begin, span.end, span.value)
            if after is not None:
                begin = after.begin
