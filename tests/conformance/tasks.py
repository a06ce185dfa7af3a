"""Tasks of each form, simple enough to work their answers out by hand."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from raymill.flow import Answer, Fail, Kind, Port, Rows, Skip, Spec, State, Task, task

QUIET = Skip("quiet")
NAMELESS = Skip("nameless")
BROKEN = Fail("broken")


@task(compiled=True, skip="too cold")
def warm(value: float, *, low: float = 4.0) -> bool:
    """Pass what is at least `low`."""
    return value >= low


@task(compiled=True)
def double(value: float) -> float:
    """Twice the value."""
    return 2.0 * value


@dataclass
class Place:
    x: float = 0.0


@task(compiled=True, state=Place)
def halfway(s: Place, value: float) -> float:
    """Move half of the way to the value."""
    s.x += 0.5 * (value - s.x)
    return s.x


@task(compiled=True, state=Place)
def add_up(s: Place, value: float) -> float:
    """Add the values of a key."""
    s.x += value
    return s.x


@task(compiled=True, state=Place, scope="all")
def add_all(s: Place, value: float) -> float:
    """Add all values."""
    s.x += value
    return s.x


@dataclass
class Number:
    n: int = 0


@task(compiled=True, state=Number, output="number")
def tally(s: Number) -> int:
    """Number the records of a key."""
    s.n += 1
    return s.n


class Ends(NamedTuple):
    low: float
    high: float


@dataclass
class Range:
    low: float = np.inf
    high: float = -np.inf


@task(compiled=True, state=Range)
def ends(s: Range, value: float) -> Ends:
    """The least and the greatest value of a key."""
    s.low = min(s.low, value)
    s.high = max(s.high, value)
    return Ends(s.low, s.high)


@task("copies")
@dataclass(frozen=True)
class Copies(Task):
    """Give each record as many times as its number leaves when divided by three."""

    def spec(self) -> Spec:
        return Spec({"n": Port(Kind.INTEGER)}, pa.schema([("copy", pa.int64())]))

    def apply(self, rows: Rows, state: State | None) -> Answer:
        times = rows["n"] % 3
        places = np.repeat(np.arange(len(rows)), times)
        copy = np.concatenate([np.arange(n) for n in times] or [np.empty(0, np.int64)])
        return Answer({"copy": copy}, rows=places)


@task
def judge(value: float) -> float | Skip | Fail:
    """Every outcome that a record function knows."""
    if value == 4:
        raise ValueError("four")
    if value == 0:
        return QUIET
    return BROKEN if value < 0 else 24 / (value - 4)


@task
def same(value: float) -> float:
    """A record function that changes nothing."""
    return value


@dataclass
class Memory:
    seen: list[float] = field(default_factory=list)


@task(state=Memory, output="said")
def remember(s: Memory, value: float) -> str | Skip | Fail:
    """The last two values of a key, as text."""
    if value == 0:
        return QUIET
    if value < 0:
        return BROKEN
    s.seen = [*s.seen[-1:], value]
    return " ".join(f"{one:g}" for one in s.seen)


@task(reads=["source", "room"])
def name(record: dict[str, Any]) -> dict[str, Any] | Skip:
    """A function of a whole record."""
    if record["source"] is None:
        return NAMELESS
    return {"name": f"{record['source']}/{record['room']}"}
