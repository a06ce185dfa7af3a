"""The proxy of `deploy/nginx.conf` before a server with keys: what a client sees through it."""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.sync.client import ClientConnection, connect

from raymill import json
from raymill.bench.services.servers import Server, local
from raymill.services.hosts.serve import free_port

pytestmark = [pytest.mark.system, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
NAME = "api.example.org"
LIMIT_S = 60.0
RUNS, STREAM = "/api/workflows/runs", "/api/tickscrawler/stream"
AROUND = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{text}
}}
"""
FLOWS = """\
[raymill.workflows]
asks = services.flows:ASKS
"""


@dataclass
class Proxy:
    """A proxy that answers, and what it needs to be asked."""

    port: int
    trusted: ssl.SSLContext
    key: str

    @property
    def host(self) -> str:
        """How clients call it."""
        return f"{NAME}:{self.port}"

    def ask(self, method: str, path: str, **how: Any) -> httpx2.Response:
        """One request, with the key unless other headers say so."""
        headers = {"Host": self.host, "Authorization": f"Bearer {self.key}"}
        headers |= how.pop("headers", {})
        with httpx2.Client(verify=self.trusted, timeout=LIMIT_S) as client:
            return client.request(
                method, f"https://127.0.0.1:{self.port}{path}", headers=headers,
                extensions={"sni_hostname": NAME}, **how,
            )  # fmt: skip

    def events(self, path: str) -> "Lines":
        """The events behind a path, as they come."""
        return Lines(self, path)

    def websocket(self, path: str) -> ClientConnection:
        """A websocket."""
        return connect(
            f"wss://{self.host}{path}",
            sock=socket.create_connection(("127.0.0.1", self.port), LIMIT_S),
            ssl=self.trusted,
            additional_headers={"X-API-Key": self.key},
            open_timeout=LIMIT_S,
            proxy=None,
        )


class Lines:
    """Events that are read one by one from a connection of their own."""

    def __init__(self, proxy: Proxy, path: str) -> None:
        plain = socket.create_connection(("127.0.0.1", proxy.port), LIMIT_S)
        self._socket = proxy.trusted.wrap_socket(plain, server_hostname=NAME)
        head = f"GET {path} HTTP/1.1\r\nHost: {proxy.host}\r\nX-API-Key: {proxy.key}\r\n\r\n"
        self._socket.sendall(head.encode())
        self._file = self._socket.makefile("rb")

    def next(self) -> Any:
        """The data of the next event."""
        for line in self._file:
            if line.startswith(b"data: "):
                return json.loads(line[6:])
        return None

    def close(self) -> None:
        """Leave."""
        self._file.close()
        self._socket.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proxy")


@pytest.fixture(scope="module")
def server(folder: Path) -> Server:
    """A server that needs keys, has a public name, and a workflow that asks something."""
    about = folder / "package" / "flows-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: flows\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(FLOWS)
    made = local(folder / "home")
    paths = (str(folder / "package"), str(ROOT / "tests"), made.env.get("PYTHONPATH", ""))
    made.env = {
        **made.env,
        "PYTHONPATH": os.pathsep.join(paths),
        "RAYMILL_SERVE_AUTH": "on",
        "RAYMILL_SERVE_ALLOWED_HOSTS": NAME,
        "RAYMILL_MARKET_LIVE_FLUSH_S": "0.1",
        "RAYMILL_MARKET_LIVE_STATUS_S": "0.1",
    }
    return made


@pytest.fixture(scope="module")
def files(folder: Path) -> tuple[Path, Path]:
    """A private key, and a certificate that it signed itself."""
    key, chain = folder / "key.pem", folder / "chain.pem"
    made_with = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    where = ["-nodes", "-keyout", str(key), "-out", str(chain), "-days", "1"]
    names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    subprocess.run([*made_with, *where, *names], check=True, capture_output=True)
    return key, chain


@pytest.fixture(scope="module")
def program(need: Callable[[object, str], None]) -> str:
    """nginx."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    need(found, "nginx (apt install nginx)")
    return str(found)


@pytest.fixture(scope="module")
def proxy(folder: Path, server: Server, files: tuple[Path, Path], program: str) -> Iterator[Proxy]:
    """The example before the server, until the tests are over."""
    secret = _created(server, "proxied", "write")
    trusted = ssl.create_default_context(cafile=files[1])
    with server, _running(program, folder, server.port, files) as port:
        yield Proxy(port, trusted, secret)


