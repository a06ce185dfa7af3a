"""`raymill market` and `raymill crawls`: sources, files, what is stored, what is asked wrongly."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from market.vendors import BEGIN_MS, MINUTE_MS, BinanceServer, kline, trade
from raymill import config, json
from raymill.cli import main
from raymill.errors import SourceError
from raymill.state.owner import alive
from raymill.state.sqlite import SqliteStore
from raymill.testing.replay import Asked, Recorded, ReplayServer

BARS = """date,open,high,low,close,volume
2024-01-02,10,12,9,11,100
2024-01-03,11,13,10,12,200
2024-01-04,12,11,10,12,300
"""


class Done:
    """A command that ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def rows(self) -> Any:
        """What it wrote as JSON."""
        return json.loads(self.out)


@pytest.fixture
def market(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Runs a command in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        config.reset()
        capsys.readouterr()
        code = main([*arguments])
        return Done(code, *capsys.readouterr())

    return run


def test_the_sources_are_listed_with_what_they_have(market: Callable[..., Done]) -> None:
    rows = {row["source"]: row for row in market("market", "sources", "--json").rows}
    assert set(rows) >= {
        *("alpha_vantage", "binance", "file", "forex_api", "simulated", "yahoo_finance")
    }
    assert rows["binance"]["kinds"] == ["bar", "trade", "quote"]
    assert rows["binance"]["limits"] == "960 weight in 60 s, 4880 requests in 300 s"
    names = ("binance", "yahoo_finance", "simulated", "file", "alpha_vantage")
    streaming = [rows[name]["streaming"] for name in names]
    assert streaming == ["yes", "polled", "yes", "replayed", "no"]
    assert rows["simulated"]["note"] == "simulated: nothing in it is a price"
    assert rows["alpha_vantage"]["note"].startswith("needs a key: export ALPHA_VANTAGE_API_KEY")


@pytest.mark.parametrize("variable", ["BINANCE_ENABLED", "RAYMILL_MARKET_BINANCE_ENABLED"])
def test_a_source_that_is_disabled_is_not_listed_and_says_how_to_enable_it(
    market: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "false")
    assert "binance" not in market("market", "sources").out
    done = market("market", "crawl", "binance", "BTC/USDT", "--start", "2024-01-01")
    assert done.code == 2
    assert "error: Source `binance` is disabled" in done.err
    assert "hint: export RAYMILL_MARKET_BINANCE_ENABLED=true" in done.err


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["binanc", "BTC/USDT"], "Unknown market source `binanc`", "did you mean `binance`"),
        (["simulated", "SIM1/USDT"], "Unknown symbol of `simulated`: `SIM1/USDT`", "`SIM1/USD`"),
        (["simulated", "SIM1/USD", "--interval", "1min"], "Unknown interval `1min`", "`1m`"),
        (["simulated", "SIM1/USD", "--interval", "1M"], "has no bars of `1M`", "it has 1m, 3m"),
        (["simulated", "SIM1/USD", "--kind", "fundamental"], "has no `fundamental`", "it has bar"),
        (["simulated"], "There is no symbol", "raymill market crawl simulated SYMBOL"),
        (
            ["simulated", "SIM1/USD", "--end", "2023-01-01"],
            "which is not behind its beginning",
            None,
        ),
    ],
)
def test_what_is_asked_wrongly_is_said_with_the_near_match(
    market: Callable[..., Done], arguments: list[str], error: str, hint: str | None
) -> None:
    done = market("market", "crawl", *arguments, "--start", "2024-01-01")
    assert done.code == 2
    assert error in done.err
    assert hint is None or f"hint: {hint}" in done.err or hint in done.err


@pytest.mark.parametrize(
    ("start", "error"),
    [("2024-01-01T09:30", "has no zone"), ("yesterday", "is no time"), ("2024-13-01", "is no")],
)
def test_a_time_without_a_zone_is_refused(
    market: Callable[..., Done], start: str, error: str
) -> None:
    done = market("market", "crawl", "simulated", "SIM1/USD", "--start", start)
    assert done.code == 2
    assert f"error: `--start {start}` {error}" in done.err
    assert "2024-01-31T14:30:00Z" in done.err


