"""What the buoy's outputs look like: the whole span, and the liveliest week."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from raymill.app.demo.chart import Chart, Curve, Numbers

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
UNIT = "°C"


@dataclass(frozen=True, slots=True)
class Series:
    """The readings as they were written: epoch ms, raw and smoothed degrees."""

    times: Numbers
    raw: Numbers
    smooth: Numbers

    def between(self, first: float, last: float) -> "Series":
        """The readings from one time up to another."""
        inside = (self.times >= first) & (self.times < last)
        return Series(self.times[inside], self.raw[inside], self.smooth[inside])


def draw(readings: Path, days: Path) -> tuple[tuple[str, str], ...]:
    """Draw what lies in the two Parquet files: captions and SVG."""
    series, starts, means = _load(readings, days)
    begin = liveliest(series.times, series.raw)
    shown = f"{datetime.fromtimestamp(begin / 1000, UTC):%d %B %Y}"
    return (
        (
            "The whole span: what was measured on each day, from the least to the most, and the "
            "smoothed curve.",
            _whole(series).svg(),
        ),
        (
            f"The week from {shown}, in which two neighbouring readings differ most.",
            _week(series.between(begin, begin + WEEK_MS), starts, means).svg(),
        ),
    )


def liveliest(times: Numbers, values: Numbers) -> float:
    """The midnight (UTC) three days before the largest change between two readings."""
    at = int(np.argmax(np.abs(np.diff(values))))
    return float(times[at] // DAY_MS * DAY_MS - 3 * DAY_MS)


def _whole(series: Series) -> Chart:
    days = series.times // DAY_MS
    edges = np.flatnonzero(np.diff(days, prepend=-1.0))
    noon = (days[edges] + 0.5) * DAY_MS
    low = np.minimum.reduceat(series.raw, edges)
    high = np.maximum.reduceat(series.raw, edges)
    thin = slice(None, None, 12)  # a point for each six hours
    return Chart(
        "Sea surface temperature, raw and smoothed",
        UNIT,
        [
            Curve("raw: least to most of the day", "band", noon, low, high),
            Curve("smoothed", "line", series.times[thin], series.smooth[thin]),
        ],
    )


def _week(week: Series, starts: Numbers, means: Numbers) -> Chart:
    inside = (starts + DAY_MS > week.times[0]) & (starts < week.times[-1])
    edges = np.stack([starts[inside], starts[inside] + DAY_MS], axis=1).ravel()
    steps = np.clip(edges, week.times[0], week.times[-1])
    curves: Sequence[Curve] = [
        Curve("raw readings", "dots", week.times, week.raw),
        Curve("smoothed", "line", week.times, week.smooth),
        Curve("mean of the day", "line", steps, np.repeat(means[inside], 2)),
    ]
    return Chart("One week of readings", UNIT, curves, months=False)


def _load(readings: Path, days: Path) -> tuple[Series, Numbers, Numbers]:
    import pyarrow.parquet as pq

    from raymill.app.demo.buoy import READING, TIME

    table = pq.read_table(readings)
    times = np.array(
        [datetime.fromisoformat(str(t)).timestamp() * 1000 for t in table[TIME].to_pylist()]
    )
    daily = pq.read_table(days)
    return (
        Series(times, table[READING].to_numpy(), table["smooth"].to_numpy()),
        daily["window_start"].to_numpy().astype(np.float64),
        daily["mean"].to_numpy(),
    )
