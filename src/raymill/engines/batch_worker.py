"""The process of a worker of batches: it answers what comes over its line, until that is cut."""

import os
import queue
import sys
import threading
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any, TypeAlias

from raymill import log
from raymill.engines.answers import Sent, answer, failed
from raymill.engines.mapped import look_at

Work: TypeAlias = tuple[Any, ...]


def main(handle: int) -> None:
    """Work for the pool at the other end of a socket."""
    log.keep_standard()
    Worker(Connection(handle)).serve()


class Worker:
    """Answers batches in this thread; another one hears what the pool says, and that it is gone."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._work: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._handles: dict[int, int] = {}
        self._held: dict[int, Any] = {}

    def serve(self) -> None:
        """Work until the line is cut."""
        threading.Thread(target=self._hear, name="raymill-hears", daemon=True).start()
        self._line.send(("ready",))
        while True:
            name, *values = self._work.get()
            getattr(self, f"_on_{name}")(*values)

    def _hear(self) -> None:
        try:
            while True:
                name, *values = self._line.recv()
                if name == "hold":
                    values.append(recv_handle(self._line))
                self._work.put((name, *values))
        except (EOFError, OSError):
            pass
        finally:
            os._exit(1)  # the pool is gone: nobody takes the answers

    def _on_hello(self, paths: list[str]) -> None:
        sys.path += [path for path in paths if path not in sys.path]

    def _on_hold(self, held: int, handle: int) -> None:
        self._handles[held] = handle

    def _on_drop(self, held: int) -> None:
        self._held.pop(held, None)
        os.close(self._handles.pop(held))

    def _on_do(self, batch: int, place: str, items: list[Any], held: int | None) -> None:
        try:
            given = () if held is None else (self._look(held),)
        except BaseException as error:
            sent: tuple[list[Sent], float] = [failed(error)] * len(items), 0.0
        else:
            sent = answer(place, items, *given)
        self._line.send(("ended", batch, [tuple(one) for one in sent[0]], sent[1]))

    def _look(self, held: int) -> Any:
        if held not in self._held:
            self._held[held] = look_at(self._handles[held])
        return self._held[held]