def test_a_file_is_stored_once_and_what_is_unsound_is_said(
    market: Callable[..., Done], tmp_path: Path
) -> None:
    (tmp_path / "acme.csv").write_text(BARS)
    done = market("market", "import", "acme.csv", "--json")
    (row,) = done.rows
    assert (row["symbols"], row["interval"], row["new"]) == (["ACME"], "1d", 2)
    assert row["reasons"] == {"high is below open or close": 1}
    assert "warning: 1 rows of acme.csv are set aside: high is below open or close" in done.err
    assert market("market", "import", "acme.csv", "--json").rows[0]["new"] == 0
    history = market(
        "market",
        "history",
        "file",
        "acme",
        "--start",
        "2024-01-01",
        "--end",
        "2024-01-05",
        "--json",
    )
    assert [(row["ts"], row["close"]) for row in history.rows] == [
        ("2024-01-02T00:00:00Z", 11.0),
        ("2024-01-03T00:00:00Z", 12.0),
    ]
    assert "not complete: 2024-01-01T00:00:00Z to 2024-01-02T00:00:00Z" in history.err
    assert "hint: raymill market crawl file ACME --interval 1d" in history.err


def test_what_was_set_aside_and_what_was_changed_can_be_looked_at(
    market: Callable[..., Done], tmp_path: Path
) -> None:
    (tmp_path / "acme.csv").write_text(BARS)
    market("market", "import", "acme.csv")
    (row,) = market("market", "coverage", "--unsound", "--json").rows
    assert (row["symbol"], row["ts"]) == ("ACME", "2024-01-04T00:00:00Z")
    assert row["reason"] == "high is below open or close"
    assert row["record"]["high"] == 11.0
    assert "high is below" in market("market", "coverage", "--unsound").out
    changed = BARS.replace("2024-01-02,10,12,9,11", "2024-01-02,10,12,9,12")
    (tmp_path / "acme.csv").write_text(changed)
    market("market", "import", "acme.csv")
    (row,) = market("market", "coverage", "file", "--revised", "--json").rows
    assert (row["before"], row["after"]) == ({"close": 11.0}, {"close": 12.0})
    assert market("market", "coverage", "--revised", "--symbol", "other", "--json").rows == []


def test_a_file_is_crawled_by_its_path(market: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "acme.csv").write_text(BARS)
    from raymill.app.market.rooms import open_rooms

    config.reset()
    one = open_rooms().named("file", str(tmp_path / "acme.csv"))
    assert one.symbol == "ACME"


def test_rates_share_the_allowance_of_the_key_that_they_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from raymill.app.market.sources import open_source

    monkeypatch.setenv("ALPHA_VANTAGE_API_KEY", "one")
    config.reset()
    assert open_source("forex_api").budget == "alpha_vantage"
    monkeypatch.setenv("FOREX_API_KEY", "two")
    config.reset()
    assert open_source("forex_api").budget == "forex_api"


def test_a_symbol_of_yesterday_s_list_will_do_where_the_vendor_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from raymill.app.market.rooms import open_rooms

    with ReplayServer(BinanceServer()) as server:
        monkeypatch.setenv("RAYMILL_MARKET_BINANCE_URL", server.url)
        config.reset()
        number = open_rooms().named("binance", "BTC/USDT").instrument_id
    monkeypatch.setenv("RAYMILL_MARKET_BINANCE_URL", "http://127.0.0.1:1")  # nobody answers there
    monkeypatch.setenv("RAYMILL_MARKET_LIST_HOURS", "0.0000001")
    monkeypatch.setenv("RAYMILL_MARKET_TRIES", "1")
    config.reset()
    assert open_rooms().named("binance", "btcusdt").instrument_id == number
    with pytest.raises(SourceError):
        open_rooms().named("binance", "NEW/USDT")


