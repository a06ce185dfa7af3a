"""Curves over time as SVG: axes with units, light and dark by the page's colours, no script."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
WIDTH, HEIGHT = 960, 330
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 30, 30
STEPS = (1, 2, 2.5, 5, 10)
DAY_MS = 86_400_000
MOST_MONTHS, MOST_DAYS, MOST_YEARS = 18, 14, 12  # marks on the axis
DAY_STEPS, YEAR_STEPS = (1, 2, 7, 14, 28, 10**9), (1, 2, 5, 10, 20, 50, 10**9)


@dataclass(frozen=True, slots=True)
class Curve:
    """One thing that is drawn: a line, a band between two lines, or dots. Times are epoch ms."""

    name: str
    kind: Literal["line", "band", "dots"]
    times: Numbers
    values: Numbers
    upper: Numbers | None = None  # of a band


@dataclass
class Chart:
    """Curves on common axes; `style` of a curve is its place in the list (`c0`, `c1`, ...)."""

    title: str
    unit: str
    curves: Sequence[Curve]
    months: bool = True  # else the time axis counts days; both thin out over a long time
    low: float = field(init=False)
    high: float = field(init=False)
    step: float = field(init=False)

    def __post_init__(self) -> None:
        bottoms = [float(curve.values.min()) for curve in self.curves]
        tops = [float(_top(curve).max()) for curve in self.curves]
        self.step = nice_step(max(tops) - min(bottoms), 6)
        self.low = math.floor(min(bottoms) / self.step) * self.step
        self.high = math.ceil(max(tops) / self.step) * self.step
        self.first = min(float(curve.times[0]) for curve in self.curves)
        self.last = max(float(curve.times[-1]) for curve in self.curves)

    def x(self, times: Numbers) -> Numbers:
        """Where times lie."""
        share = (times - self.first) / ((self.last - self.first) or 1.0)
        return np.asarray(LEFT + share * (WIDTH - LEFT - RIGHT))

    def y(self, values: Numbers) -> Numbers:
        """Where values lie."""
        share = (values - self.low) / ((self.high - self.low) or 1.0)
        return np.asarray(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM))

    def svg(self) -> str:
        """The drawing."""
        parts = [*self._grid(), *self._shapes(), *self._legend()]
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}">'
            f"<title>{escape(self.title)}</title>\n" + "\n".join(parts) + "\n</svg>"
        )

    def _grid(self) -> Iterator[str]:
        bottom = HEIGHT - BOTTOM
        for value in np.arange(self.low, self.high + self.step / 2, self.step):
            at = f"{self.y(np.array(value)):.1f}"
            yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'
            yield f'<text class="tick" x="{LEFT - 8}" y="{at}" dy="4" text-anchor="end">' + (
                f"{value:g}</text>"
            )
        yield f'<text class="unit" x="{LEFT - 8}" y="{TOP - 14}" text-anchor="end">' + (
            f"{escape(self.unit)}</text>"
        )
        for moment, label in ticks(self.first, self.last, months=self.months):
            at = f"{self.x(np.array(moment)):.1f}"
            yield f'<line class="mark" x1="{at}" x2="{at}" y1="{bottom}" y2="{bottom + 5}"/>'
            yield f'<text class="tick" x="{at}" y="{bottom + 19}" text-anchor="middle">' + (
                f"{label}</text>"
            )
        yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>'

    def _shapes(self) -> Iterator[str]:
        for number, curve in enumerate(self.curves):
            x, y = self.x(curve.times), self.y(curve.values)
            if curve.kind == "dots":
                dots = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, y, strict=True))
                yield f'<path class="dots c{number}" d="{dots}"/>'
            elif curve.kind == "band":
                back = points(x[::-1], self.y(_top(curve))[::-1])
                yield f'<path class="band c{number}" d="M{points(x, y)}L{back}Z"/>'
            else:
                yield f'<path class="line c{number}" d="M{points(x, y)}"/>'

    def _legend(self) -> Iterator[str]:
        at, y = float(LEFT), TOP - 18
        for number, curve in enumerate(self.curves):
            style = f'class="{curve.kind} c{number}"'
            if curve.kind == "band":
                yield f'<path {style} d="M{at:.1f} {y - 5}h22v10h-22z"/>'
            elif curve.kind == "dots":
                yield f'<path {style} d="M{at + 4:.1f} {y}h0m7 0h0m7 0h0"/>'
            else:
                yield f'<path {style} d="M{at:.1f} {y}h22"/>'
            yield f'<text class="key" x="{at + 28:.1f}" y="{y}" dy="4">{escape(curve.name)}</text>'
            at += 28 + 6.2 * len(curve.name) + 26


def points(x: Numbers, y: Numbers) -> str:
    """The points of a path.

    >>> points(np.array([1.0, 2.0]), np.array([3.0, 4.55]))
    '1.0 3.0L2.0 4.5'
    """
    return "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def nice_step(span: float, most: int) -> float:
    """A round step that cuts a span into at most so many parts.

    >>> nice_step(18.5, 6), nice_step(0.7, 6), nice_step(0.0, 6)
    (5.0, 0.2, 1.0)
    """
    if span <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(s * power for s in STEPS if s * power * most >= span * (1 - 1e-9))


def ticks(first: float, last: float, *, months: bool) -> Iterator[tuple[float, str]]:
    """The beginnings of months or days (UTC) in a span of epoch milliseconds, with their labels;
    of years or of every so many days where there would be too many.

    >>> day = 86_400_000
    >>> [label for _, label in ticks(0, 70 * day, months=True)]
    ['Jan 1970', 'Feb', 'Mar']
    >>> [label for _, label in ticks(0, 16 * 365 * day, months=True)]
    ['1970', '1972', '1974', '1976', '1978', '1980', '1982', '1984']
    >>> [label for _, label in ticks(0, 30 * day, months=False)]
    ['Jan 1 1970', 'Jan 8', 'Jan 15', 'Jan 22', 'Jan 29']
    """
    days = (last - first) / DAY_MS
    if months and days > MOST_MONTHS * 30.5:
        yield from _years(first, last)
        return
    step = 1 if months else next(n for n in DAY_STEPS if days <= n * MOST_DAYS)
    moment = datetime.fromtimestamp(first / 1000, UTC)
    moment = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = moment.replace(day=1) if months else moment
    is_first = True
    while (at := moment.timestamp() * 1000) <= last:
        if at >= first:
            yield at, _label(moment, months=months, with_year=is_first)
            is_first = False
        moment = _next(moment, months=months, step=step)


def _next(moment: datetime, *, months: bool, step: int) -> datetime:
    if not months:
        return moment + timedelta(days=step)
    return (moment + timedelta(days=32)).replace(day=1)


def _years(first: float, last: float) -> Iterator[tuple[float, str]]:
    """The beginnings of years, or of every so many."""
    begin, end = (datetime.fromtimestamp(at / 1000, UTC).year for at in (first, last))
    step = next(n for n in YEAR_STEPS if end - begin < n * MOST_YEARS)
    for year in range(-(-begin // step) * step, end + 1, step):
        at = datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000
        if first <= at <= last:
            yield at, str(year)


def _label(moment: datetime, *, months: bool, with_year: bool) -> str:
    if not months:
        return f"{moment:%b} {moment.day}" + (f" {moment.year}" if with_year else "")
    return f"{moment:%b %Y}" if with_year or moment.month == 1 else f"{moment:%b}"


def _top(curve: Curve) -> Numbers:
    return curve.values if curve.upper is None else curve.upper
