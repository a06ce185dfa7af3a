"""The API with chosen services in this process, and a client that speaks HTTP to it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.testclient import TestClient

from raymill.config import settings
from raymill.services.hosts.local import local_api
from raymill.services.service import Service

HOST = "testserver"  # as the client calls what it asks
Served = Callable[..., TestClient]


@pytest.fixture
def served(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Gives a function that serves some services in an empty home; settings by keyword."""
    monkeypatch.setenv("RAYMILL_HOME", str(tmp_path / "home"))

    with ExitStack() as stack:

        def serve(*kinds: type[Service], **given: Any) -> TestClient:
            chosen = settings().serve.model_copy(update={"allowed_hosts": HOST, **given})
            app, _ = local_api(chosen, {kind.name: kind for kind in kinds})
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield serve
