"""Parameter sets: a grid, random ones, or a list."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from raymill.errors import ConfigError
from raymill.market.named import Named

MOST = 1_000_000  # sets of one sweep
Values: TypeAlias = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from low to high, both included; whole ones where both ends are whole."""

    low: float
    high: float
    step: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is made of whole numbers."""
        ends = (self.low, self.high, self.step or 1)
        return all(isinstance(number, int) for number in ends)

    def values(self) -> list[float]:
        """All numbers of it. Raises ConfigError without a step, unless they are whole."""
        if self.step is None and not self.is_whole:
            raise ConfigError(
                f"The range {self.low:g} to {self.high:g} has no step",
                hint=f"write low:high:step, as in {self.low:g}:{self.high:g}:0.1",
            )
        step = self.step or 1
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        return [self.low + step * at for at in range(count)]

    def draw(self, rng: np.random.Generator) -> float:
        """One number of it."""
        if self.step is not None:
            found: float = rng.choice(self.values()).item()
            return found
        if self.is_whole:
            return int(rng.integers(int(self.low), int(self.high), endpoint=True))
        return float(rng.uniform(self.low, self.high))


Choices: TypeAlias = Range | Values


def read_choices(name: str, text: str) -> Choices:
    """Read `low:high`, `low:high:step`, or values with commas. Raises ConfigError.

    >>> read_choices("fast", "5:20:5").values()
    [5, 10, 15, 20]
    >>> read_choices("short", "true,false")
    ['true', 'false']
    """
    parts = text.split(":")
    if len(parts) == 1:
        values = [part.strip() for part in text.split(",") if part.strip()]
        if not values:
            raise ConfigError(f"`{name}={text}` gives no value", hint=f"write {name}=1,2,3")
        return values
    try:
        numbers = [_number(part) for part in parts]
        made = Range(*numbers)
    except (ValueError, TypeError):
        made = Range(1, 0)
    if not made.low <= made.high or (made.step is not None and not made.step > 0):
        raise ConfigError(
            f"`{name}={text}` is no range", hint=f"write {name}=low:high or {name}=low:high:step"
        )
    return made


def _number(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def grid(choices: Mapping[str, Choices]) -> list[dict[str, Any]]:
    """Every combination, the last name fastest. Raises ConfigError for too many.

    >>> grid({"fast": [5, 10], "slow": Range(20, 30, 10)})[:3]
    [{'fast': 5, 'slow': 20}, {'fast': 5, 'slow': 30}, {'fast': 10, 'slow': 20}]
    """
    columns = [one.values() if isinstance(one, Range) else list(one) for one in choices.values()]
    count = math.prod(len(column) for column in columns)
    if count > MOST:
        raise ConfigError(
            f"The grid has {count:,} sets, more than {MOST:,}",
            hint="draw some of them: --random 10000",
        )
    return [dict(zip(choices, cells, strict=True)) for cells in itertools.product(*columns)]


def randomly(choices: Mapping[str, Choices], count: int, seed: int) -> list[dict[str, Any]]:
    """So many sets, drawn from the choices; they depend on the seed alone. Raises ConfigError."""
    if not 1 <= count <= MOST:
        raise ConfigError(f"{count:,} sets cannot be drawn", hint=f"draw 1 to {MOST:,}")
    rng = np.random.default_rng(seed)
    return [{name: _drawn(one, rng) for name, one in choices.items()} for _ in range(count)]


def _drawn(choices: Choices, rng: np.random.Generator) -> Any:
    if isinstance(choices, Range):
        return choices.draw(rng)
    return choices[int(rng.integers(len(choices)))]


@dataclass(frozen=True)
class Sets:
    """The parameter sets of a sweep, checked, each once; and those that fit no strategy."""

    named: Named
    values: tuple[dict[str, Any], ...]
    left_out: tuple[tuple[dict[str, Any], str], ...]  # with the reason

    def __len__(self) -> int:
        return len(self.values)

    @property
    def varied(self) -> list[str]:
        """The parameters that differ between sets."""
        names = [one.name for one in self.named.parameters]
        return [name for name in names if len({repr(one[name]) for one in self.values}) > 1]

    def strategy(self, at: int) -> Any:
        """The strategy of one set, with nothing seen yet."""
        return self.named.kind(**self.named.own(self.values[at]))


def checked(
    named: Named, sets: Iterable[Mapping[str, Any]], fixed: Mapping[str, Any] | None = None
) -> Sets:
    """Check parameter sets, with `fixed` values in all of them.

    Values out of bounds are an error; a set whose values do not fit one another is left out and
    counted. Raises ConfigError, UnknownName.
    """
    values: dict[str, dict[str, Any]] = {}
    left_out: list[tuple[dict[str, Any], str]] = []
    for given in sets:
        one = named.values({**(fixed or {}), **given})
        try:
            named.kind(**named.own(one)).check()
        except ConfigError as error:
            left_out.append((one, error.message))
            continue
        values.setdefault(repr(one), one)
    if not values:
        why = left_out[0][1] if left_out else "none is given"
        raise ConfigError(f"There is no parameter set to run: {why}")
    return Sets(named, tuple(values.values()), tuple(left_out))
