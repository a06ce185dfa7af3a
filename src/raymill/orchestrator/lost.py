"""Attempts that are nowhere, though their run goes on: whoever lost them, they begin again."""

from collections.abc import Iterable, Iterator, Set

from raymill.flow.pool import Key
from raymill.orchestrator.live import DUE, Live


class Lost:
    """Tells attempts that were lost from those that wait for their commit.

    These are nowhere too until that is heard of, and a moment longer: an attempt is lost when it is
    nowhere at two looks after all that had been written at the first of them.
    """

    def __init__(self) -> None:
        self.given = self.heard = 0
        """Turns whose changes were given to the writer, and are there."""
        self._suspects: dict[Key, int] = {}  # what has to be heard first

    def again(self, lives: Iterable[Live], waiting: Set[Key]) -> list[Key]:
        """The attempts of runs that are to begin again, as they wait for nothing."""
        nowhere = [key for live in lives for key in _due(live) if key not in waiting]
        again = [key for key in nowhere if self._suspects.get(key) == 0]
        since = {key: self._suspects.get(key, self.given) for key in nowhere}
        self._suspects = {key: 0 if turns <= self.heard else turns for key, turns in since.items()}
        return again


def _due(live: Live) -> Iterator[Key]:
    """The attempts of a run that somebody has to have."""
    for step in live.going() if live.row.status == "running" else ():
        if step.status in DUE and not live.step(step.step).is_child:
            yield Key(step.run, step.step, step.item, step.attempt)
