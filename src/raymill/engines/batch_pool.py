"""Batches in processes of this machine: Python code of a user holds the interpreter, so more cores
mean more of them."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import send_handle
from typing import Any

from raymill.engines.answers import received
from raymill.engines.batch_books import Batch, BatchBooks
from raymill.engines.mapped import lay_out
from raymill.errors import EngineError
from raymill.flow.batches import Ended

CODE = "import sys; from raymill.engines.batch_worker import main; main(int(sys.argv[1]))"


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
        self._books: BatchBooks[Worker] = BatchBooks()
        self._handles: dict[int, int] = {}

    def put(self, value: Any) -> int:
        """Put a value into memory that all workers look at. Raises ConfigError."""
        held = self._books.next_number()
        self._handles[held] = lay_out(value)
        return held

    def drop(self, held: int) -> None:
        """Let go of a value that no batch needs any more."""
        os.close(self._handles.pop(held))
        for worker in self._books.workers:
            if held in worker.knows:
                worker.knows.remove(held)
                self._say(worker, "drop", held)

    def submit(self, place: str, items: Sequence[Any], held: int | None = None) -> int:
        """Have the function at a place called with each item."""
        number = self._books.wait(place, items, held)
        self._assign()
        return number

    def results(self, patience_s: float) -> list[Ended]:
        """What has ended since it was last asked. Raises EngineError."""
        until = time.monotonic() + patience_s
        while self._books.is_awaited:
            self._assign()
            lines = {worker.line: worker for worker in self._books.workers}
            ready = wait(list(lines), max(0.0, until - time.monotonic()))
            for line in ready:
                self._hear(lines[line])  # type: ignore[index]
            if not ready and time.monotonic() >= until:
                break
        self._assign()
        return self._books.ended()

    def cancel(self, batch: int) -> None:
        """Take a batch back; a process that is at it is killed."""
        if (worker := self._books.cancelled(batch)) is not None:
            self._part(worker)

    def close(self) -> None:
        """Kill all processes."""
        for worker in self._books.closed():
            self._part(worker)
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    # Its workers

    def _assign(self) -> None:
        """Give what waits to processes that are idle, and start those that are missing."""
        for worker, batch in self._books.given():
            self._give(worker, batch)
        for _ in range(self._books.missing(self.size)):
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
        self._books.workers.append(worker)
        self._say(worker, "hello", [os.path.abspath(path) for path in sys.path])

    def _give(self, worker: Worker, batch: Batch) -> None:
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
            self._books.up(worker)
        else:
            _, sent, seconds = values
            self._books.done(worker, received(sent), seconds)

    def _gone(self, worker: Worker) -> None:
        self._part(worker)
        reason = f"{worker.name} ended with {_how(worker.process.returncode)}"
        if self._books.lost(worker, reason):
            raise EngineError(
                f"No process can be started: {reason}", hint="what it said stands above"
            )

    def _part(self, worker: Worker) -> None:
        worker.line.close()
        worker.process.kill()
        worker.process.wait()


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
