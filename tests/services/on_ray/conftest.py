"""The tests of the API again, with Ray Serve in the place of this process."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import WebSocketDenialResponse
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from raymill import json
from raymill.config import process
from raymill.config.serve import ServeSettings
from raymill.services.hosts.shape import APPLICATION, ROUTER, deployment_name
from raymill.services.service import Service, kinds
from services.echo import Echo

LIMIT_S = 120
HERE = Path(__file__).parent
Served = Callable[..., "Client"]
FORMS: dict[str, tuple[int, tuple[str, ...]]] = {
    "some": (1, ("echo", "screener")),
    "one": (1, ()),
    "two": (2, ()),
    "apart": (1, ("all",)),
}
"""Replicas of the router, and services that have their own."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Of a test that runs with many values the first one runs always, the others with `--slow`; so
    do those that their module calls SLOW."""
    seen = set[tuple[Path, str]]()
    for item in items:
        if item.path.is_relative_to(HERE):
            test = (item.path, getattr(item, "originalname", item.name))
            if test in seen or test[1] in getattr(item.module, "SLOW", ()):
                item.add_marker(pytest.mark.slow)
            seen.add(test)


class Client(httpx2.Client):
    """A client that speaks HTTP and websockets, with the calls of the one for a process."""

    def __init__(self, address: str) -> None:
        super().__init__(base_url=address, timeout=LIMIT_S)
        self.address = address

    @contextmanager
    def websocket_connect(
        self, path: str, headers: Mapping[str, str] | None = None
    ) -> Iterator["Socket"]:
        """Open a websocket."""
        url = f"ws{self.address.removeprefix('http')}{path}"
        try:
            opened = connect(url, additional_headers=dict(headers or {}), open_timeout=LIMIT_S)
        except InvalidStatus as refused:
            raise WebSocketDenialResponse(refused.response.status_code) from refused
        with opened as socket:
            yield Socket(socket)


class Socket:
    """A websocket, with the calls of the one of a client for a process."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def receive_json(self) -> Any:
        """The next value."""
        return json.loads(self._socket.recv(LIMIT_S))

    def receive(self) -> dict[str, Any]:
        """The next message, or how the socket was closed."""
        try:
            return {"type": "websocket.send", "text": self._socket.recv(LIMIT_S)}
        except ConnectionClosed as closed:
            code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
            return {"type": "websocket.disconnect", "code": code, "reason": reason}


class Host:
    """Ray Serve on the cluster of the test run; what it serves changes from test to test."""

    def __init__(self, home: Path) -> None:
        from raymill.services.hosts import serve

        self._host = serve
        self._port = serve.free_port()
        self._given = {"RAYMILL_HOME": str(home)}
        self._shape: object = None
        self._handles = dict[str, Any]()

    def __enter__(self) -> "Host":
        self._host.open_door("127.0.0.1", self._port)
        return self

    def __exit__(self, *_: object) -> None:
        self._host.import_serve().shutdown()

    def serve(
        self,
        kinds: Mapping[str, type[Service]],
        workers: int,
        given: Mapping[str, str],
        scaled: tuple[str, ...] = (),
        *,
        is_new: bool = False,
    ) -> str:
        """Serve these with settings of a test, by other replicas if `is_new`; gives the address."""
        if is_new:
            self._given["RAYMILL_LOG_LEVEL"] = "error"
        graph = self._host.application(kinds, self._given, workers, scaled, given)
        self._host.deploy(graph, self.address, LIMIT_S)
        self._shape = (set(kinds), workers, scaled)
        return self.address

    @property
    def address(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self._port}"

    def change(
        self,
        kinds: Mapping[str, type[Service]],
        workers: int,
        given: Mapping[str, str],
        scaled: tuple[str, ...],
    ) -> str:
        """The same, where replicas that are there are told what is new without a deployment.

        It takes a tenth of the time, and one that dies is replaced by one that was not told.
        """
        if workers > 1 or self._shape != (set(kinds), workers, scaled):
            return self.serve(kinds, workers, given, scaled)
        serve, config = self._host.import_serve(), {"settings": dict(given)}
        for name in (ROUTER, *map(deployment_name, scaled)):
            if name not in self._handles:
                self._handles[name] = serve.get_deployment_handle(name, APPLICATION)
                self._handles[name]._init(_run_router_in_separate_loop=True)
            self._handles[name].reconfigure.remote(config).result(timeout_s=LIMIT_S)
        return self.address


@pytest.fixture(scope="package")
def host(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Ray Serve, for the tests of this folder."""
    with Host(tmp_path_factory.mktemp("on_ray")) as found:
        yield found


@pytest.fixture(scope="package", params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    """How the services are spread over replicas."""
    return str(request.param)


@pytest.fixture
def served(
    host: Host, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """Gives a function that serves some services in an empty home; settings by keyword."""
    monkeypatch.setenv("RAYMILL_HOME", str(tmp_path / "home"))
    with ExitStack() as stack:

        def serve(*asked: type[Service], **given: Any) -> Client:
            given = {"glance_s": 0, **given}  # nothing that was counted when it was deployed
            chosen = {ServeSettings.variable(name): str(value) for name, value in given.items()}
            found = {**kinds(), Echo.name: Echo}  # all of them, so that nothing is started anew
            assert {kind.name for kind in asked} <= set(found)
            workers, scaled = FORMS[form]
            scaled = tuple(found) if scaled == ("all",) else scaled
            address = host.change(found, workers, process.given_on() | chosen, scaled)
            return stack.enter_context(Client(address))

        yield serve
