"""Times in fixed buckets, so that the histograms of many workers add up."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Any

STEPS = 4  # buckets between a time and its double
SMALLEST_S = 1e-7
BOUNDS = tuple(SMALLEST_S * 2 ** (step / STEPS) for step in range(STEPS * 34 + 1))  # to 1718 s


class Histogram:
    """Counts of times in seconds. A quantile is right within a fifth of its value.

    >>> times = Histogram()
    >>> times.add(0.010, count=99)
    >>> times.add(1.0)
    >>> round(times.quantile(0.5), 3), round(times.quantile(1.0), 2)
    (0.01, 1.0)
    """

    __slots__ = ("_counts", "count", "largest_s", "smallest_s", "sum_s")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self.count = 0
        self.sum_s = 0.0
        self.smallest_s = float("inf")
        self.largest_s = 0.0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def add(self, seconds: float, count: int = 1) -> None:
        """Count a time, `count` times (the records of a batch share its latency)."""
        if count <= 0:
            return
        self._counts[bisect_left(BOUNDS, seconds)] += count
        self.count += count
        self.sum_s += seconds * count
        self.smallest_s = min(self.smallest_s, seconds)
        self.largest_s = max(self.largest_s, seconds)

    def merge(self, other: "Histogram") -> None:
        """Add the counts of another histogram."""
        self._counts = [mine + its for mine, its in zip(self._counts, other._counts, strict=True)]
        self.count += other.count
        self.sum_s += other.sum_s
        self.smallest_s = min(self.smallest_s, other.smallest_s)
        self.largest_s = max(self.largest_s, other.largest_s)

    def quantile(self, share: float) -> float:
        """Estimate the time under which `share` of the counts lie; 0 where nothing was counted."""
        if not self.count:
            return 0.0
        wanted, below = share * self.count, 0
        for index, count in enumerate(self._counts):
            if count and below + count >= wanted:
                return self._within(index, (wanted - below) / count)
            below += count
        return self.largest_s

    def _within(self, index: int, share: float) -> float:
        low = BOUNDS[index - 1] if index else 0.0
        high = BOUNDS[index] if index < len(BOUNDS) else self.largest_s
        return min(max(low + (high - low) * share, self.smallest_s), self.largest_s)

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Give the count of times up to each doubling of the smallest bound."""
        below = 0
        for index, bound in enumerate(BOUNDS):
            below += self._counts[index]
            if index % STEPS == 0:
                yield bound, below

    def to_dict(self) -> dict[str, Any]:
        """Say it in JSON values: quantiles to read, buckets to read back."""
        return {
            "count": self.count,
            "sum_s": self.sum_s,
            "min_s": self.smallest_s if self.count else 0.0,
            "max_s": self.largest_s,
            **{f"p{percent}_s": self.quantile(percent / 100) for percent in (50, 95, 99)},
            "buckets": {str(index): count for index, count in enumerate(self._counts) if count},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Histogram":
        """Read back what `to_dict` said."""
        made = cls()
        for index, count in values["buckets"].items():
            made._counts[int(index)] = count
        made.count, made.sum_s = values["count"], values["sum_s"]
        made.smallest_s = values["min_s"] if made.count else float("inf")
        made.largest_s = values["max_s"]
        return made
