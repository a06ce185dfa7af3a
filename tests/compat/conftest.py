"""What the tests of the older names share."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from filings.edgar_server import IDENTITY
from filings.filer import Filer, sec
from filings.machine import until
from raymill import config, json
from raymill.app.filings.rooms import open_room
from raymill.app.orchestrate import Service
from raymill.config.ray import RaySettings
from raymill.config.section import extra
from raymill.filings.flow import declare
from raymill.flow.places import workflow_at
from raymill.state.owner import alive
from raymill.state.sqlite import SqliteStore
from raymill.testing.replay import Asked, ReplayServer

TICKERS = ("AAPL", "MSFT", "GOOGL")
CONFIG = {
    "state_dir": "processing",
    "processing_dir": "processing",
    "sec_filings_dir": "sec-edgar-filings",
    "output_dir": "output",
}


@pytest.fixture(autouse=True)
def no_variables_of_ray(clean_ground: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the developer's `RAY_*` variables."""
    for name, field_ in RaySettings.model_fields.items():
        for alias in extra(field_, "aliases") if name != "auth_mode" else ():
            monkeypatch.delenv(alias, raising=False)
    config.reset()


@dataclass
class Gate:
    """Holds documents back until it is opened."""

    waiting: list[str] = field(default_factory=list)
    opened: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.opened.set()

    def __call__(self, asked: Asked) -> None:
        """Let a request pass, when the gate is open."""
        if asked.path.startswith("/Archives/") and not self.opened.is_set():
            self.waiting.append(asked.path)
            assert self.opened.wait(60), "nobody opened the gate"

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Nothing passes."""
        self.opened.clear()
        try:
            yield
        finally:
            self.opened.set()

    def holds(self, count: int) -> bool:
        """Wait until so many documents are asked for at the same time."""
        return bool(until(lambda: len(self.waiting) >= count, f"{count} requests at once"))


@dataclass
class Place:
    """A folder with files of tickers, and a server in the place of the SEC's."""

    folder: Path
    server: ReplayServer
    filers: dict[str, Filer]
    gate: Gate

    def drop(self, ticker: str, folder: str = ".") -> str:
        """Lay a file of a ticker down. Gives its name."""
        path = self.folder / folder / f"{ticker.lower()}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(json.dumps({"ticker": ticker}))
        return path.name

    def state(self, ticker: str, folder: str = "processing") -> dict[str, object]:
        """What the state file of a ticker says."""
        found: dict[str, object] = json.loads(
            (self.folder / folder / f"{ticker}_state.json").read_bytes()
        )
        return found


@pytest.fixture
def idle(
    no_variables_of_ray: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """A place where nobody runs steps."""
    filers = {name: Filer(100 + at, name, f"{name} Inc.") for at, name in enumerate(TICKERS)}
    for filer in filers.values():
        filer.file(1)
    gate = Gate()
    monkeypatch.chdir(tmp_path)
    with sec(*filers.values(), first=gate) as server:
        usual = {
            "FILINGS_IDENTITY": IDENTITY,
            "FILINGS_WWW_URL": server.url,
            "FILINGS_DATA_URL": server.url,
            "FILINGS_RATE": "10",
            "WORKFLOWS_IDLE_S": "1",
        }
        for name, value in usual.items():
            monkeypatch.setenv(f"RAYMILL_{name}", value)
        config.reset()
        yield Place(tmp_path, server, filers, gate)
        if (tmp_path / "home").is_dir():
            nobody_runs(tmp_path / "home")


def nobody_runs(home: Path) -> None:
    """Wait until the process that runs steps has left, if there was one."""
    store = SqliteStore(home)
    try:
        until(lambda: store.holder(time.time(), alive) is None, "the end of the orchestrator")
    finally:
        store.close()


@pytest.fixture
def place(idle: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A place whose steps are run by this process, on three threads and in no other process."""
    here = declare(open_room, extract_s=None)
    monkeypatch.setattr("raymill.app.filings.FILINGS", here)
    monkeypatch.setattr("raymill.app.filings.flows.FILINGS", here)
    workflow_at.cache_clear()
    service = Service(workers=3, idle_s=None)
    thread = threading.Thread(target=service.run, name="service")
    thread.start()
    yield idle
    service.stop()
    thread.join()
    workflow_at.cache_clear()
