"""The local pool: threads, each with a process of its own for steps that may have to be killed."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from raymill import json
from raymill.engines.apart import Apart
from raymill.engines.perform import perform
from raymill.errors import Cancelled, RaymillError
from raymill.flow.places import workflow_at
from raymill.flow.pool import Call, Key, Reports, Result
from raymill.flow.workflow import Step, Workflow
from raymill.state.artifacts import Artifacts

REPORT_S = 0.005  # results of short steps are reported together, but not later than this
IDLE_S = 30.0  # a thread without work ends after so long, if others are left
SUSPECT = 2  # a step that lost so many workers may have killed them: it gets a process

Find = Callable[[str], Workflow]


class LocalPool:
    """Runs steps on threads of this process; those with a timeout in processes, which are killed
    when it is over. Endless steps have a thread each.

    size, least: how many steps run at a time at most, and how many threads wait for work at least;
    find: gives the workflow that lies at a place; processes find it by its place alone, so that it
    must lie in a module or a file.
    """

    def __init__(self, size: int, artifacts: str | Path, find: Find, *, least: int = 1) -> None:
        self._size, self._find, self._least = size, find, min(least, size)
        self._artifacts = Artifacts(artifacts)
        self._queue: queue.SimpleQueue[Sequence[Call] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = self._idle = self._started = 0
        self._cancelled: set[Key] = set()
        self._apart: dict[Key, Apart] = {}
        self._threads: set[threading.Thread] = set()
        self._closing = False

    @property
    def size(self) -> int:
        """How many workers there are at most."""
        return self._size

    def open(self, reports: Reports) -> None:
        """Begin; results go to `reports`."""
        self._reports = reports
        for _ in range(self._least):
            self._start(self._work)

    def submit(self, calls: Sequence[Call]) -> None:
        """Run calls one after the other on a worker that is idle, or on a new one."""
        if calls[0].endless:
            for call in calls:
                self._start(self._aside, call)
            return
        with self._lock:
            self._waiting += 1
            is_short = self._waiting > self._idle and self._workers() < self._size
        if is_short:
            self._start(self._work)
        self._queue.put(calls)

    def cancel(self, key: Key) -> None:
        """Stop an attempt: at once where it runs in a process, at its next check elsewhere."""
        self._cancelled.add(key)
        if (apart := self._apart.get(key)) is not None:
            apart.kill()

    def close(self) -> None:
        """Stop all workers; attempts that go on are given up."""
        self._closing = True
        threads = list(self._threads)
        for _ in threads:
            self._queue.put(None)
        for apart in list(self._apart.values()):
            apart.kill()
        for thread in threads:
            thread.join(timeout=0.2)  # one that does not look at its context is left behind

    def _workers(self) -> int:
        return sum(not thread.name.startswith("aside") for thread in self._threads)

    def _start(self, work: Callable[..., None], *given: Call) -> None:
        name = f"{'aside' if given else 'local'}-{self._started}"
        self._started += 1
        thread = threading.Thread(target=work, args=given, name=name, daemon=True)
        self._threads.add(thread)
        thread.start()

    def _work(self) -> None:
        apart = Apart(self._artifacts.folder)
        try:
            while (calls := self._next()) is not None:
                self._run(calls, apart)
        finally:
            self._threads.discard(threading.current_thread())
            apart.close()

    def _next(self) -> Sequence[Call] | None:
        """What comes next; None for a thread that is not needed any more."""
        with self._lock:
            self._idle += 1
        while True:
            try:
                calls = self._queue.get(timeout=IDLE_S)
            except queue.Empty:
                with self._lock:
                    if self._waiting or self._idle <= self._least:
                        continue
                    self._idle -= 1
                return None
            with self._lock:
                self._idle -= 1
                self._waiting -= calls is not None
            return calls

    def _aside(self, call: Call) -> None:
        apart = Apart(self._artifacts.folder)
        try:
            self._run([call], apart)
        finally:
            self._threads.discard(threading.current_thread())
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
        worker = threading.current_thread().name
        is_suspect = call.losses >= SUSPECT and self._find is workflow_at
        if one.timeout_s is None and not is_suspect:
            check = self._checker(call.key)
            return perform(call, one, self._artifacts, self._reports.save, check, worker)
        self._apart[call.key] = apart
        try:
            found = apart.run(call, one.timeout_s, self._reports.save)
        finally:
            del self._apart[call.key]
        gone = found.outcome == "lost" and (call.key in self._cancelled or self._closing)
        return found._replace(worker=worker, outcome="cancelled" if gone else found.outcome)

    def _step(self, call: Call) -> Step:
        return self._find(call.place).by_name[call.key.step]

    def _checker(self, key: Key) -> Callable[[], None]:
        def check() -> None:
            if key in self._cancelled or self._closing:
                raise Cancelled(f"Step `{key.step}` was cancelled")

        return check
