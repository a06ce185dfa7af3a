"""HTTP/1.1 for clients that may be slow, or mean to be: each part of a request has its deadline."""

import asyncio
from asyncio import TimerHandle
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from raymill.config.serve import ServeSettings

MOST_BYTES = 65_536  # of an address and headers together
MOST_HEADERS = 128
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class Punctual(HttpToolsProtocol):
    """Closes a connection whose headers are not whole in time, or that does not take its answer.

    The body has its deadline in the guard. Fields behind a body are not taken for headers.
    """

    read_s: ClassVar[float] = 10.0
    write_s: ClassVar[float] = 60.0
    _late: TimerHandle | None = None
    _stuck: TimerHandle | None = None
    _is_head = True
    _bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected: its first request has to come now."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._disarm()
        self._free()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something came."""
        super().data_received(data)
        is_idle = self.cycle is None or self.cycle.response_complete
        is_http = self.transport.get_protocol() is self  # and no websocket by now
        if is_idle and is_http and not self.transport.is_closing():
            self._arm()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._is_head, self._bytes = True, 0
        self._arm()

    def on_url(self, url: bytes) -> None:
        """A part of its address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a field behind the body."""
        self._count(len(name) + len(value))
        if self._is_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """All headers are here."""
        self._is_head = False
        self._disarm()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The answer is sent; the time until the next request is that of idle connections."""
        super().on_response_complete()
        if not self._is_head:
            self._disarm()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request."""
        if self._is_large():
            self.transport.write(TOO_LARGE)
            self.transport.close()
        else:
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        """The client takes no more for now."""
        super().pause_writing()
        self._stuck = self._stuck or self.loop.call_later(self.write_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The client takes more."""
        self._free()
        super().resume_writing()

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._is_large():
            raise ValueError("The headers are too large")

    def _is_large(self) -> bool:
        return self._bytes > MOST_BYTES or len(self.headers or ()) > MOST_HEADERS

    def _arm(self) -> None:
        self._late = self._late or self.loop.call_later(self.read_s, self.transport.close)

    def _disarm(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _free(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None


def punctual(settings: ServeSettings) -> type[Any]:
    """The protocol with the deadlines that are set."""
    return type("Punctual", (Punctual,), {"read_s": settings.read_s, "write_s": settings.write_s})
