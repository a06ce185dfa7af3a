"""`raymill market stream` and `raymill streams`: from a command to rows, and every wrong use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from market.streams.machine import StreamMachine, stream_machine, until
from market.streams.venue import Venue
from raymill import config

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


def test_a_simulated_stream_says_that_it_is_one_and_what_came_of_it(
    machine: StreamMachine,
) -> None:
    asked = ("SIM1/USD,SIM2/USD", "--start", "2024-01-01", "--speed", "600", "--for", "2.5")
    done = machine("market", "stream", "simulated", *asked)
    assert done.code == 0, done.err
    assert "simulated, live" in done.err
    assert "simulated, stopped" in done.err
    (stream,) = machine.json("streams", "ls")
    rows = stream["rows_written"]
    assert (stream["status"], stream["simulated"], stream["gaps_found"]) == ("stopped", True, 0)
    assert done.out.startswith(f"{stream['messages_received']:,} messages, {rows:,} rows written,")
    begin, end = ("--start", "2024-01-01"), ("--end", "2024-01-02")
    what = ("market", "history", "simulated", "SIM1/USD", "--kind", "trade")
    history = machine.json(*what, *begin, *end)
    assert history[0]["ts"] == "2024-01-01T00:00:00Z"
    assert 0 < len(history) < rows
    table = machine("streams", "ls").out.splitlines()
    assert table[1].split()[1:5] == ["simulated", "SIM1/USD", "SIM2/USD", "trades"]


def test_a_stream_is_listed_shown_joined_and_stopped(machine: StreamMachine, venue: Venue) -> None:
    asked = ("market", "stream", "binance", "BTC/USDT", "--kind", "trades,quotes", "--detach")
    run = machine(*asked).out.strip()
    until(lambda: venue.listening, "a client")
    assert venue.names() == {"btcusdt@aggTrade", "btcusdt@bookTicker"}
    venue.trade("BTCUSDT", 3)
    venue.quote("BTCUSDT", 50)
    until(lambda: machine.json("streams", "show", run)["rows_written"] == 4, "four rows")
    names = ("stream_id", "symbols", "kinds", "status", "messages_received", "reason")
    expected = [*(run, ["BTC/USDT"], ["trades", "quotes"], "live", 4, "")]

    def shown() -> list[object]:  # told a moment after the rows are stored
        found = machine.json("streams", "show", run)
        return [*(found[name] for name in names), found["last"].get("BTC/USDT", [0, 0])[1]]

    until(lambda: shown() == [*expected, 50.5], "the status")
    venue.drop()
    until(lambda: venue.listening, "the client again")
    until(lambda: machine.json("streams", "show", run, "--gaps")["gaps"], "a gap")
    (gap,) = machine.json("streams", "show", run, "--gaps")["gaps"]
    assert (gap["symbol"], gap["kind"], gap["state"]) == ("BTC/USDT", "quotes", "lost")
    text = machine("streams", "show", run, "--gaps").out
    assert "rows_written       4\n" in text
    assert "nobody listened" in text
    again = machine(*asked)
    assert (again.out.strip(), f"stream {run} is under way\n") == (run, again.err)
    stopped = machine("streams", "stop", run)
    assert stopped.out.startswith(f"{run} stopped: 4 messages, 4 rows written, 1 gaps found, 0 ")
    assert machine("streams", "stop", run).out == stopped.out
    third = machine(*asked)
    assert third.out.strip() != run
    assert machine("streams", "stop", third.out.strip()).code == 0


def test_a_stream_that_is_refused_fails_with_the_reason(
    machine: StreamMachine, venue: Venue
) -> None:
    venue.deny = "no such stream"
    done = machine("market", "stream", "binance", "BTC/USDT")
    assert done.code == 1
    assert "failed: no such stream (code 2)" in done.err


def test_no_more_streams_run_than_may(
    machine: StreamMachine, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_MARKET_LIVE_MOST", "1")
    config.reset()
    run = machine("market", "stream", "binance", "BTC/USDT", "--detach").out.strip()
    done = machine("market", "stream", "binance", "ETH/USDT", "--detach")
    assert done.code == 3
    assert "1 streams run already, and no more than 1 may" in done.err
    assert machine("streams", "stop", run).code == 0


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("market", "stream", "binance"), "There is no symbol", "stream binance SYMBOL"),
        (("market", "stream", "binanse", "A"), "Unknown market source `binanse`", "`binance`"),
        (("market", "stream", "binance", "BTC/USD"), "Unknown symbol", "`BTC/USDT`"),
        (
            ("market", "stream", "binance", "BTC/USDT", "--kind", "trade"),
            "Unknown kind of stream of `binance`: `trade`",
            "`trades`",
        ),
        (
            ("market", "stream", "binance", "BTC/USDT", "--kind", "bars", "--interval", "7m"),
            "Unknown interval `7m`",
            "there are",
        ),
        (
            ("market", "stream", "binance", "BTC/USDT", "--start", "2024-01-01"),
            "Source `binance` is live",
            "leave out",
        ),
        (("market", "stream", "simulated", "SIM1/USD", "--for", "0"), "`--for` cannot be", "above"),
        (
            ("market", "stream", "simulated", "SIM1/USD", "--speed", "2"),
            "`--speed` needs `--start`",
            "--start",
        ),
        (("market", "stream", "simulated", "SIM1/USD", "--kind", "book"), "Unknown kind", "trades"),
        (("streams", "show", "nope"), "There is no run `nope`", "ls"),
        (("streams", "stop", "nope"), "There is no run `nope`", "ls"),
        (("streams", "stop"), "There is no stream", "raymill streams ls"),
    ],
)
def test_wrong_usage_says_what_to_type(
    machine: StreamMachine, arguments: tuple[str, ...], message: str, hint: str
) -> None:
    done = machine(*arguments)
    assert done.code == 2, done.err
    error, told = done.err.splitlines()[-2:]
    assert message in error
    assert hint in told


def test_a_source_that_is_disabled_says_how_to_enable_it(
    machine: StreamMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINANCE_ENABLED", "false")
    config.reset()
    done = machine("market", "stream", "binance", "BTC/USDT")
    assert done.code == 2
    assert "hint: export RAYMILL_MARKET_BINANCE_ENABLED=true" in done.err
