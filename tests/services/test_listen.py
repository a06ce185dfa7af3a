"""The socket of a host."""

import socket

import pytest

from raymill.errors import ConfigError
from raymill.services.hosts.listen import listen


def test_connections_send_at_once() -> None:
    with listen("127.0.0.1", 0) as door:
        client = socket.create_connection(door.getsockname())
        server, _ = door.accept()
        with client, server:
            assert server.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as door:
        port = door.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} of `127.0.0.1`") as raised:
            listen("127.0.0.1", port)
    assert raised.value.hint is not None
