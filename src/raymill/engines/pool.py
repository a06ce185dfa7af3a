"""The local pool: threads, each with a process of its own for steps that have a timeout."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from raymill import json
from raymill.engines.apart import Apart
from raymill.engines.perform import perform
from raymill.errors import Cancelled, RaymillError
from raymill.flow.pool import Call, Key, Reports, Result
from raymill.flow.workflow import Step, Workflow
from raymill.state.artifacts import Artifacts

REPORT_S = 0.005  # results of short steps are reported together, but not later than this

Find = Callable[[str], Workflow]


class LocalPool:
    """Runs steps on threads of this process; those with a timeout in processes, which are killed
    when it is over.

    size: how many steps run at a time; find: gives the workflow that lies at a place;
    processes find it by its place alone, so that it must lie in a module or a file.
    """

    def __init__(self, size: int, artifacts: str | Path, find: Find) -> None:
        self._size, self._find = size, find
        self._artifacts = Artifacts(artifacts)
        self._queue: queue.SimpleQueue[Sequence[Call] | None] = queue.SimpleQueue()
        self._cancelled: set[Key] = set()
        self._apart: dict[Key, Apart] = {}
        self._threads: list[threading.Thread] = []
        self._closing = False

    @property
    def size(self) -> int:
        """How many workers there are."""
        return self._size

    def open(self, reports: Reports) -> None:
        """Begin; results go to `reports`."""
        self._reports = reports
        for number in range(self._size):
            name = f"raymill-step-{number}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def submit(self, calls: Sequence[Call]) -> None:
        """Run calls one after the other on a worker that is idle."""
        self._queue.put(calls)

    def cancel(self, key: Key) -> None:
        """Stop an attempt: at once where it runs in a process, at its next check elsewhere."""
        self._cancelled.add(key)
        if (apart := self._apart.get(key)) is not None:
            apart.kill()

    def close(self) -> None:
        """Stop all workers; attempts that go on are given up."""
        self._closing = True
        for _ in self._threads:
            self._queue.put(None)
        for apart in list(self._apart.values()):
            apart.kill()
        for thread in self._threads:
            thread.join(timeout=0.2)  # one that does not look at its context is left behind

    def _work(self) -> None:
        apart = Apart(self._artifacts.folder)
        try:
            while (calls := self._queue.get()) is not None:
                self._run(calls, apart)
        finally:
            apart.close()

    def _run(self, calls: Sequence[Call], apart: Apart) -> None:
        results: list[Result] = []
        told = time.perf_counter()
        for call in calls:
            results.append(self._one(call, apart))
            self._cancelled.discard(call.key)
            if time.perf_counter() - told > REPORT_S:
                self._reports.results(results)
                results, told = [], time.perf_counter()
        if results:
            self._reports.results(results)

    def _one(self, call: Call, apart: Apart) -> Result:
        if call.key in self._cancelled or self._closing:
            return Result(call.key, "cancelled")
        try:
            one = self._step(call)
        except (RaymillError, KeyError) as error:
            about = {"type": type(error).__name__, "message": str(error)}
            return Result(call.key, "error", None, json.dumps(about))
        if one.timeout_s is None:
            check = self._checker(call.key)
            return perform(call, one, self._artifacts, self._reports.save, check)
        self._apart[call.key] = apart
        try:
            found = apart.run(call, one.timeout_s, self._reports.save)
        finally:
            del self._apart[call.key]
        gone = found.outcome == "lost" and (call.key in self._cancelled or self._closing)
        return found._replace(outcome="cancelled") if gone else found

    def _step(self, call: Call) -> Step:
        return self._find(call.place).by_name[call.key.step]

    def _checker(self, key: Key) -> Callable[[], None]:
        def check() -> None:
            if key in self._cancelled or self._closing:
                raise Cancelled(f"Step `{key.step}` was cancelled")

        return check
