"""The API with chosen services in this process, and a client that speaks HTTP to it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.testclient import TestClient

from raymill.app.workflows import STARTING
from raymill.config import settings
from raymill.config.paths import home
from raymill.services.hosts.local import local_api
from raymill.services.service import Service
from raymill.state.owner import owner
from services.worker import work

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


@pytest.fixture
def idle(tmp_path: Any) -> None:
    """What is handed to an orchestrator stays where it is: this process says that it starts one."""
    home().mkdir(parents=True, exist_ok=True)
    (home() / STARTING).write_text(owner())


@pytest.fixture
def worker(tmp_path: Any) -> Iterator[None]:
    """Does what is submitted to algorunner, until the test is over."""
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,))
    thread.start()
    yield
    over.set()
    thread.join(60)
    assert not thread.is_alive()
