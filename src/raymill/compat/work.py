"""Which worker did what of the runs of companies, and how often each step was tried."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from raymill.filings.flow import CHILD
from raymill.state.store import StateStore, StepRow

CLOSED = ("done", "dead", "cancelled")


@dataclass
class Tally:
    """Steps by worker, those that were done and attempts that failed; the most tries of a step."""

    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    attempts: dict[str, int] = field(default_factory=dict)

    def add(self, rows: Iterable[StepRow]) -> None:
        """Count the steps of a run; what no worker has ended is none of it."""
        for row in rows:
            self._tried(row.step, row.attempt)
            if row.worker:
                self.done[row.worker] += row.status == "done"
                self.failed[row.worker] += row.failures

    def merge(self, other: "Tally") -> None:
        """Add what was counted elsewhere."""
        self.done.update(other.done)
        self.failed.update(other.failed)
        for step, attempts in other.attempts.items():
            self._tried(step, attempts)

    def _tried(self, step: str, attempts: int) -> None:
        self.attempts[step] = max(attempts, self.attempts.get(step, 0))


class Work:
    """What was done, by run; the journal of runs is read, and what has ended is read once."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._of: dict[str, Tally] = {}
        self._closed: dict[str, dict[int, Tally]] = {}

    def count(self, run: str, *, is_over: bool) -> Tally:
        """Count a run and the runs below it anew."""
        whole, rows = Tally(), self._store.steps(run)
        whole.add(row for row in rows if row.step != CHILD)
        closed = self._closed.setdefault(run, {})
        for row in rows:
            if row.step == CHILD:
                whole.merge(closed.get(row.item) or self._child(run, row, closed))
        if is_over:
            del self._closed[run]
        self._of[run] = whole
        return whole

    def _child(self, run: str, row: StepRow, closed: dict[int, Tally]) -> Tally:
        found = Tally()
        found.add(self._store.steps(f"{run}.{row.step}.{row.item}"))
        if row.status in CLOSED:
            closed[row.item] = found
        return found

    def workers(self, least: int) -> list[dict[str, Any]]:
        """What each worker did; so many are named at least, though they had nothing to do."""
        whole = Tally()
        for one in list(self._of.values()):
            whole.merge(one)
        numbers: Mapping[str, None] = dict.fromkeys([*whole.done, *whole.failed])
        rows = [_row(name, whole) for name in sorted(numbers, key=_place)]
        named = {row["worker_id"] for row in rows}
        idle = [f"worker-{number}" for number in range(least) if f"worker-{number}" not in named]
        return rows + [_about(worker, "", 0, 0) for worker in idle]


def _row(name: str, whole: Tally) -> dict[str, Any]:
    return _about(f"worker-{_number(name)}", name, whole.done[name], whole.failed[name])


def _about(worker: str, name: str, done: int, failed: int) -> dict[str, Any]:
    return {"worker_id": worker, "processed_count": done, "error_count": failed, "name": name}


def _number(name: str) -> str:
    """What stands behind the last dash: `local-3` of the journal is `worker-3`."""
    return name.rpartition("-")[2]


def _place(name: str) -> tuple[int, str]:
    number = _number(name)
    return (int(number) if number.isdigit() else 0, name)
