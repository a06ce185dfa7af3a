"""Market data: real prices imported, others crawled, screened, traded on; each held against plain
Python."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raymill import json
from raymill.app.demo.ending import end_orchestrator
from raymill.app.demo.part import Fact, Part, Say
from raymill.app.demo.sample import sample_file
from raymill.app.demo.shares import (
    FAST,
    FEE_BPS,
    SHARE,
    SLOW,
    above_their_mean,
    bars_of,
    curves,
    equity_of_a_plain_loop,
)
from raymill.errors import EngineError

FILE = "stocks.csv.gz"
BARS, COMPANIES = 12_154, 5
AS_OF, LAST_DAY = "2013-03-02", "2013-03-01"
SIMULATED = ("SIM1/USD", "SIM2/USD")
RANGE = ("--start", "2023-01-01", "--end", "2025-01-01")
DAYS = 731
REPORT = "backtest.html"
HEADINGS = ("what", "over", "result", "time")
CLOSE = 1e-9
DONE, FAILED = 0, 1  # exit codes


@dataclass
class Mill:
    """The commands in a folder of their own."""

    folder: Path
    rows: list[tuple[str, ...]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    def __call__(self, *arguments: str) -> "Answer":
        """Run `raymill ... --json`. Raises EngineError where it writes nothing."""
        begun = time.monotonic()
        command = [sys.executable, "-m", "raymill", *arguments, "--json"]
        env = {**os.environ, **self._settings()}
        done = subprocess.run(command, env=env, capture_output=True, check=False)
        if done.returncode not in (DONE, FAILED) or not done.stdout:
            last = done.stderr.decode("utf-8", "replace").strip()[-500:]
            raise EngineError(f"`raymill {' '.join(arguments[:2])}` failed: {last}")
        took_s = time.monotonic() - begun
        return Answer(json.loads(done.stdout), took_s, done.returncode == DONE)

    def _settings(self) -> Mapping[str, str]:
        return {
            "RAYMILL_HOME": str(self.folder / "home"),
            "RAYMILL_DATABASE_URL": "",
            "RAYMILL_WORKFLOWS_IDLE_S": "5",
        }

    def row(self, *cells: str, took_s: float) -> None:
        """Note a row of the summary."""
        self.rows.append((*cells, f"{took_s:.1f} s"))

    def show(self, text: str, holds: bool) -> None:
        """Note something that was to be shown."""
        self.facts.append(Fact(text, holds))


@dataclass(frozen=True)
class Answer:
    """What a command wrote, how long it took, whether all went well."""

    value: Any
    took_s: float
    went_well: bool


def market(folder: Path, say: Say) -> Part:
    """Import, crawl, screen and backtest, and hold what comes out against plain Python."""
    shutil.rmtree(folder / "home", ignore_errors=True)
    mill = Mill(folder)
    say("Prices: five companies imported, two simulated pairs crawled")
    try:
        with ThreadPoolExecutor(1) as aside:
            crawl = aside.submit(mill, "market", "crawl", "simulated", *SIMULATED, *RANGE)
            _import(mill)
            _look_at_the_crawl(mill, crawl.result())
    finally:
        end_orchestrator(folder / "home")
    say("Prices: screened as of a day, and a strategy run over them")
    _screen(mill)
    drawings = _backtest(mill)
    return Part(
        title="Prices of five companies",
        lead=(
            "Daily prices of Apple, Facebook, Google, IBM and Microsoft up to 1 March 2013, as "
            "they were traded, and two pairs of a simulated venue, whose prices are made. "
            "Imported and crawled into one lake, screened as of a day, and traded on by a rule."
        ),
        headings=HEADINGS,
        rows=tuple(mill.rows),
        facts=tuple(mill.facts),
        drawings=drawings,
        files=(folder / REPORT,),
    )


def _import(mill: Mill) -> None:
    file = str(sample_file(FILE))
    done = mill("market", "import", file, file)
    first, again = done.value
    mill.row("import", "five companies", f"{first['new']:,} daily bars", took_s=done.took_s)
    counts = (len(first["symbols"]), first["new"], again["new"], again["known"])
    mill.show(
        f"The {BARS:,} bars of the file are stored once, though it was imported twice",
        counts == (COMPANIES, BARS, 0, BARS) and not first["unsound"],
    )


def _look_at_the_crawl(mill: Mill, done: Answer) -> None:
    rows = [one["rows"] for one in done.value]
    mill.row("crawl", "two simulated pairs", f"{sum(rows):,} daily bars", took_s=done.took_s)
    mill.show(
        f"The crawl has a bar of each of the {DAYS} days of both pairs",
        [(one["status"], one["rows"]) for one in done.value] == [("completed", DAYS)] * 2,
    )


def _screen(mill: Mill) -> None:
    request = {
        "as_of": AS_OF,
        "filters": [
            {"field": "venue", "operator": "eq", "value": "file"},
            {"field": "price", "operator": "gt", "value": {"field": "sma_200"}},
        ],
    }
    path = mill.folder / "request.json"
    path.write_bytes(json.dumps(request, indent=True))
    done = mill("screen", str(path))
    found = sorted(row["symbol"] for row in done.value["stocks"])
    total = done.value["total_stocks"]
    mill.row("screen", f"as of {AS_OF}", f"{len(found)} of {total} match", took_s=done.took_s)
    wanted = above_their_mean(bars_of(sample_file(FILE)), SLOW)
    mill.show(
        f"Above their mean of {SLOW} days on {LAST_DAY}: {', '.join(found)}, as plain Python finds",
        found == wanted,
    )


def _backtest(mill: Mill) -> tuple[tuple[str, str], ...]:
    asked = ("--set", f"fast={FAST}", "--set", f"slow={SLOW}", "--fee-bps", f"{FEE_BPS:g}")
    report = str(mill.folder / REPORT)
    checked = ("--check-lookahead", "--report", report)
    done = mill("backtest", "sma_cross", "--symbol", SHARE, *asked, *checked)
    bars = bars_of(sample_file(FILE))[SHARE]
    equity = equity_of_a_plain_loop(bars)
    final, held = done.value["final_equity"], bars.close[-1] / bars.open[0]
    mill.row(
        *("backtest", f"{SHARE}, {len(bars.close):,} days"),
        f"{final:.2f} times the cash, in {done.value['closed_trades']} trades",
        took_s=done.took_s,
    )
    off = abs(final / equity[-1] - 1)
    mill.show(f"A plain loop over the same bars ends with the same {equity[-1]:.6f}", off < CLOSE)
    mill.show("No decision changes when later bars are taken away, at 20 places", done.went_well)
    caption = (
        f"{SHARE} from the open of its first day: bought and held it became {held:.2f} times as "
        f"much; held only while its mean of {FAST} days is above that of {SLOW}, with a fee of "
        f"{FEE_BPS:g} bps on each trade, {final:.2f} times."
    )
    return ((caption, curves(bars, equity)),)