def test_history_goes_on_behind_the_last_row(market: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "acme.csv").write_text(BARS)
    market("market", "import", "acme.csv")
    page = ("market", "history", "file", "ACME", "--start", "2024-01-01", "--json", "--limit", "1")
    first = market(*page).rows
    second = market(*page, "--after", first[0]["ts"]).rows
    assert [row["close"] for row in (*first, *second)] == [11.0, 12.0]


def test_bars_that_are_not_stored_are_built_from_what_is(
    market: Callable[..., Done], tmp_path: Path
) -> None:
    rows = [f"2024-01-01T00:{n:02}:00Z,{10 + n},{11 + n},{9 + n},{10 + n},2" for n in range(10)]
    head = "ts,open,high,low,close,volume"
    (tmp_path / "a.csv").write_text("\n".join([head, *rows]))
    market("market", "import", "a.csv", "--interval", "1m")
    asked = ("market", "history", "file", "A", "--start", "2024-01-01", "--json")
    done = market(*asked, "--interval", "5m", "--end", "2024-01-01T00:10Z")
    assert "built from bars of 1m" in done.err
    assert [(row["open"], row["high"], row["low"], row["close"]) for row in done.rows] == [
        (10, 15, 9, 14),
        (15, 20, 14, 19),
    ]
    assert [(row["volume"], row["closed"]) for row in done.rows] == [(10, True)] * 2
    again = market(*asked, "--interval", "5m", "--after", "2024-01-01T00:00:00Z")
    assert [row["open"] for row in again.rows] == [15]
    text = "ts,price,size\n2024-01-01T00:00:10Z,5,1\n2024-01-01T00:00:50Z,7,2\n"
    (tmp_path / "t.csv").write_text(text)
    market("market", "import", "--kind", "trade", "t.csv")
    asked = ("market", "history", "file", "T", "--start", "2024-01-01", "--json")
    made = market(*asked, "--interval", "1m").rows
    assert [(row["open"], row["close"], row["volume"]) for row in made] == [(5.0, 7.0, 3.0)]


def test_trades_of_a_file_need_the_unit_of_their_times(
    market: Callable[..., Done], tmp_path: Path
) -> None:
    text = "timestamp,id,side,price,amount\n1704067200123,7,sell,10.5,2\n"
    (tmp_path / "t.csv").write_text(text)
    assert market("market", "import", "--kind", "trade", "t.csv").code == 1
    done = market("market", "import", "--kind", "trade", "--time-unit", "ms", "t.csv", "--json")
    assert done.rows[0]["begin"] == "2024-01-01T00:00:00.123Z"
    found = market(
        "market", "history", "file", "T", "--kind", "trade", "--start", "2024-01-01", "--json"
    ).rows[0]
    assert (found["trade_id"], found["price"], found["size"], found["side"]) == (7, 10.5, 2.0, -1)


