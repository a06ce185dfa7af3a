"""`raymill backtests` and `raymill scan`: what is kept, listed, shown and stopped."""

import json
import os
import signal
import time
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from cli.running import Done, Shell
from raymill.app.workflows import STARTING, Workflows
from raymill.state.owner import alive

HEAD = "date,open,high,low,close,volume"
CLOSES = [10, 10, 10, 8, 9, 11, 12, 13, 11, 9, 9, 10]
CROSS = ("backtest", "sma_cross", "--set", "fast=1", "--set", "slow=2")
QUOTES = """ts,venue,symbol,bid,bid_size,ask,ask_size
2024-01-01T00:00:00Z,a,BTC/USDT,99,1,100,1
2024-01-01T00:00:00.100Z,b,BTC/USDT,102,0.5,103,1
2024-01-01T00:00:00.200Z,b,BTC/USDT,101,0.5,102,1
2024-01-01T00:00:00.300Z,b,BTC/USDT,100,0.5,101,1
"""


@pytest.fixture
def stored(sh: Shell) -> Shell:
    """Bars of ABC in a file and in the lake, and quotes of two venues in a file."""
    rows = [
        f"2020-01-{day:02},{close},{close + 1},{close - 1},{close},100"
        for day, close in enumerate(CLOSES, start=6)
    ]
    sh.write("ABC.csv", "\n".join([HEAD, *rows]) + "\n")
    sh.write("quotes.csv", QUOTES)
    assert sh("market", "import", "ABC.csv").code == 0
    return sh


def _kept(done: Done) -> str:
    assert done.code == 0, done.err
    return done.err.rpartition("show ")[2].strip()


def test_a_backtest_over_stored_bars_equals_that_over_the_file(stored: Shell) -> None:
    of_file = json.loads(stored(*CROSS, "--data", "ABC.csv", "--json").out)
    of_lake = json.loads(stored(*CROSS, "--symbol", "ABC", "--json").out)
    assert of_lake["record"]["id"] == of_file["record"]["id"]
    for name in ("final_equity", "sharpe", "closed_trades"):
        assert of_lake[name] == of_file[name]
    assert of_lake["record"]["files"][0]["source"] == "file"


def test_the_page_of_a_backtest_over_stored_bars_says_where_they_came_from(stored: Shell) -> None:
    assert stored(*CROSS, "--symbol", "ABC", "--report", "run.html").code == 0
    page = stored.read("run.html")
    assert "ABC of file" in page
    assert "2020-01-06T00:00:00Z to 2020-01-18T00:00:00Z, snapshot" in page


def test_backtests_that_were_run_here_are_kept_and_shown(stored: Shell) -> None:
    first = _kept(stored(*CROSS, "--data", "ABC.csv"))
    second = _kept(stored("backtest", "tsmom", "--symbol", "ABC", "--set", "lookback=3"))
    listed = json.loads(stored("backtests", "ls", "--json").out)
    assert [one["execution_id"] for one in listed] == [second, first]
    assert {one["state"] for one in listed} == {"completed"}
    table = stored("backtests", "ls", "--strategy", "sma_cross").out.splitlines()
    assert table[0].split() == [
        *("execution", "strategy", "over", "state", "done", "begun", "took", "s", "return"),
        *("sharpe", "reason"),
    ]
    assert table[1].split()[:5] == [first, "sma_cross", "ABC", "completed", "100%"]
    shown = stored("backtests", "show", first).out
    assert "closed_trades" in shown
    assert "fast=1, slow=2, short=False" in shown


def test_a_kept_backtest_gives_its_trades_and_equity_as_tables(stored: Shell) -> None:
    one = _kept(stored(*CROSS, "--data", "ABC.csv"))
    done = stored("backtests", "show", one, "--trades", "t.csv", "--equity", "e.jsonl", "--json")
    result = json.loads(done.out)["result"]
    assert stored.read("t.csv").splitlines()[0] == (
        "symbol,side,opened,closed,quantity,entry,exit,profit,fees,share"
    )
    assert len(stored.read("t.csv").splitlines()) == 1 + result["closed_trades"]
    assert len(stored.read("e.jsonl").splitlines()) == len(CLOSES)
    assert result["record"]["files"][0]["data"] == "ABC.csv"


def test_no_keep_leaves_nothing_behind(stored: Shell) -> None:
    assert "kept" not in stored(*CROSS, "--data", "ABC.csv", "--no-keep").err
    assert json.loads(stored("backtests", "ls", "--json").out) == []


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (
            (*CROSS, "--symbol", "XYZ"),
            "No bars of 1d of `XYZ` are stored",
            "raymill market crawl SOURCE XYZ --interval 1d --start 2020-01-01",
        ),
        (
            (*CROSS, "--symbol", "ABC", "--data", "ABC.csv"),
            "`--data` and `--symbol` exclude each other",
            "give one",
        ),
        (
            (*CROSS, "--data", "ABC.csv", "--start", "2020-01-01"),
            "`--start` is for stored bars",
            "name them: --symbol SYMBOL",
        ),
        (
            (*CROSS, "--symbol", "ABC", "--adjust", "total"),
            "No splits and dividends of `ABC` of `file` are stored",
            "raymill market crawl file ABC --kind corporate_action --start 2020-01-06, or "
            "--adjust raw",
        ),
        (
            (*CROSS, "--data", "ABC.csv", "--detach"),
            "What runs in the background runs over stored bars",
            "raymill market import FILE.csv, then --symbol SYMBOL",
        ),
        (("backtests", "show", "nope"), "There is no execution `nope`", "raymill backtests ls"),
        (("backtests", "stop"), "There is no run to stop", "raymill backtests ls lists them"),
        (
            ("backtests", "stop", "--strategy", "smacross"),
            "Unknown strategy `smacross`",
            "did you mean `sma_cross`?",
        ),
        (("backtest", "arbitrage_scanner"), "cannot be run over bars", "raymill scan arbitrage"),
        (("scan", "sma_cross"), "trades on bars", "raymill backtest sma_cross"),
        (
            ("scan", "--quotes", "quotes.csv", "--symbol", "X/Y"),
            "`--quotes` takes whole files",
            "leave the other options out",
        ),
        (("scan", "--quotes", "ABC.csv"), "`ABC.csv` has no column", "it has date, open"),
        (("scan",), "No quotes are stored", "raymill market stream SOURCE SYMBOL --kind quotes"),
    ],
)
def test_what_is_asked_wrongly_is_said_with_what_to_type(
    stored: Shell, arguments: tuple[str, ...], error: str, hint: str
) -> None:
    done = stored(*arguments)
    assert done.code == 2
    assert error in done.err
    assert f"hint: {hint}" in done.err