@contextmanager
def _running(program: str, folder: Path, behind: int, files: tuple[Path, Path]) -> Iterator[int]:
    """nginx with the example on a free port, before another port."""
    port, conf = free_port(), folder / "nginx.conf"
    conf.write_text(AROUND.format(folder=folder, text=_example(port, behind, *files)))
    process = subprocess.Popen([program, "-e", "stderr", "-c", str(conf)])
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def _example(port: int, behind: int, key: Path, chain: Path) -> str:
    """The example, with the ports and files of a test in the place of its own."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for old, new in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{behind};"),
        ("/etc/ssl/raymill/fullchain.pem", str(chain)),
        ("/etc/ssl/raymill/privkey.pem", str(key)),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def _created(server: Server, name: str, scope: str) -> str:
    command = [*server.command[:3], "keys", "create", name, "--scope", scope]
    done = subprocess.run(command, env=dict(server.env), capture_output=True, check=True, text=True)
    return done.stdout.strip()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + LIMIT_S
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("nginx does not listen")


def test_a_key_opens_it_and_without_one_it_is_shut(proxy: Proxy) -> None:
    answer = proxy.ask("GET", "/api/screener/status")
    assert (answer.status_code, answer.json()["data"]["service"]) == (200, "screener")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    refused = proxy.ask("GET", "/api/screener/status", headers={"Authorization": "Bearer rmk_no"})
    assert (refused.status_code, refused.headers["content-type"]) == (
        401,
        "application/problem+json",
    )
    other = proxy.ask("GET", "/health", headers={"Host": "elsewhere.example"})
    assert other.status_code == 421


def test_a_request_bears_the_id_that_its_client_chose_or_one_of_the_proxy(proxy: Proxy) -> None:
    chosen = proxy.ask("GET", "/health", headers={"X-Request-ID": "mine-1"})
    assert chosen.headers["x-request-id"] == "mine-1"
    assert len(proxy.ask("GET", "/health").headers["x-request-id"]) == 32


def test_the_events_of_a_run_come_while_it_goes_on(proxy: Proxy) -> None:
    started = proxy.ask("POST", RUNS, json={"workflow": "asks"})
    assert started.status_code == 202, started.text
    run = started.json()["result"]["id"]
    events = proxy.events(f"{RUNS}/{run}/events")
    try:
        while (now := events.next())["asks"] != ["confirm"]:
            assert now["status"] in ("submitted", "running")
        answer = {"step": "confirm", "value": "yes"}
        assert proxy.ask("POST", f"{RUNS}/{run}/answer", json=answer).status_code == 202
        seen = [now["status"]]
        while (now := events.next()) is not None and now["status"] != "completed":
            seen.append(now["status"])
        assert set(seen) == {"running"}
        assert now["status"] == "completed"
    finally:
        events.close()


def test_the_records_of_a_stream_come_over_the_address_that_it_names(proxy: Proxy) -> None:
    asked = {"source": "simulated", "stream_type": "trades", "symbols": ["SIM1/USD"]}
    asked |= {"start_date": "2024-01-01", "speed": 60.0}  # type: ignore[dict-item]
    forged = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "elsewhere.example"}
    made = proxy.ask("POST", STREAM, json=asked, headers=forged)
    assert made.status_code == 201, made.text
    stream, address = made.json()["result"]["stream_id"], made.json()["result"]["websocket_url"]
    assert address == f"wss://{proxy.host}/api/tickscrawler/streams/{stream}/ws"
    try:
        with proxy.websocket(address.removeprefix(f"wss://{proxy.host}")) as socket_:
            while (got := json.loads(socket_.recv(LIMIT_S)))["type"] != "record":
                assert got["stream_id"] == stream
            assert got["symbol"] == "SIM1/USD"
    finally:
        assert proxy.ask("DELETE", f"{STREAM}/{stream}?wait=60").status_code == 200


@pytest.mark.parametrize(("size", "status"), [(1_048_577, 413), (1_000_000, 422)])
def test_a_body_is_as_large_as_the_api_takes_it(proxy: Proxy, size: int, status: int) -> None:
    body = b'"' + b"a" * (size - 2) + b'"'
    headers = {"Content-Type": "application/json"}
    answer = proxy.ask("POST", "/api/screener/screen", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_a_server_that_is_away_is_a_problem_that_says_when_to_come_back(
    tmp_path: Path, program: str, files: tuple[Path, Path]
) -> None:
    trusted = ssl.create_default_context(cafile=files[1])
    with _running(program, tmp_path, free_port(), files) as port:
        answer = Proxy(port, trusted, "rmk_none").ask("GET", "/health")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Not available now"
