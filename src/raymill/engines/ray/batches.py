"""Which calls travel to a worker together."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from raymill.engines.ray import reasons
from raymill.engines.ray.hands import Batch, Task
from raymill.errors import RaymillError
from raymill.flow.pool import Call, Key, Result
from raymill.flow.workflow import Resources, Workflow

FALLS = 2  # of workers, after which a step that was in their hand travels alone
KNOWN = 10_000  # steps whose falls are remembered

Find = Callable[[str], Workflow]


class Batches:
    """Sorts calls by what they need of a machine; one that fell with its workers goes alone."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._needs: dict[tuple[str, str], tuple[Resources, float | None, str]] = {}
        self._falls: Counter[tuple[str, str, int]] = Counter()

    def sort(self, calls: Sequence[Call], now: float) -> tuple[list[Batch], list[Result]]:
        """The batches, and the ends of calls whose step is not there."""
        groups: dict[Any, Batch] = {}
        failed: list[Result] = []
        for call in calls:
            try:
                needs, timeout_s, version = self._of(call)
            except (RaymillError, KeyError) as error:
                about = reasons.error(type(error).__name__, str(error))
                failed.append(Result(call.key, "error", None, about))
                continue
            is_alone = max(call.losses, self._falls[call.key[:3]]) >= FALLS
            name = call.key if is_alone else needs
            batch = groups.setdefault(name, Batch([], needs, now))
            batch.tasks.append(Task(call, timeout_s, version))
        return list(groups.values()), failed

    def fell(self, key: Key) -> bool:
        """A worker went away that had it in hand; whether that has happened too often."""
        if len(self._falls) > KNOWN:
            self._falls.clear()
        self._falls[key[:3]] += 1
        return self._falls[key[:3]] > FALLS

    def ended(self, key: Key) -> None:
        """A worker told how it ended."""
        self._falls.pop(key[:3], None)

    def _of(self, call: Call) -> tuple[Resources, float | None, str]:
        place = (call.place, call.key.step)
        if place not in self._needs:
            flow = self._find(call.place)
            one = flow.by_name[call.key.step]
            self._needs[place] = (one.resources, one.timeout_s, flow.version)
        return self._needs[place]
