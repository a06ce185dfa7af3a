"""Filings of a made company: from its ticker to facts, through a kill, as known on a day."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from raymill import json
from raymill.app.demo.ending import end_orchestrator
from raymill.app.demo.filer import CIK, NAME, REPORTS, TICKER, answers
from raymill.app.demo.part import Fact, Part, Say
from raymill.app.demo.server import Server, serving
from raymill.errors import EngineError
from raymill.filings.dataset import Facts
from raymill.filings.series import series
from raymill.state.database import open_database
from raymill.state.owner import alive
from raymill.state.sqlite import SqliteStore

HEADINGS = ("accession", "form", "filed", "status", "facts", "reason")
KILL_AT = 3  # documents that were asked for
YEAR = 2022  # whose report was amended
DAYS = (
    (date(2023, 6, 30), 71_500_000),
    (date(2023, 12, 31), 66_800_000),
)  # and what was known on each


@dataclass
class Mill:
    """The commands in a folder of their own, with the server in the place of the SEC's."""

    folder: Path
    server: Server
    facts: list[Fact] = field(default_factory=list)

    def __call__(self, *arguments: str) -> Any:
        """Run `raymill filings ... --json`; gives what it wrote."""
        command = [sys.executable, "-m", "raymill", "filings", *arguments, "--json"]
        env = {**os.environ, **self._settings()}
        done = subprocess.run(command, env=env, capture_output=True, check=False)
        if done.returncode:
            last = done.stderr.decode("utf-8", "replace").strip()[-500:]
            raise EngineError(f"`raymill filings {' '.join(arguments)}` failed: {last}")
        return json.loads(done.stdout)

    def _settings(self) -> Mapping[str, str]:
        return {
            "RAYMILL_HOME": str(self.folder / "home"),
            "RAYMILL_DATABASE_URL": "",
            "RAYMILL_FILINGS_IDENTITY": "raymill demo demo@raymill.example",
            "RAYMILL_FILINGS_WWW_URL": self.server.url,
            "RAYMILL_FILINGS_DATA_URL": self.server.url,
            "RAYMILL_FILINGS_ARCHIVE": str(self.folder / "home" / "filings"),
            "RAYMILL_WORKFLOWS_WORKERS": "2",
            "RAYMILL_WORKFLOWS_IDLE_S": "5",
        }

    def show(self, text: str, holds: bool) -> None:
        """Note something that was to be shown."""
        self.facts.append(Fact(text, holds))

    def reports(self) -> pa.Table:
        """What the dataset has of the company."""
        home = self.folder / "home"
        database = open_database(home)
        try:
            return Facts(home / "lake", database).reports(CIK)
        finally:
            database.close()


def numbers(reports: pa.Table) -> list[tuple[str, str | None, str, int, str]]:
    """The numbers of a table, as the reports have them."""
    return sorted(
        (
            row["concept"],
            row["start"] and row["start"].isoformat(),
            row["end"].isoformat(),
            int(row["value_text"]),
            row["accession"],
        )
        for row in reports.to_pylist()
    )


def known_on(reports: pa.Table, day: date) -> float | None:
    """The revenue of a year as it was known on a day."""
    rows = series(reports, "revenue", as_of=day).to_pylist()
    return {row["end"].year: float(row["value"]) for row in rows}.get(YEAR)


@dataclass
class Killer:
    """Kills the orchestrator of a folder in the middle of its work."""

    home: Path
    after: int
    killed: int = 0
    _seen: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def asked(self, path: str) -> None:
        """Told of each request; the one that is due stands still until the kill."""
        with self._lock:
            self._seen += path.startswith("/Archives/")
            if self._seen == self.after and not self.killed:
                self.killed = self._kill()

    def _kill(self) -> int:
        store = SqliteStore(self.home)
        try:
            held = store.holder(time.time(), alive)
        finally:
            store.close()
        pid = int(held.owner.split("/")[2]) if held else 0
        if pid:
            os.kill(pid, signal.SIGKILL)
        return pid


def filings(folder: Path, say: Say) -> Part:
    """Process a company whose numbers are known, kill the orchestrator meanwhile, and compare."""
    shutil.rmtree(folder / "home", ignore_errors=True)
    killer = Killer(folder / "home", KILL_AT)
    with serving(answers(), killer.asked) as server:
        mill = Mill(folder, server)
        try:
            return _part(mill, killer, say)
        finally:
            end_orchestrator(folder / "home")


def _part(mill: Mill, killer: Killer, say: Say) -> Part:
    say(f"Filings of {TICKER}: fetched, read and stored; the orchestrator is killed meanwhile")
    output = mill.folder / "output"
    mill("process", TICKER, "--output", str(output))
    (status,) = mill("status", TICKER)
    _look_at_the_kill(mill, killer)
    put_in = sorted(fact for report in REPORTS for fact in report.facts())
    reports = mill.reports()
    same = numbers(reports) == put_in
    mill.show(f"The {len(put_in)} numbers that were put in came out, each once, exactly", same)
    for day, dollars in DAYS:
        text = f"Revenue of {YEAR} as known on {day} is ${dollars / 1e6:.1f} million"
        mill.show(text, known_on(reports, day) == dollars)
    say("A second look")
    before = mill.server.counts.total()
    mill("process", TICKER, "--output", str(output))
    again = mill.server.counts.total() - before
    mill.show("A second look asked for the list of filings alone", again == 1)
    return Part(
        title="Filings of a company",
        lead=(
            f"{NAME} does not exist: its {len(REPORTS)} reports are made by the demo and served by "
            "this machine in the place of the SEC's. Each is a run of its own: fetched, read as "
            "inline XBRL, checked, stored."
        ),
        headings=HEADINGS,
        rows=tuple(_row(one) for one in status["filings_list"]),
        facts=tuple(mill.facts),
        files=(output / f"{TICKER}_facts.parquet",),
    )


def _look_at_the_kill(mill: Mill, killer: Killer) -> None:
    pages = {report.path: mill.server.counts[report.path] for report in REPORTS}
    mill.show(f"The orchestrator was killed at the {KILL_AT}rd document", killer.killed > 0)
    under_way = 2  # workers
    fits = min(pages.values()) == 1 and sum(pages.values()) <= len(pages) + under_way
    mill.show("Another one went on: what it had fetched was not fetched again", fits)


def _row(filing: Mapping[str, Any]) -> tuple[str, ...]:
    texts = {name: "" if filing[name] is None else str(filing[name]) for name in HEADINGS}
    return tuple(texts[name] for name in HEADINGS)
