"""The worker on Ray: an actor that runs the steps which come to it over a line to the pool."""

import os
import queue
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from raymill import __version__, log
from raymill.config.process import take
from raymill.engines.perform import perform
from raymill.engines.ray import reasons
from raymill.engines.ray.line import CHUNK, CORKED, Frames, Message, packed, settle
from raymill.engines.ray.seal import is_sealed
from raymill.errors import Cancelled, EngineError, RaymillError
from raymill.flow.places import workflow_at
from raymill.flow.pool import Call, Key, Result
from raymill.state.artifacts import Artifacts

PATIENCE_S = 10.0  # to reach the pool


class RayStepWorker:
    """The actor of one worker; its one call lasts as long as it is wanted."""

    def serve(self, host: str, port: int, token: bytes) -> None:
        """Run the steps that the pool at this address sends, until it says that it is over."""
        with socket.create_connection((host, port), PATIENCE_S) as end:
            end.settimeout(None)
            settle(end)
            end.sendall(token)
            StepWorker(end).run()


class StepWorker:
    """Runs steps one after the other in this thread; another one hears what the pool says.

    Before a step begins and when it ended the kernel has the word of it, so that the pool knows of
    a worker that dies what it was at, without being woken for each step.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._sending = threading.Lock()
        self._work: queue.SimpleQueue[list[Message] | None] = queue.SimpleQueue()
        self._saved: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._unwanted: set[int] = set()
        self._given_up = False
        self._refusal: EngineError | None = None
        self._serial = -1  # of the step that goes on

    def run(self) -> None:
        """Serve until the pool lets this worker go. Raises EngineError if it cannot."""
        # Ray would raise SystemExit in the step, which is then told as an error of its own.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
        threading.Thread(target=self._listen, name="raymill-hears", daemon=True).start()
        while (batch := self._work.get()) is not None:
            last = len(batch) - 1
            for number, task in enumerate(batch):
                self._one(task, number < last)
                if self._given_up:
                    return
        if self._refusal is not None:
            raise self._refusal

    def _one(self, task: Message, more: bool) -> None:
        serial, is_timed, version, key, *rest = task
        self._serial = serial
        self._say(("begun", serial), corked=not is_timed)
        call = Call(Key(*key), *rest)
        unwanted = Result(call.key, "cancelled", worker=self._name)
        result = unwanted if serial in self._unwanted else self._ran(call, version)
        self._unwanted.discard(serial)
        self._say(("result", serial, *result[1:]), corked=more)

    def _ran(self, call: Call, version: str) -> Result:
        try:
            flow = workflow_at(call.place)
            one = flow.by_name[call.key.step]
        except (RaymillError, KeyError) as error:
            about = reasons.error(type(error).__name__, str(error))
            return Result(call.key, "error", None, about, worker=self._name)
        if flow.version != version:
            about = reasons.changed(call.workflow, self._name, flow.version, version)
            return Result(call.key, "error", None, about, worker=self._name)
        return perform(call, one, self._artifacts, self._save, self._check, self._name)

    def _say(self, message: Message, *, corked: bool = False) -> None:
        frame = packed(message)
        with self._sending:
            self._end.sendall(frame, CORKED if corked else 0)

    # What a step may ask

    def _save(self, key: Key, progress: bytes) -> None:
        self._check()
        self._say(("save", self._serial, progress))
        if not self._saved.get():
            raise Cancelled(f"Attempt {key.attempt} of step `{key.step}` is over")

    def _check(self) -> None:
        if self._given_up or self._serial in self._unwanted:
            raise Cancelled("The attempt is over")

    # What the pool says

    def _listen(self) -> None:
        frames = Frames()
        try:
            while data := self._end.recv(CHUNK):
                for name, *values in frames.feed(data):
                    getattr(self, f"_on_{name}")(*values)
        except OSError:
            pass
        finally:
            os._exit(1)  # the pool is gone, or wants this worker to be: nobody takes the result

    def _on_hello(self, name: str, about: dict[str, Any]) -> None:
        self._refusal = refusal_of(about["version"], Path(about["artifacts"]), about["seal"])
        if self._refusal is not None:
            self._work.put(None)
            return
        self._name, self._artifacts = name, Artifacts(about["artifacts"])
        take(about["settings"])
        with suppress(OSError):
            os.chdir(about["folder"])
        sys.path += [p for p in about["paths"] if p not in sys.path and os.path.isdir(p)]
        log.keep_standard()
        self._say(("ready",))
        threading.Thread(target=self._beat, args=(about["beat_s"],), daemon=True).start()

    def _beat(self, every_s: float) -> None:
        nothing = threading.Event()
        with suppress(OSError):
            while not nothing.wait(every_s):
                self._say(("beat",))

    def _on_do(self, batch: list[Message]) -> None:
        self._work.put(batch)

    def _on_saved(self, is_saved: bool) -> None:
        self._saved.put(is_saved)

    def _on_cancel(self, serial: int) -> None:
        self._unwanted.add(serial)

    def _on_give_up(self) -> None:
        """The pool believes that this worker is gone: it ends behind the step that goes on."""
        self._given_up = True
        self._saved.put(False)
        self._work.put(None)

    def _on_end(self) -> None:
        self._work.put(None)


def refusal_of(version: str, artifacts: Path, seal: str) -> EngineError | None:
    """Why this node cannot work for the pool."""
    if version != __version__:
        return EngineError(
            f"A worker has raymill {__version__}, the orchestrator {version}",
            hint="use one environment on all nodes",
        )
    if not is_sealed(artifacts, seal):
        return EngineError(
            f"A node of the cluster does not see the folder `{artifacts}` of the orchestrator",
            hint="put RAYMILL_HOME on a disk that all nodes share",
        )
    return None
