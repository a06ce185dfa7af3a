"""The socket that a host listens on."""

import socket

from raymill.errors import ConfigError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises ConfigError where the address is taken or not ours."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"Port {port} of `{host}` cannot be listened on: {error.strerror}",
            hint="take another one: raymill serve --port 8001",
        ) from error
