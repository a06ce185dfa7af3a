"""Asks a server over and over on many connections; answers with a JSON line.

Run as a process of its own: `python -m raymill.bench.services.load`, the order on standard input.
"""

import select
import socket
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from raymill import json

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
READ = 1 << 16
SILENT_S = 60.0  # without any answer, it is given up


@dataclass(frozen=True)
class Order:
    """What is asked, how often, and on how many connections at a time."""

    port: int
    path: str
    requests: int
    connections: int
    method: str = "GET"
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def text(self) -> bytes:
        """The request as it goes over the wire."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(self.body)}"]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


@dataclass(slots=True)
class _Connection:
    """One connection: asks again as soon as it has an answer."""

    socket: socket.socket
    got: bytes = b""
    begun: float = 0.0

    def ask(self, text: bytes) -> None:
        """Send the request."""
        self.begun = time.perf_counter()
        self.socket.sendall(text)

    def answer(self) -> bytes | None:
        """The head of the answer, once all of it is there. Raises OSError."""
        data = self.socket.recv(READ)
        if not data:
            raise ConnectionResetError
        got = self.got = self.got + data if self.got else data
        end = got.find(HEAD_END)
        if end < 0:
            return None
        head = got[:end].lower()
        at = head.find(LENGTH) + len(LENGTH)
        if len(got) < end + len(HEAD_END) + int(head[at:].split(b"\r\n", 1)[0]):
            return None
        self.got = b""
        return head


def load(order: Order) -> dict[str, Any]:
    """Carry an order out; gives requests a second, waits in ms, answers by status, failures."""
    text, statuses, waits = order.text(), Counter[int](), list[float]()
    begun = time.perf_counter()
    ready, asking = select.epoll(), dict[int, _Connection]()
    left = order.requests
    for _ in range(min(order.connections, left)):
        with suppress(OSError):
            door = socket.create_connection(("127.0.0.1", order.port))
            door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one = asking[door.fileno()] = _Connection(door)
            ready.register(door, select.EPOLLIN)
            one.ask(text)
            left -= 1
    while asking and (found := ready.poll(SILENT_S)):
        for number, _ in found:
            one = asking[number]
            try:
                if (head := one.answer()) is None:
                    continue
                statuses[int(head[9:12])] += 1
                waits.append(time.perf_counter() - one.begun)
                if left and b"connection: close" not in head:
                    one.ask(text)
                    left -= 1
                    continue
            except OSError:
                pass
            asking.pop(number).socket.close()
    elapsed = time.perf_counter() - begun
    for one in asking.values():
        one.socket.close()
    return _told(order, statuses, sorted(waits) or [0.0], elapsed)


def _told(
    order: Order, statuses: Counter[int], waits: list[float], elapsed: float
) -> dict[str, Any]:
    answered = statuses.total()
    return {
        "rate": answered / elapsed,
        "p50_ms": waits[len(waits) // 2] * 1e3,
        "p99_ms": waits[min(len(waits) - 1, len(waits) * 99 // 100)] * 1e3,
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "failed": order.requests - answered,
    }


if __name__ == "__main__":
    told = load(Order(**json.loads(sys.stdin.buffer.read())))
    sys.stdout.write(json.dumps(told).decode() + "\n")
