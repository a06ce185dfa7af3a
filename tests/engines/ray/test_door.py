"""Only workers that were started are let in."""

import selectors
import socket
import time
from collections.abc import Iterator

import pytest

from raymill.engines.ray.door import GUEST_S, TOKEN, Door

OURS = b"t" * TOKEN


class House:
    """A door, and who was let in."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.inside: list[socket.socket] = []
        self.door = Door(self.selector, self._let_in)
        self.door.open("127.0.0.1")

    def _let_in(self, token: bytes, guest: socket.socket) -> bool:
        if token == OURS:
            self.inside.append(guest)
        return token == OURS

    def hear(self) -> None:
        for key, _ in self.selector.select(5):
            key.data()

    def close(self) -> None:
        self.door.close()
        self.selector.close()
        for guest in self.inside:
            guest.close()


@pytest.fixture
def house() -> Iterator[House]:
    one = House()
    yield one
    one.close()


@pytest.mark.parametrize(
    ("said", "is_let_in"),
    [(OURS, True), (b"x" * TOKEN, False), (b"GET / HTTP/1.1\r\n", False), (b"", False)],
)
def test_whoever_has_no_token_is_sent_away(house: House, said: bytes, is_let_in: bool) -> None:
    with socket.create_connection(("127.0.0.1", house.door.port), 5) as guest:
        house.hear()
        guest.sendall(said)
        if not said:
            guest.shutdown(socket.SHUT_WR)
        house.hear()
        assert len(house.inside) == is_let_in
        if not is_let_in:
            assert guest.recv(1) == b""


def test_an_address_that_this_machine_does_not_know_as_its_own_is_no_obstacle() -> None:
    selector = selectors.DefaultSelector()
    door = Door(selector, lambda token, guest: False)
    door.open("192.0.2.99")
    with socket.create_connection(("127.0.0.1", door.port), 5):
        assert selector.select(5)
    door.close()
    selector.close()


def test_whoever_says_nothing_is_sent_away_after_a_while(house: House) -> None:
    with socket.create_connection(("127.0.0.1", house.door.port), 5) as guest:
        house.hear()
        house.door.look(0.0)
        guest.settimeout(0.01)
        with pytest.raises(TimeoutError):
            guest.recv(1)
        house.door.look(time.monotonic() + GUEST_S)
        guest.settimeout(5)
        assert guest.recv(1) == b""
