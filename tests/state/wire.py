"""A wire to a server that can be cut where it hurts: between a request and its answer."""

import shutil
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Literal

SOCKET = ".s.PGSQL.5432"
What = Literal["request", "answer"]


class Wire:
    """Hands on what clients and a server say to one another, until it is told to cut."""

    def __init__(self, target: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="raymill-wire-"))
        self._target = target / SOCKET
        self._cut: What | None = None
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.up()

    def cut(self, what: What) -> None:
        """Lose the next request or the next answer, and with it the connection."""
        self._cut = what

    def up(self) -> None:
        """Accept connections."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / SOCKET))
        self._listener.listen()
        self._begin(self._accept, self._listener)

    def down(self) -> None:
        """Break all connections, and accept no other."""
        (self.folder / SOCKET).unlink()
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in (self._listener, *self._ends):
            end.close()
        self._ends, self._threads = [], []

    def close(self) -> None:
        """Let go of everything."""
        self.down()
        shutil.rmtree(self.folder)

    def _begin(self, work: object, *arguments: object) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments))  # type: ignore[arg-type]
        self._threads[-1].start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.socket(socket.AF_UNIX)
                self._ends += [client, server]
                server.connect(str(self._target))
                self._begin(self._hand_on, client, server, "request")
                self._begin(self._hand_on, server, client, "answer")

    def _hand_on(self, source: socket.socket, sink: socket.socket, what: What) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self._cut == what:
                    self._cut = None
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
