"""`raymill paper`: stored bars followed with a strategy, from the command line."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.running import Shell
from raymill import config

# SMA(2) above SMA(3) at 4, below at 1: bought at 5, sold at 1
ROWS = [("02", 3, 3), ("03", 2, 2), ("06", 3, 3), ("07", 3, 4), ("08", 5, 5), ("09", 5, 1)]
ROWS += [("10", 1, 1)]
STRATEGY = ("paper", "sma_cross", "--symbol", "ABC", "--set", "fast=2", "--set", "slow=3")


@pytest.fixture
def lake(sh: Shell) -> Shell:
    """A shell whose lake holds seven bars."""
    lines = [
        f"2020-01-{day},{first},{max(first, last)},{min(first, last)},{last},9"
        for day, first, last in ROWS
    ]
    sh.write("ABC.csv", "\n".join(["date,open,high,low,close,volume", *lines]) + "\n")
    assert sh("market", "import", "ABC.csv", "--calendar", "XNYS").code == 0
    return sh


def test_what_is_traded_on_paper_is_shown_with_the_account(lake: Shell) -> None:
    done = lake(*STRATEGY, "--cash", "100")
    assert done.code == 0
    assert "bought 20 ABC at 5, fee 0" in done.out
    assert "sold 20 ABC at 1, fee 0" in done.out
    assert "7 bars, the last of 2020-01-10T00:00:00Z; equity 20.00, cash 20.00" in done.err


def test_json_lines_say_the_same(lake: Shell) -> None:
    done = lake(*STRATEGY, "--cash", "100", "--json")
    *moves, last = (json.loads(line) for line in done.out.splitlines())
    assert [one["ts"][:10] for one in moves if one["fills"]] == ["2020-01-08", "2020-01-10"]
    assert last["account"] == {
        "bars": 7,
        "last": "2020-01-10T00:00:00Z",
        "cash": 20.0,
        "units": {},
        "equity": 20.0,
    }


def test_what_cannot_be_followed_says_what_to_type(lake: Shell, tmp_path: Path) -> None:
    files = lake("paper", "sma_cross", "--data", "ABC.csv")
    assert (files.code, "name them: --symbol" in files.err) == (2, True)
    unknown = lake("paper", "sma_cros", "--symbol", "ABC")
    assert (unknown.code, "did you mean `sma_cross`?" in unknown.err) == (2, True)
    absent = lake("paper", "sma_cross", "--symbol", "XYZ")
    assert (absent.code, "raymill market crawl" in absent.err) == (2, True)
    assert lake(*STRATEGY, "--every", "0").code == 2


@pytest.mark.system
def test_a_live_stream_is_followed_from_its_first_bar(
    sh: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = {"WORKFLOWS_IDLE_S": "1", "MARKET_LIVE_FLUSH_S": "0.2", "MARKET_LIVE_STATUS_S": "0.1"}
    for name, value in usual.items():
        monkeypatch.setenv(f"RAYMILL_{name}", value)
    config.reset()
    words = ("paper", "sma_cross", "--symbol", "SIM1/USD", "--interval", "1m", "--json")
    words += ("--set", "fast=1", "--set", "slow=2")
    follow = [sys.executable, "-m", "raymill", *words, "--watch", "--every", "0.1"]
    pipe = subprocess.PIPE
    with subprocess.Popen(follow, stdout=pipe, stderr=pipe, text=True) as paper:
        assert paper.stdout is not None
        assert paper.stderr is not None
        assert "waits for a stream" in paper.stderr.readline()
        stream = ("simulated", "SIM1/USD", "--kind", "bars", "--start", "2024-01-01")
        begun = sh("market", "stream", *stream, "--speed", "600", "--detach").out.strip()
        moves = [json.loads(paper.stdout.readline()) for _ in range(4)]
        paper.send_signal(signal.SIGINT)
        account = json.loads(paper.stdout.read().splitlines()[-1])["account"]
        assert paper.wait(60) == 130
    assert sh("streams", "stop", begun).code == 0
    assert moves[0]["decided"]
    assert moves[1]["fills"]
    last = datetime.fromisoformat(account["last"])
    minutes = (last - datetime(2024, 1, 1, tzinfo=UTC)) / timedelta(minutes=1)
    assert account["bars"] in (minutes, minutes + 1)  # the first may have begun before the stream
    again = sh(*words, "--end", (last + timedelta(minutes=1)).isoformat()).out.splitlines()
    assert [json.loads(line) for line in again[:4]] == moves
    assert json.loads(again[-1])["account"] == account
