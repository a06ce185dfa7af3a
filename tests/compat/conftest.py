"""What the tests of the older names share."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from filings.edgar_server import IDENTITY
from filings.filer import Filer, sec
from raymill import config, json
from raymill.app.orchestrate import Service
from raymill.config.ray import RaySettings
from raymill.config.section import extra
from raymill.testing.replay import ReplayServer


@pytest.fixture(autouse=True)
def no_variables_of_ray(clean_ground: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the developer's `RAY_*` variables."""
    for name, field in RaySettings.model_fields.items():
        for alias in extra(field, "aliases") if name != "auth_mode" else ():
            monkeypatch.delenv(alias, raising=False)
    config.reset()


@dataclass
class Machine:
    """A folder with files of tickers, and a server in the place of the SEC's."""

    folder: Path
    server: ReplayServer
    filers: dict[str, Filer]

    def drop(self, ticker: str, folder: str = ".") -> str:
        """Lay a file of a ticker down. Gives its name."""
        path = self.folder / folder / f"{ticker.lower()}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"ticker": ticker}).decode())
        return path.name


TICKERS = ("AAPL", "MSFT", "GOOGL")


@pytest.fixture
def idle_machine(
    no_variables_of_ray: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    """A machine where nobody runs steps."""
    filers = {name: Filer(100 + at, name, f"{name} Inc.") for at, name in enumerate(TICKERS)}
    for filer in filers.values():
        filer.file(1)
    monkeypatch.chdir(tmp_path)
    with sec(*filers.values()) as server:
        monkeypatch.setenv("RAYMILL_FILINGS_IDENTITY", IDENTITY)
        monkeypatch.setenv("RAYMILL_FILINGS_WWW_URL", server.url)
        monkeypatch.setenv("RAYMILL_FILINGS_DATA_URL", server.url)
        monkeypatch.setenv("RAYMILL_FILINGS_RATE", "10")
        monkeypatch.setenv("RAYMILL_WORKFLOWS_IDLE_S", "1")
        config.reset()
        yield Machine(tmp_path, server, filers)


@pytest.fixture
def machine(idle_machine: Machine) -> Iterator[Machine]:
    """A machine whose steps are run by this process, in threads."""
    service = Service(workers=4, idle_s=None)
    thread = threading.Thread(target=service.run, name="service")
    thread.start()
    yield idle_machine
    service.stop()
    thread.join()