def test_a_scan_shows_how_each_opportunity_is_reckoned_and_is_kept(stored: Shell) -> None:
    done = stored("scan", "--quotes", "quotes.csv", "--set", "threshold=0.5")
    # behind fees of 0.1 %: 102 * 0.999 / (100 * 1.001) - 1 = 179.62 bps, then 79.82, then none
    assert "1e4 * (102 * (1 - 0.001) / (100 * (1 + 0.001)) - 1) = 179.6 bps" in done.out
    assert "buy 0.5 BTC/USDT at a for 100, quoted 100 ms before" in done.out
    assert "sell 0.5 BTC/USDT at b for 102, quoted 0 ms before" in done.out
    assert "1 found; each taken once at its best: 0.899 USDT" in done.err
    shown = json.loads(stored("backtests", "show", _kept(done), "--json").out)
    assert (shown["algorithm_id"], shown["figures"]["opportunities"]) == ("arbitrage_scanner", 2)
    (found,) = shown["result"]["found"]
    assert (found["looks"], found["last_us"] - found["first_us"]) == (2, 100_000)


def test_a_scan_as_json_has_the_quotes_that_it_looked_at(stored: Shell) -> None:
    told = json.loads(stored("scan", "arbitrage_cross", "--quotes", "quotes.csv", "--json").out)
    assert (told["quotes"], told["venues"], told["stretches"]) == (4, ["a", "b"], 1)
    assert [one["bid"] for one in told["found"][0]["best"]["quotes"]] == [99.0, 102.0]


@pytest.fixture
def ended(sh: Shell) -> Iterator[Shell]:
    """A home whose orchestrator is ended with the test."""
    yield sh
    starting = sh.folder / "home" / STARTING
    name = starting.read_text() if starting.is_file() else ""
    if alive(name):
        os.kill(int(name.split("/")[2]), signal.SIGKILL)


@pytest.mark.system
def test_a_detached_backtest_runs_in_the_background_and_gives_what_it_gives_here(
    ended: Shell,
) -> None:
    sh = ended
    range_ = ("--start", "2023-01-01", "--end", "2024-01-01")
    assert sh("market", "crawl", "simulated", "SIM1/USD", *range_).code == 0
    asked = ("backtest", "tsmom", "--symbol", "SIM1/USD", "--set", "lookback=20", "--fee-bps", "5")
    one = sh(*asked, "--detach").out.strip()
    found = _until_over(sh, one)
    assert (found["state"], found["error"]) == ("completed", None)
    here = json.loads(sh(*asked, "--json").out)
    assert found["result"]["final_equity"] == here["final_equity"]
    assert found["result"]["record"]["id"] == here["record"]["id"]
    assert sh("backtests", "stop", one) == (0, f"{one} completed\n", "")


def _until_over(sh: Shell, one: str) -> Any:
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        found = json.loads(sh("backtests", "show", one, "--json").out)
        if found["state"] in ("completed", "failed", "stopped"):
            return found
        time.sleep(0.1)
    raise AssertionError(f"it did not end: {found}")


@pytest.mark.system
def test_what_runs_in_the_background_is_killed_at_its_deadline(
    ended: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    sh = ended
    monkeypatch.setenv("RAYMILL_ALGORUNNER_MAX_EXECUTION_TIME", "0.5")
    _store_quotes(sh, 100_000)
    found = _until_over(sh, sh("scan", "arbitrage_triangle", "--detach").out.strip())
    assert found["state"] == "failed"
    assert found["error"]["message"] == "step `execution` took longer than 0.5 s"


@pytest.mark.system
def test_one_that_has_not_begun_is_stopped_for_good(
    ended: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    sh = ended
    _store_quotes(sh, 10)
    with monkeypatch.context() as nobody:
        nobody.setattr(Workflows, "ensure", lambda self: False)
        one = sh("scan", "arbitrage_triangle", "--detach").out.strip()
    for _ in range(2):
        assert sh("backtests", "stop", one)[:2] == (0, f"{one} stopped\n")
    assert sh("backtests", "stop", "--strategy", "arbitrage_triangle").err == (
        "no run of `arbitrage_triangle` is under way\n"
    )


def _store_quotes(sh: Shell, count: int) -> None:
    """Quotes of six pairs of four currencies: looking at one takes its time."""
    pairs = [f"{base}/{quote}" for base, quote in combinations("ABCD", 2)]
    rows = (f"{1_704_067_200_000 + n},{pairs[n % 6]},1,1,2,1" for n in range(count))
    sh.write("quotes.csv", "\n".join(["ts,symbol,bid,bid_size,ask,ask_size", *rows]) + "\n")
    done = sh("market", "import", "quotes.csv", "--kind", "quote", "--time-unit", "ms")
    assert done.code == 0, done.err
