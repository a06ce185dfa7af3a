"""A machine with `raymill`, orchestrators as processes, and a venue in the place of Binance."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from filings.machine import Done, Machine, until
from market.streams.venue import Venue
from raymill import config, json
from raymill.app.market.rooms import open_rooms
from raymill.cli import main
from raymill.state.owner import alive

__all__ = ["StreamMachine", "stream_machine", "until"]


class StreamMachine(Machine):
    """Runs `raymill` in this process."""

    def __call__(self, *arguments: str) -> Done:
        self._capsys.readouterr()
        code = main([*arguments])
        return Done(code, *self._capsys.readouterr())

    def json(self, *arguments: str) -> Any:
        """What a command writes as JSON."""
        done = self(*arguments, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    def freeze(self) -> int:
        """Stop the process that runs the workflows, as a machine that is too busy does."""
        pid = self.orchestrator()
        os.kill(pid, signal.SIGSTOP)
        return pid

    def is_led_by_another(self, pid: int) -> bool:
        """Whether an orchestrator other than this one holds the lease."""
        with self.store() as store:
            held = store.holder(time.time(), alive)
        return held is not None and int(held.owner.split("/")[2]) != pid

    def ids(self, symbol: str) -> list[int]:
        """The trades of a symbol that are stored, sorted."""
        rooms = open_rooms()
        one = rooms.named("binance", symbol).instrument_id
        rows = rooms.store.read("trade", [one], 0, 1 << 52, venue="binance", columns=["trade_id"])
        return sorted(rows["trade_id"].to_pylist())


@contextmanager
def stream_machine(
    folder: Path, venue: Venue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[StreamMachine]:
    """A machine whose settings name the venue, and that does everything often."""
    usual = {
        "HOME": str(folder / "home"),
        "MARKET_BINANCE_URL": venue.rest.url,
        "MARKET_LIVE_BINANCE_URL": venue.url,
        "MARKET_LIVE_FLUSH_S": "0.2",
        "MARKET_LIVE_STATUS_S": "0.1",
        "WORKFLOWS_LEASE_S": "1",
        "WORKFLOWS_IDLE_S": "30",
        "WORKFLOWS_WORKERS": "2",
    }
    for name, value in usual.items():
        monkeypatch.setenv(f"RAYMILL_{name}", value)
    monkeypatch.chdir(folder)
    config.reset()
    machine = StreamMachine(folder, venue.rest, capsys)
    try:
        yield machine
    finally:
        machine.close()
