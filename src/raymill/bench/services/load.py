"""Asks a server over and over on many connections; answers with a JSON line.

Run as a process of its own: `python -m raymill.bench.services.load`, the order on standard input.
"""

import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from raymill import json

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


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


class _Asking(asyncio.Protocol):
    """One connection: asks again as soon as it has an answer."""

    def __init__(self, work: "_Work") -> None:
        self._work = work
        self._got = b""
        self._begun = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        if self._work.left <= 0:
            self._transport.close()
            return
        self._work.left -= 1
        self._begun = time.perf_counter()
        self._transport.write(self._work.text)

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(HEAD_END)
        if end < 0:
            return
        head = self._got[:end].lower()
        at = head.find(LENGTH)
        length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0])
        if len(self._got) < end + len(HEAD_END) + length:
            return
        self._work.note(int(self._got[9:12]), time.perf_counter() - self._begun)
        self._got = b""
        if b"connection: close" in head:
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        self._work.is_lost()


class _Work:
    def __init__(self, order: Order) -> None:
        self.left = order.requests
        self.text = order.text()
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.open = order.connections
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def note(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.seconds.append(seconds)

    def is_lost(self) -> None:
        self.open -= 1
        if self.open == 0 and not self.over.done():
            self.over.set_result(None)


async def load(order: Order) -> dict[str, Any]:
    """Carry an order out; gives requests a second, waits in ms, answers by status, failures."""
    work = _Work(order)
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()

    async def connect() -> None:
        try:
            await loop.create_connection(lambda: _Asking(work), "127.0.0.1", order.port)
        except OSError:
            work.is_lost()

    await asyncio.gather(*(connect() for _ in range(order.connections)))
    await work.over
    elapsed = time.perf_counter() - begun
    waits = sorted(work.seconds) or [0.0]
    return {
        "rate": len(work.seconds) / elapsed,
        "p50_ms": waits[len(waits) // 2] * 1e3,
        "p99_ms": waits[min(len(waits) - 1, len(waits) * 99 // 100)] * 1e3,
        "statuses": {str(status): count for status, count in sorted(work.statuses.items())},
        "failed": order.requests - len(work.seconds),
    }


if __name__ == "__main__":
    told = asyncio.run(load(Order(**json.loads(sys.stdin.buffer.read()))))
    sys.stdout.write(json.dumps(told).decode() + "\n")
