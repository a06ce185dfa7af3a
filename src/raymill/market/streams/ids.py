"""The numbers of an instrument's records: which came, which are missing, which came before."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

WINDOW = 100_000  # numbers; one that lies further back is no repetition if it is of a later time


class Hole(NamedTuple):
    """Numbers that did not come, both ends included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


@dataclass(slots=True)
class Ids:
    """Numbers that rise by one. All up to `last` came, but for the holes.

    >>> ids = Ids(7)
    >>> [ids.take(number) for number in (8, 11, 11, 9)], ids.holes
    ([True, True, False, True], [Hole(first=10, last=10)])
    """

    last: int | None = None
    holes: list[Hole] = field(default_factory=list)

    def take(self, number: int) -> bool:
        """Whether a number is new; what lies between it and the last becomes a hole."""
        if self.last is None or number == self.last + 1:
            self.last = number
            return True
        if number > self.last:
            self.holes.append(Hole(self.last + 1, number - 1))
            self.last = number
            return True
        return self._fill(number)

    def missing(self, first: int, last: int) -> Iterator[Hole]:
        """The holes within a range."""
        for hole in self.holes:
            if hole.first <= last and hole.last >= first:
                yield Hole(max(hole.first, first), min(hole.last, last))

    def close(self, first: int, last: int) -> None:
        """Count a range as come: the vendor does not have what is missing of it."""
        left: list[Hole] = []
        for hole in self.holes:
            if hole.first > last or hole.last < first:
                left.append(hole)
                continue
            if hole.first < first:
                left.append(Hole(hole.first, first - 1))
            if hole.last > last:
                left.append(Hole(last + 1, hole.last))
        self.holes = left

    def begin_anew(self, number: int) -> None:
        """The vendor counts from elsewhere: what was missing will not come any more."""
        self.last, self.holes = number, []

    def saved(self) -> dict[str, Any]:
        """As JSON values."""
        return {"last": self.last, "holes": [list(hole) for hole in self.holes]}

    @classmethod
    def restored(cls, saved: dict[str, Any]) -> "Ids":
        """What `saved` gave."""
        return cls(saved["last"], [Hole(first, last) for first, last in saved["holes"]])

    def _fill(self, number: int) -> bool:
        for at, (first, last) in enumerate(self.holes):
            if first <= number <= last:
                rest = (Hole(first, number - 1), Hole(number + 1, last))
                self.holes[at : at + 1] = [hole for hole in rest if hole.first <= hole.last]
                return True
        return False
