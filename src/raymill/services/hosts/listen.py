"""The socket that a host listens on."""

import socket

from raymill.errors import ConfigError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises ConfigError where the address is taken or not ours."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"Port {port} of `{host}` cannot be listened on: {error.strerror}",
            hint="take another one: raymill serve --port 8001",
        ) from error
    # Connections inherit it. asyncio sets it itself only on sockets that were made with the number
    # of the protocol; without it each answer waits 40 ms for the client's acknowledgement.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
