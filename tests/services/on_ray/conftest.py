"""The tests of the API again, with Ray Serve in the place of this process."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from raymill import json
from raymill.config import process
from raymill.config.serve import ServeSettings
from raymill.services.service import Service

LIMIT_S = 120
Served = Callable[..., "Client"]


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
        with connect(url, additional_headers=dict(headers or {}), open_timeout=LIMIT_S) as socket:
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
            code = closed.rcvd.code if closed.rcvd else 1006
            return {"type": "websocket.disconnect", "code": code}


class Host:
    """Ray Serve on the cluster of the test run; what it serves changes from test to test."""

    def __init__(self, home: Path) -> None:
        from raymill.services.hosts import serve

        self._host = serve
        self._port = serve.free_port()
        self._given = {"RAYMILL_HOME": str(home)}

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
        address = f"http://127.0.0.1:{self._port}"
        self._host.deploy(graph, address, LIMIT_S)
        return address


@pytest.fixture(scope="package")
def host(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Ray Serve, for the tests of this folder."""
    with Host(tmp_path_factory.mktemp("on_ray")) as found:
        yield found


@pytest.fixture(
    scope="package", params=["one", "apart", pytest.param("two", marks=pytest.mark.slow)]
)
def form(request: pytest.FixtureRequest) -> str:
    """One replica with all services inside, two of them, or services that have their own."""
    return str(request.param)


@pytest.fixture
def served(
    host: Host, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """Gives a function that serves some services in an empty home; settings by keyword."""
    monkeypatch.setenv("RAYMILL_HOME", str(tmp_path / "home"))
    with ExitStack() as stack:

        def serve(*kinds: type[Service], **given: Any) -> Client:
            chosen = {ServeSettings.variable(name): str(value) for name, value in given.items()}
            found = {kind.name: kind for kind in kinds}
            scaled = tuple(found) if form == "apart" else ()
            workers = 2 if form == "two" else 1
            address = host.serve(found, workers, process.given_on() | chosen, scaled)
            return stack.enter_context(Client(address))

        yield serve
