"""How far the records of each instrument go: what is new is told from what came before.

A stream has two of each: what it received, and what is stored. The second is its cursor.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

from raymill.market.streams.buffer import Row
from raymill.market.streams.ids import WINDOW, Hole, Ids

Number: TypeAlias = Callable[[Row], int]


class Found(NamedTuple):
    """Numbers that a record jumped over, between the times of two records."""

    instrument: int
    hole: Hole
    since_us: int
    until_us: int
    began_anew: bool = False  # the vendor counts from elsewhere: nothing of it will come


class Track(Protocol):
    """Which records came."""

    def new(self, rows: Iterable[Row]) -> tuple[list[Row], list[Found]]:
        """The rows that did not come before, and what they jumped over; they count as come."""

    def time(self, instrument: int) -> int | None:
        """The time of the newest record of an instrument, None before the first."""

    def saved(self) -> dict[str, Any]:
        """As JSON values."""

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over what `saved` gave."""

    def copy(self) -> "Track":
        """The same, apart from this one."""


@dataclass
class Numbered:
    """Records whose numbers rise by one: trades with ids, bars by how many came before them.

    time_at: where a row has its time.
    """

    number: Number
    time_at: int
    ids: dict[int, Ids] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)  # of the newest record
    firsts: dict[int, int] = field(default_factory=dict)  # of the first of all

    def new(self, rows: Iterable[Row]) -> tuple[list[Row], list[Found]]:
        """The rows that did not come before, and what they jumped over."""
        fresh: list[Row] = []
        found: list[Found] = []
        number_of, time_at, times = self.number, self.time_at, self.times
        for row in rows:
            instrument, number = row[0], number_of(row)
            ids = self.ids.get(instrument)
            if ids is None:
                ids = self.ids[instrument] = Ids()
                self.firsts[instrument] = row[time_at]
            if ids.last is not None and number == ids.last + 1:
                ids.last = number
            elif not self._takes(ids, row, number, found):
                continue
            fresh.append(row)
            if row[time_at] > times.get(instrument, 0):
                times[instrument] = row[time_at]
        return fresh, found

    def _takes(self, ids: Ids, row: Row, number: int, found: list[Found]) -> bool:
        """Whether a row that does not follow the last one is new."""
        instrument, time = int(row[0]), int(row[self.time_at])
        before, known = ids.last, self.times.get(instrument, time)
        if before is not None and number < before - WINDOW and time > known:
            ids.begin_anew(number)
            found.append(Found(instrument, Hole(number, number), known, time, True))
            return True
        is_new = ids.take(number)
        if is_new and before is not None and number > before + 1:
            found.append(Found(instrument, Hole(before + 1, number - 1), known, time))
        return is_new

    def time(self, instrument: int) -> int | None:
        """The time of the newest record of an instrument."""
        return self.times.get(instrument)

    def saved(self) -> dict[str, Any]:
        """As JSON values."""
        times = self.times, self.firsts
        return {
            str(i): {**ids.saved(), "ts": times[0].get(i, 0), "first": times[1].get(i, 0)}
            for i, ids in self.ids.items()
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over what `saved` gave."""
        for name, one in saved.items():
            instrument = int(name)
            self.ids[instrument] = Ids.restored(one)
            self.times[instrument], self.firsts[instrument] = one["ts"], one["first"]

    def copy(self) -> "Numbered":
        """The same, apart from this one."""
        ids = {name: Ids(one.last, [*one.holes]) for name, one in self.ids.items()}
        return Numbered(self.number, self.time_at, ids, {**self.times}, {**self.firsts})


@dataclass
class Rising:
    """Records whose numbers only rise, with others in between: quotes by their update."""

    number_at: int
    time_at: int
    last: dict[int, tuple[int, int]] = field(default_factory=dict)  # number and time

    def new(self, rows: Iterable[Row]) -> tuple[list[Row], list[Found]]:
        """The rows that did not come before; nobody can tell what is missing."""
        fresh: list[Row] = []
        number_at, time_at, last = self.number_at, self.time_at, self.last
        for row in rows:
            number, time = row[number_at], row[time_at]
            if number is None:
                number = time
            known = last.get(row[0])
            if known is None or number > known[0] or self._began_anew(number, time, known):
                last[row[0]] = (number, time)
                fresh.append(row)
        return fresh, []

    def _began_anew(self, number: int, time: int, known: tuple[int, int]) -> bool:
        return number < known[0] - WINDOW and time > known[1]

    def time(self, instrument: int) -> int | None:
        """The time of the newest record of an instrument."""
        known = self.last.get(instrument)
        return known[1] if known else None

    def saved(self) -> dict[str, Any]:
        """As JSON values."""
        return {str(instrument): list(known) for instrument, known in self.last.items()}

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over what `saved` gave."""
        self.last.update({int(name): (number, time) for name, (number, time) in saved.items()})

    def copy(self) -> "Rising":
        """The same, apart from this one."""
        return Rising(self.number_at, self.time_at, {**self.last})


@dataclass
class Timed:
    """Records without numbers, which come in the order of time: those of the last moment are told
    apart by all their values and by how many equal ones there were."""

    time_at: int
    values: slice  # of a row, that tell it from others
    last: dict[int, int] = field(default_factory=dict)
    moment: dict[int, Counter[tuple[Any, ...]]] = field(default_factory=dict)

    def new(self, rows: Iterable[Row]) -> tuple[list[Row], list[Found]]:
        """The rows that did not come before, if rows of one moment come together."""
        fresh: list[Row] = []
        seen: dict[int, Counter[tuple[Any, ...]]] = {}
        for row in rows:
            instrument, time = row[0], row[self.time_at]
            last = self.last.get(instrument, -1)
            if time < last:
                continue
            if time > last:
                self.last[instrument], self.moment[instrument] = time, Counter()
                seen[instrument] = Counter()
            value, now = row[self.values], seen.setdefault(instrument, Counter())
            now[value] += 1
            if now[value] > self.moment[instrument][value]:
                self.moment[instrument][value] = now[value]
                fresh.append(row)
        return fresh, []

    def time(self, instrument: int) -> int | None:
        """The time of the newest record of an instrument."""
        return self.last.get(instrument)

    def saved(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            str(instrument): [time, [[*v, n] for v, n in self.moment[instrument].items()]]
            for instrument, time in self.last.items()
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over what `saved` gave."""
        for name, (time, moment) in saved.items():
            self.last[int(name)] = time
            self.moment[int(name)] = Counter({tuple(v): n for *v, n in moment})

    def copy(self) -> "Timed":
        """The same, apart from this one."""
        return Timed(self.time_at, self.values, {**self.last}, deepcopy(self.moment))


def tracked(track: Track, rows: Sequence[Row]) -> Track:
    """A track that has come so much further."""
    further = track.copy()
    further.new(rows)
    return further
