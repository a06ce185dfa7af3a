"""What the pool, its workers and the process that knows Ray say to one another: frames of plain
values over a socket."""

import io
import pickle
import socket
import struct
from collections.abc import Iterator
from typing import Any, TypeAlias

Message: TypeAlias = tuple[Any, ...]

HEAD = struct.Struct("<I")
CHUNK = 256 * 1024
CORKED = getattr(socket, "MSG_MORE", 0)
"""Hands bytes to the kernel, which sends them with the next ones, after 0.2 s, or when the process
ends, however it ends: what was said last is heard, and nobody is woken for each word."""


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Nothing is loaded or called: values are numbers, texts, bytes, lists and the like."""
        raise pickle.UnpicklingError(f"`{module}.{name}` is no plain value")


def packed(message: Message) -> bytes:
    """A message as a frame."""
    body = pickle.dumps(message, protocol=5)
    return HEAD.pack(len(body)) + body


class Frames:
    """Cuts what arrived into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole now. Raises ValueError where one cannot be read."""
        rest = self._rest
        rest += data
        at = 0
        try:
            while len(rest) - at >= HEAD.size:
                end = at + HEAD.size + HEAD.unpack_from(rest, at)[0]
                if end > len(rest):
                    break
                body = bytes(rest[at + HEAD.size : end])
                at = end
                yield _unpacked(body)
        finally:
            del rest[:at]


def _unpacked(body: bytes) -> Message:
    try:
        message = _Plain(io.BytesIO(body)).load()
    except Exception as error:  # whatever the bytes make of it
        raise ValueError(f"a message cannot be read: {error}") from None
    if not isinstance(message, tuple) or not message:
        raise ValueError(f"a message cannot be read: it is of type {type(message).__name__}")
    return message


def settle(end: socket.socket) -> None:
    """Small frames go out at once."""
    if end.family != socket.AF_UNIX:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Line:
    """One end of a line that never waits: what cannot go out yet is kept until it can."""

    def __init__(self, end: socket.socket) -> None:
        settle(end)
        end.setblocking(False)
        self.end = end
        self.is_over = False
        """Whether the other end is gone, or spoke nonsense."""
        self._frames = Frames()
        self._out = bytearray()

    @property
    def is_behind(self) -> bool:
        """Whether something waits to go out."""
        return bool(self._out) and not self.is_over

    def send(self, *message: Any) -> None:
        """Say something; a line that is over swallows it."""
        frame = packed(message)
        if self._out:
            self._out += frame
        else:
            sent = self._push(frame)
            if sent < len(frame):
                self._out += memoryview(frame)[sent:]

    def flush(self) -> None:
        """Send what waits, as far as it goes."""
        while self._out and (sent := self._push(memoryview(self._out)[:CHUNK])):
            del self._out[:sent]

    def _push(self, data: bytes | memoryview) -> int:
        try:
            return self.end.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._out.clear()
            return len(data)  # whoever reads learns that it is over

    def receive(self) -> Iterator[Message]:
        """All that has arrived."""
        while not self.is_over:
            try:
                data = self.end.recv(CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.is_over = True
                return
            try:
                yield from self._frames.feed(data)
            except ValueError:
                self.is_over = True

    def hang_up(self) -> None:
        """Say that nothing more will come; what the other end still says is heard."""
        try:
            self.end.shutdown(socket.SHUT_WR)
        except OSError:
            self._out.clear()

    def close(self) -> None:
        """Let go of the socket."""
        self.is_over = True
        self.end.close()
