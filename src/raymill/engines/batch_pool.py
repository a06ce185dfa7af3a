"""Batches in processes of this machine: Python code of a user holds the interpreter, so more cores
mean more of them."""

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import send_handle
from typing import Any, NamedTuple

from raymill.engines.answers import received
from raymill.engines.mapped import lay_out
from raymill.errors import EngineError
from raymill.flow.batches import Ended

HOPELESS = 3  # workers that end before they have come up, while none is there
CODE = "import sys; from raymill.engines.batch_worker import main; main(int(sys.argv[1]))"


class Batch(NamedTuple):
    """What a worker is told to do."""

    number: int
    place: str
    items: list[Any]
    held: int | None


@dataclass(eq=False, slots=True)
class Worker:
    """A process, as the pool sees it."""

    process: subprocess.Popen[bytes]
    line: Connection
    is_up: bool = False
    hand: Batch | None = None
    knows: set[int] = field(default_factory=set)  # values that it was told of

    @property
    def name(self) -> str:
        """What results call it."""
        return f"process-{self.process.pid}"


class LocalBatchPool:
    """Calls functions in processes, which are started when there is work for them.

    workers: how many at most; as many as this process has cores unless given.
    """

    name = "processes"

    def __init__(self, workers: int | None = None) -> None:
        self.size = workers or len(os.sched_getaffinity(0))
        self._waiting: deque[Batch] = deque()
        self._workers: list[Worker] = []
        self._ended: list[Ended] = []
        self._handles: dict[int, int] = {}
        self._serial = self._failed_starts = 0

    def put(self, value: Any) -> int:
        """Put a value into memory that all workers look at. Raises ConfigError."""
        self._serial += 1
        self._handles[self._serial] = lay_out(value)
        return self._serial

    def drop(self, held: int) -> None:
        """Let go of a value that no batch needs any more."""
        os.close(self._handles.pop(held))
        for worker in self._workers:
            if held in worker.knows:
                worker.knows.remove(held)
                self._say(worker, "drop", held)

    def submit(self, place: str, items: Sequence[Any], held: int | None = None) -> int:
        """Have the function at a place called with each item."""
        self._serial += 1
        self._waiting.append(Batch(self._serial, place, list(items), held))
        self._assign()
        return self._serial

    def results(self, patience_s: float) -> list[Ended]:
        """What has ended since it was last asked. Raises EngineError."""
        until = time.monotonic() + patience_s
        while not self._ended and (self._waiting or any(one.hand for one in self._workers)):
            self._assign()
            lines = {worker.line: worker for worker in self._workers}
            ready = wait(list(lines), max(0.0, until - time.monotonic()))
            for line in ready:
                self._hear(lines[line])  # type: ignore[index]
            if not ready and time.monotonic() >= until:
                break
        self._assign()
        ended, self._ended = self._ended, []
        return ended

    def cancel(self, batch: int) -> None:
        """Take a batch back; a process that is at it is killed."""
        for one in self._waiting:
            if one.number == batch:
                self._waiting.remove(one)
                self._ended.append(Ended(batch, "cancelled"))
                return
        for worker in self._workers:
            if worker.hand is not None and worker.hand.number == batch:
                self._part(worker)
                self._ended.append(Ended(batch, "cancelled", worker=worker.name))
                return

    def close(self) -> None:
        """Kill all processes."""
        self._waiting.clear()
        for worker in [*self._workers]:
            self._part(worker)
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    # Its workers

    def _assign(self) -> None:
        """Give what waits to processes that are idle, and start those that are missing."""
        for worker in [one for one in self._workers if one.is_up and one.hand is None]:
            if self._waiting:
                self._give(worker, self._waiting.popleft())
        coming = sum(not one.is_up for one in self._workers)
        for _ in range(min(self.size - len(self._workers), len(self._waiting) - coming)):
            self._start()

    def _start(self) -> None:
        line, theirs = Pipe()
        command = [sys.executable, "-c", CODE, str(theirs.fileno())]
        process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=2,  # what a user's code prints is no result
            start_new_session=True,  # Ctrl-C is for this process to decide on
        )
        theirs.close()
        worker = Worker(process, line)
        self._workers.append(worker)
        self._say(worker, "hello", [os.path.abspath(path) for path in sys.path])

    def _give(self, worker: Worker, batch: Batch) -> None:
        worker.hand = batch
        if batch.held is not None and batch.held not in worker.knows:
            self._say(worker, "hold", batch.held, handle=self._handles[batch.held])
            worker.knows.add(batch.held)
        self._say(worker, "do", *batch)

    def _say(self, worker: Worker, *message: Any, handle: int | None = None) -> None:
        try:
            worker.line.send(message)
            if handle is not None:
                send_handle(worker.line, handle, worker.process.pid)
        except OSError:
            pass  # it is gone, as its line will say

    def _hear(self, worker: Worker) -> None:
        try:
            name, *values = worker.line.recv()
        except (EOFError, OSError):
            self._gone(worker)
            return
        if name == "ready":
            worker.is_up, self._failed_starts = True, 0
            return
        batch, sent, seconds = values
        worker.hand = None
        self._ended.append(
            Ended(batch, "done", received(sent), seconds=seconds, worker=worker.name)
        )

    def _gone(self, worker: Worker) -> None:
        self._part(worker)
        reason = f"{worker.name} ended with {_how(worker.process.returncode)}"
        if worker.hand is not None:
            self._ended.append(Ended(worker.hand.number, "lost", (), reason, worker=worker.name))
        elif not worker.is_up:
            self._failed_starts += 1
            if self._failed_starts >= HOPELESS and not any(one.is_up for one in self._workers):
                raise EngineError(
                    f"No process can be started: {reason}", hint="what it said stands above"
                )

    def _part(self, worker: Worker) -> None:
        self._workers.remove(worker)
        worker.line.close()
        worker.process.kill()
        worker.process.wait()


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