def test_instruments_are_asked_for_at_the_vendor(
    market: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ReplayServer(BinanceServer()) as server:
        monkeypatch.setenv("RAYMILL_MARKET_BINANCE_URL", server.url)
        rows = market("market", "sources", "--symbols", "binance", "--json").rows
        market("market", "sources", "--symbols", "binance")
        assert server.count() == 1
    assert [row["symbol"] for row in rows] == ["BTC/USDT", "ETH/USDT"]
    assert rows[0]["tick_size"] == "0.01000000"


@pytest.mark.system
def test_a_crawl_runs_to_its_end_and_is_not_asked_for_again(
    market: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = BinanceServer(klines=[kline(BEGIN_MS + n * MINUTE_MS) for n in range(1440)])
    with ReplayServer(vendor) as server:
        monkeypatch.setenv("RAYMILL_MARKET_BINANCE_URL", server.url)
        monkeypatch.setenv("RAYMILL_WORKFLOWS_IDLE_S", "0")
        asked = ("market", "crawl", "binance", "BTC/USDT,ETH/USDT", "--interval", "1m")
        asked = (*asked, "--start", "2024-01-01", "--end", "2024-01-02", "--json")
        first = market(*asked)
        assert first.code == 0, first.err
        assert [(row["status"], row["new"]) for row in first.rows] == [("completed", 1440)] * 2
        before = server.count()
        assert before == 1 + 2 * 2  # exchangeInfo, two pages for each
        again = market(*asked)
        assert [row["rows"] for row in again.rows] == [0, 0]
        assert server.count() == before
    listed = market("crawls", "ls", "--json").rows
    assert len(listed) == 4
    shown = market("crawls", "show", listed[-1]["run"], "--json").rows
    assert (shown["source"], shown["kind"], shown["done"]) == ("binance", "bar", 1.0)
    spans = market("market", "coverage", "--json").rows
    assert [(row["symbol"], row["reason"]) for row in spans] == [
        ("BTC/USDT", "data"),
        ("ETH/USDT", "data"),
    ]
    assert "crawls ls" in market("crawls", "cancel").err
    assert market("crawls", "cancel", listed[-1]["run"]).code == 2  # it has ended


@pytest.mark.system
def test_a_crawl_that_is_refused_fails_with_the_reason(
    market: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = BinanceServer()
    with ReplayServer(vendor) as server:
        monkeypatch.setenv("RAYMILL_MARKET_BINANCE_URL", server.url)
        monkeypatch.setenv("RAYMILL_WORKFLOWS_IDLE_S", "0")
        market("market", "sources", "--symbols", "binance")
        vendor.symbols = ("ETHUSDT",)
        done = market(
            "market", "crawl", "binance", "BTC/USDT", "--start", "2024-01-01", "--end", "2024-01-02"
        )
    assert done.code == 1
    assert "failed: " in done.err
    assert "Invalid symbol." in done.out


class Gate:
    """Lets so many pages pass, and holds the next until it is opened."""

    def __init__(self, vendor: BinanceServer, passes: int) -> None:
        self.vendor, self.left = vendor, passes
        self.open, self.reached = threading.Event(), threading.Event()

    def __call__(self, asked: Asked) -> Recorded | None:
        if "aggTrades" in asked.path:
            self.left -= 1
            if self.left < 0 and not self.open.is_set():
                self.reached.set()
                self.open.wait(LIMIT_S)
        return self.vendor(asked)


LIMIT_S = 60.0


def running(home: Path) -> int | None:
    """The process that runs the workflows of a home."""
    store = SqliteStore(home)
    try:
        held = store.holder(time.time(), alive)
        return int(held.owner.split("/")[2]) if held else None
    finally:
        store.close()


@pytest.mark.system
def test_a_crawl_whose_orchestrator_is_killed_goes_on_where_it_was(
    market: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vendor = BinanceServer(trades=[trade(n, BEGIN_MS + n * 100) for n in range(6000)])
    gate = Gate(vendor, 3)
    with ReplayServer(gate) as server:
        monkeypatch.setenv("RAYMILL_MARKET_BINANCE_URL", server.url)
        monkeypatch.setenv("RAYMILL_WORKFLOWS_IDLE_S", "0")
        asked = ("market", "crawl", "binance", "BTC/USDT", "--kind", "trade")
        asked = (*asked, "--start", "2024-01-01", "--end", "2024-01-01T00:10Z")
        run = market(*asked, "--detach").out.strip()
        assert gate.reached.wait(LIMIT_S)
        first = running(tmp_path / "home")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        gate.open.set()
        done = market(*asked, "--json")
        assert done.code == 0, done.err
        assert [row["run"] for row in done.rows] == [run]
    history = ("market", "history", "binance", "BTC/USDT", "--kind", "trade", "--json")
    found = market(*history, "--start", "2024-01-01", "--limit", "10000").rows
    assert [row["trade_id"] for row in found] == list(range(6000))
