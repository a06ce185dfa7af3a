"""Ports that another process will listen on."""

from pathlib import Path

import pytest

from raymill.errors import ConfigError
from raymill.services.hosts.listen import listen
from raymill.services.hosts.serve import free_port

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.mark.skipif(not EPHEMERAL.exists(), reason="the range is told by Linux alone")
def test_a_free_port_is_none_that_the_system_gives_to_connections() -> None:
    first, last = map(int, EPHEMERAL.read_text().split())
    for _ in range(20):
        assert not first <= free_port() <= last


def test_the_port_that_was_asked_for_is_taken_or_refused() -> None:
    with listen("127.0.0.1", 0) as door:
        taken = door.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {taken} of `127.0.0.1`"):
            free_port(port=taken)
    assert free_port(port=taken) == taken
