"""A value of a metric for a period, and where it comes from."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

_FIELDS: list["pa.Field[Any]"] = [
    pa.field("cik", pa.int64()),
    pa.field("entity", pa.string()),
    pa.field("metric", pa.string()),
    pa.field("start", pa.date32()),
    pa.field("end", pa.date32()),
    pa.field("value", pa.float64()),
    pa.field("value_text", pa.string()),
    pa.field("unit", pa.string()),
    pa.field("taxonomy", pa.string()),
    pa.field("concept", pa.string()),
    pa.field("filed", pa.date32()),
    pa.field("accession", pa.string()),
    pa.field("form", pa.string()),
    pa.field("basis", pa.string()),  # reported, difference, sum
    pa.field("is_derived", pa.bool_()),
    pa.field("flags", pa.list_(pa.string())),
    pa.field("fiscal_year", pa.int32()),
    pa.field("fiscal_period", pa.string()),
]
SERIES = pa.schema(_FIELDS)


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric."""

    start: date | None
    end: date
    value: float
    value_text: str
    unit: str
    taxonomy: str
    concept: str
    filed: date | None
    accession: str | None
    form: str | None
    basis: str
    flags: tuple[str, ...]
    priority: int
    since: date | None  # the day it was first said so
    is_restated: bool  # another value was said before

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Point":
        """The point of a row of standardised facts."""
        names = ("start", "end", "value", "value_text", "unit", "taxonomy", "concept", "filed")
        flags = [*row["flags"], *(["restated"] if row["is_restated"] else [])]
        return cls(
            **{name: row[name] for name in names},
            accession=row["accession"],
            form=row["form"],
            basis=row["basis"],
            flags=tuple(flags),
            priority=row["priority"],
            since=row["since"],
            is_restated=row["is_restated"],
        )

    @property
    def rank(self) -> tuple[int, int]:
        """The better comes first: the better concept, then the newer filing."""
        return self.priority, -(self.filed or date.min).toordinal()

    def agrees(self, other: "Point") -> bool:
        """Whether neither was restated behind the other's back, so that the two can be subtracted.

        A year that was restated does not fit nine months as they were reported before.
        """
        return _fits(self, other) and _fits(other, self)


def _fits(restated: Point, other: Point) -> bool:
    if not restated.is_restated or other.is_restated:
        return True
    if restated.since is None or other.filed is None:
        return True
    return other.filed >= restated.since
