"""Where the workers of a pool call in."""

import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

TOKEN = 32  # bytes that a worker proves with that it is ours
GUEST_S = 10.0  # for whoever connects to say who it is

LetIn = Callable[[bytes, socket.socket], bool]


class Door:
    """Listens for workers.

    let_in: takes whoever said its token, or does not know it.
    """

    def __init__(self, selector: selectors.BaseSelector, let_in: LetIn) -> None:
        self._selector, self._let_in = selector, let_in
        self._listener: socket.socket | None = None
        self._guests: dict[socket.socket, float] = {}
        self.port = 0

    def open(self, host: str) -> None:
        """Listen at an address of this machine."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.create_server((host, 0), family=family)
        except OSError:  # known to others under this address, and not to itself
            listener = socket.create_server(("", 0), family=family)
        self._listener = listener
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        self._selector.register(listener, selectors.EVENT_READ, partial(self._accept, listener))

    def close(self) -> None:
        """Let nobody in any more."""
        for guest in [*self._guests]:
            self._send_away(guest)
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def look(self, now: float) -> None:
        """Send away who says nothing."""
        for guest in [guest for guest, ends in self._guests.items() if now >= ends]:
            self._send_away(guest)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            guest, _ = listener.accept()
            guest.setblocking(False)
            self._guests[guest] = time.monotonic() + GUEST_S
            self._selector.register(guest, selectors.EVENT_READ, partial(self._greet, guest))

    def _greet(self, guest: socket.socket) -> None:
        try:
            token = guest.recv(TOKEN)
        except OSError:
            token = b""
        del self._guests[guest]
        self._selector.unregister(guest)
        if not self._let_in(token, guest):
            guest.close()

    def _send_away(self, guest: socket.socket) -> None:
        del self._guests[guest]
        self._selector.unregister(guest)
        guest.close()
