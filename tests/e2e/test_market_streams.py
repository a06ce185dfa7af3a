"""Streams end to end: orchestrators that are killed and frozen; nothing lost, nothing twice."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from market.streams.machine import StreamMachine, stream_machine, until
from market.streams.venue import Venue

pytestmark = pytest.mark.system


@pytest.fixture
def venue() -> Iterator[Venue]:
    with Venue() as made:
        yield made


@pytest.fixture
def machine(
    tmp_path: Path,
    venue: Venue,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[StreamMachine]:
    with stream_machine(tmp_path, venue, monkeypatch, capsys) as made:
        yield made


def is_whole(machine: StreamMachine, venue: Venue, symbol: str) -> bool:
    """Whether each trade is stored once, from the first that was heard on."""
    ids = machine.ids(symbol)
    return bool(ids) and ids == list(range(ids[0], len(venue.trades[symbol]) + 1))


def test_killed_again_and_again_it_goes_on_where_it_had_stored(
    machine: StreamMachine, venue: Venue
) -> None:
    done = machine("market", "stream", "binance", "BTC/USDT,ETHUSDT", "--detach")
    assert done.code == 0, done.err
    run = done.out.strip()
    acknowledged = 0
    for _ in range(2):
        until(lambda: venue.listening, "a client")
        for symbol in ("BTCUSDT", "ETHUSDT"):
            venue.trade(symbol, 5)
            venue.trade(symbol, 2, sent=False)
            venue.trade(symbol, 3)
        until(lambda: machine.json("streams", "show", run)["rows_written"] > 0, "the first rows")
        shown = machine.json("streams", "show", run)
        assert shown["rows_written"] >= acknowledged
        acknowledged = shown["rows_written"]
        machine.kill()
        assert len(machine.ids("BTCUSDT")) + len(machine.ids("ETHUSDT")) >= acknowledged
        until(lambda: not venue.listening, "the end of the connection")
        venue.trade("BTCUSDT", 4)
        machine.start("orchestrator")
    until(lambda: venue.listening, "a client")
    venue.trade("BTCUSDT", 1)
    venue.trade("ETHUSDT", 1)
    until(lambda: all(is_whole(machine, venue, s) for s in ("BTCUSDT", "ETHUSDT")), "all trades")
    (ended,) = machine.json("streams", "stop", run)
    rows = len(machine.ids("BTCUSDT")) + len(machine.ids("ETHUSDT"))
    assert (ended["status"], ended["rows_written"], ended["gaps_open"]) == ("stopped", rows, 0)
    assert ended["gaps_filled"] == ended["gaps_found"] > 0
    assert ended["messages_received"] < rows
    again = machine.json("streams", "stop", run)
    assert [again[0][name] for name in ("status", "rows_written")] == ["stopped", rows]


def test_an_owner_that_freezes_is_replaced_and_stores_nothing_when_it_thaws(
    machine: StreamMachine, venue: Venue
) -> None:
    run = machine("market", "stream", "binance", "BTC/USDT", "--detach").out.strip()
    until(lambda: venue.listening, "a client")
    venue.trade("BTCUSDT", 5)
    until(lambda: len(machine.ids("BTCUSDT")) == 5, "five trades")
    machine.start("orchestrator")
    frozen = machine.freeze()
    venue.trade("BTCUSDT", 5)  # which wait in the socket of the one that is frozen
    until(lambda: machine.is_led_by_another(frozen), "another orchestrator")
    until(lambda: venue.listening == 2, "its connection")
    venue.trade("BTCUSDT", 5)
    os.kill(frozen, signal.SIGCONT)
    until(lambda: venue.listening == 1, "the end of the first connection")
    venue.trade("BTCUSDT", 5)
    until(lambda: is_whole(machine, venue, "BTCUSDT"), "all trades")
    (ended,) = machine.json("streams", "stop", run)
    assert (ended["rows_written"], ended["status"]) == (20, "stopped")
    assert machine.ids("BTCUSDT") == list(range(1, 21))
