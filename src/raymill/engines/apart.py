"""A process for steps that may have to be killed."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from raymill import json, log
from raymill.engines.perform import perform
from raymill.errors import Cancelled, RaymillError
from raymill.flow.places import workflow_at
from raymill.flow.pool import Call, Key, Result
from raymill.state.artifacts import Artifacts

START_S = 60.0  # for the process to come up, which is not the step's time


class Apart:
    """Runs one step at a time in a process that is started when it is first needed."""

    def __init__(self, artifacts: Path) -> None:
        self._artifacts = artifacts
        self._process: Any = None
        self._line: Connection | None = None
        self._lock = threading.Lock()

    def run(
        self, call: Call, timeout_s: float | None, save: Callable[[Key, bytes], None]
    ) -> Result:
        """Run an attempt; kill it when its time is over. Without a timeout it has time."""
        begun = time.perf_counter()
        try:
            line = self._open()
            begun = time.perf_counter()
            line.send(call)
            while line.poll(_left(timeout_s, begun)):
                kind, value = line.recv()
                if kind == "result":
                    return Result(*value)
                line.send(_saved(save, call.key, value))
        except (EOFError, OSError):
            self.kill()
            error = _error("WorkerLost", f"the process of step `{call.key.step}` died")
            return Result(call.key, "lost", None, error, True, time.perf_counter() - begun)
        self.kill()
        error = _error("Timeout", f"step `{call.key.step}` took longer than {timeout_s} s")
        return Result(call.key, "timeout", None, error, True, time.perf_counter() - begun)

    def _open(self) -> Connection:
        with self._lock:
            if self._line is None or self._process is None or not self._process.is_alive():
                if self._line is not None:
                    self._line.close()
                context = multiprocessing.get_context("spawn")
                self._line, other = context.Pipe()
                self._process = context.Process(
                    target=_serve, args=(other, str(self._artifacts)), daemon=True
                )
                self._process.start()
                other.close()
                if not self._line.poll(START_S):
                    raise EOFError
                self._line.recv()
            return self._line

    def kill(self) -> None:
        """End the process with what it has in hand; the next step gets a new one."""
        process = self._process
        if process is not None:
            process.kill()
            process.join()

    def close(self) -> None:
        """End the process."""
        self.kill()
        if self._line is not None:
            self._line.close()


def _left(timeout_s: float | None, begun: float) -> float | None:
    return None if timeout_s is None else max(0.0, timeout_s - (time.perf_counter() - begun))


def _saved(save: Callable[[Key, bytes], None], key: Key, progress: bytes) -> bool:
    try:
        save(key, progress)
    except Cancelled:
        return False
    return True


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"type": kind, "message": message})


def _end_with_parent() -> None:
    """End as soon as the orchestrator is gone: the attempt is lost, and may be made elsewhere."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _serve(line: Connection, artifacts: str) -> None:
    """The process: attempts in, results out, until the other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the orchestrator decides
    threading.Thread(target=_end_with_parent, name="raymill-parent", daemon=True).start()
    log.keep_standard()
    line.send(("up", os.getpid()))
    kept = Artifacts(artifacts)

    def save(key: Key, progress: bytes) -> None:
        line.send(("save", progress))
        if not line.recv():
            raise Cancelled(f"Attempt {key.attempt} of step `{key.step}` is over")

    while True:
        try:
            call: Call = line.recv()
        except EOFError:
            return
        try:
            one = workflow_at(call.place).by_name[call.key.step]
            result = perform(call, one, kept, save, lambda: None, f"process-{os.getpid()}")
        except RaymillError as error:
            result = Result(call.key, "error", None, _error(type(error).__name__, error.message))
        line.send(("result", tuple(result)))
