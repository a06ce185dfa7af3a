"""Records whose fields lie in given ranges."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from raymill.compiled import kernel
from raymill.errors import ConfigError
from raymill.flow import Answer, Port, Rows, Skip, Spec, State, Task, task

SENSE_YOUR_CITY = (
    "temperature:0.7:35.1,humidity:20.3:69.1,light:0:5153,dust:83.36:3322.67,airquality_raw:12:49"
)
MOST_FIELDS = 250  # outcomes are a byte, and some values of it are taken


@task("range_filter", properties={"FILTER.RANGE_FILTER.VALID_RANGE": "valid_range"})
@dataclass(frozen=True)
class RangeFilter(Task):
    """Pass a record whose listed fields lie in their ranges, both ends included; skip the others.

    RIoTBench's RangeFilterCheck. A value that is missing, NaN or no number is out of range; a
    listed field that the input does not have is passed over. The summary counts which field was out
    of range (the first one in the order of the list).

    valid_range: `field:least:most,...`, or a mapping of field to (least, most), in the fields' own
        units; the default fits the "Sense your City" sensors.

    >>> readings = [{"light": 0}, {"light": 5154}]
    >>> RangeFilter.declared.try_out(readings, valid_range="light:0:5153")
    [{'light': 0}, Skip(reason='out of range: light')]
    """

    valid_range: str | Mapping[str, tuple[float, float]] = SENSE_YOUR_CITY

    @cached_property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The checked ranges by field. Raises ConfigError."""
        given = self.valid_range
        found = read_ranges(given) if isinstance(given, str) else dict(given)
        for name, (low, high) in found.items():
            if not low <= high:
                raise ConfigError(
                    f"Range of `{name}` is empty: {low} to {high}", hint="write field:least:most"
                )
        if not 0 < len(found) <= MOST_FIELDS:
            raise ConfigError(
                f"Parameter `valid_range` lists {len(found)} fields", hint="list 1 to 250"
            )
        return found

    def spec(self) -> Spec:
        """Read each listed field that is there; one outcome per field."""
        return Spec(
            reads={name: Port(null=True, optional=True) for name in self.ranges},
            outcomes=tuple(Skip(f"out of range: {name}") for name in self.ranges),
        )

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Mark each row with the number of the first field that is out of range."""
        code = np.zeros(len(rows), np.uint8)
        for number, (name, (low, high)) in enumerate(self.ranges.items(), start=1):
            if name in rows:
                mark_outside(rows[name], low, high, code, np.uint8(number))
        return Answer({}, code)


def read_ranges(text: str) -> dict[str, tuple[float, float]]:
    """Read `field:least:most,...`; a trailing comma is no range. Raises ConfigError.

    >>> read_ranges("light:0:5153, temperature:-12.5:43.1,")
    {'light': (0.0, 5153.0), 'temperature': (-12.5, 43.1)}
    """
    found: dict[str, tuple[float, float]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            name, low, high = part.rsplit(":", 2)
            found[name.strip()] = (float(low), float(high))
        except ValueError:
            raise ConfigError(
                f"`{part}` is no range", hint="write field:least:most,field:least:most"
            ) from None
    return found


@kernel
def mark_outside(
    values: NDArray[np.float64], low: float, high: float, code: NDArray[np.uint8], mark: np.uint8
) -> None:
    """Write `mark` where nothing is marked yet and the value is not in [low, high]."""
    for i in range(len(values)):
        inside = (values[i] >= low) & (values[i] <= high)
        code[i] = code[i] if inside or code[i] != 0 else mark
