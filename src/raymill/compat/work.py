"""Which worker did what of the runs of companies, and how often each step was tried."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raymill.filings.flow import CHILD
from raymill.state.store import StateStore, StepRow

CLOSED = ("done", "dead", "cancelled")
FAILED = ("error", "timeout")  # how an attempt ends that counts as an error of its step


@dataclass
class Tally:
    """Steps by worker, those that were done and attempts that failed; the most tries of a step.

    An attempt that failed counts for the worker that had the step last: the journal names no other.
    """

    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    attempts: dict[str, int] = field(default_factory=dict)

    def add(self, rows: Iterable[StepRow], failures: Mapping[tuple[str, int], int]) -> None:
        """Count the steps of a run; what no worker has ended is none of it."""
        for row in rows:
            self._tried(row.step, row.attempt)
            if row.worker:
                self.done[row.worker] += row.status == "done"
                self.failed[row.worker] += failures.get((row.step, row.item), 0)

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
        self._store, self._lock = store, threading.Lock()
        self._of: dict[str, Tally] = {}
        self._closed: dict[str, dict[int, Tally]] = {}

    def count(self, run: str, *, is_over: bool) -> Tally:
        """Count a run and the runs below it anew; threads may."""
        with self._lock:
            return self._count(run, is_over)

    def _count(self, run: str, is_over: bool) -> Tally:
        rows = self._store.steps(run)
        whole = self._of_run(run, [row for row in rows if row.step != CHILD])
        closed = self._closed.setdefault(run, {})
        for row in rows:
            if row.step == CHILD:
                whole.merge(closed.get(row.item) or self._child(run, row, closed))
        if is_over:
            del self._closed[run]
        self._of[run] = whole
        return whole

    def _child(self, run: str, row: StepRow, closed: dict[int, Tally]) -> Tally:
        child = f"{run}.{row.step}.{row.item}"
        found = self._of_run(child, self._store.steps(child))
        if row.status in CLOSED:
            closed[row.item] = found
        return found

    def _of_run(self, run: str, rows: Sequence[StepRow]) -> Tally:
        found = Tally()
        found.add(rows, self._failures(run) if any(map(_has_failed, rows)) else {})
        return found

    def _failures(self, run: str) -> Counter[tuple[str, int]]:
        """How many attempts of each step failed; a step that is taken up again keeps them."""
        events = self._store.events(run)
        return Counter((one.step, one.item) for one in events if one.kind in FAILED)

    def totals(self) -> Counter[str]:
        """`done` and `failed` of all workers together."""
        whole = self._whole()
        return Counter(done=whole.done.total(), failed=whole.failed.total())

    def _whole(self) -> Tally:
        whole = Tally()
        with self._lock:
            for one in self._of.values():
                whole.merge(one)
        return whole

    def workers(self, least: int) -> list[dict[str, Any]]:
        """What each worker did; so many are named at least, though they had nothing to do."""
        whole = self._whole()
        numbers: Mapping[str, None] = dict.fromkeys([*whole.done, *whole.failed])
        rows = [_row(name, whole) for name in sorted(numbers, key=_place)]
        named = {row["worker_id"] for row in rows}
        idle = [f"worker-{number}" for number in range(least) if f"worker-{number}" not in named]
        return rows + [_about(worker, "", 0, 0) for worker in idle]


def _has_failed(row: StepRow) -> bool:
    return row.attempt > 1 or row.status == "dead"


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
