"""The API on a real socket, in a thread, and requests to it byte by byte."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from raymill.config import settings
from raymill.services.hosts.listen import listen
from raymill.services.hosts.local import local_api, server_of
from raymill.services.service import Service

LIMIT_S = 60.0


@contextmanager
def on_a_socket(*kinds: type[Service], **given: Any) -> Iterator[int]:
    """Serve these services; gives the port."""
    chosen = settings().serve.model_copy(update={"port": 0, **given})
    app, _ = local_api(chosen, {kind.name: kind for kind in kinds})
    server, door = server_of(app, chosen), listen("127.0.0.1", 0)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[door])))
    thread.start()
    until = time.monotonic() + LIMIT_S
    while not server.started and thread.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    try:
        assert server.started
        yield door.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(LIMIT_S)
        door.close()
        assert not thread.is_alive()


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """A connection whose waits end."""
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as made:
        yield made


def rest(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def exchange(port: int, raw: bytes) -> bytes:
    """What a server answers to some bytes, after which nothing more is sent."""
    with connected(port) as made:
        made.sendall(raw)
        made.shutdown(socket.SHUT_WR)
        return rest(made)


def status_of(answer: bytes) -> int:
    """The status of the first answer among bytes; 0 where there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0
