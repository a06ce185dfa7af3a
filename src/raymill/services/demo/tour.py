"""The demo's last part: the local host on simulated data, and what its routes answer."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from raymill import json
from raymill.app.demo.part import Fact, Part, Say
from raymill.errors import EngineError

ADDRESS = re.compile(r"raymill serves (http://\S+?),")
HEADINGS = ("route", "answer", "status", "ms")
RUN = {"algorithm_id": "momentum_strategy", "parameters": {"symbol": "AAPL", "period": 14}}
SCREEN = {
    "filters": [{"type": "price_filter", "parameters": {"min_price": 100, "max_price": 500}}],
    "limit": 3,
}
CRAWL = {"source_id": "binance", "symbols": ["BTCUSDT"], "data_type": "ticks", "limit": 100}
STREAM = {"source": "binance", "symbols": ["BTCUSDT"], "stream_type": "trades"}
FILTER = {
    "name": "large_movers",
    "criteria": [{"field": "change_pct", "operator": "gt", "value": 2}],
}
MONTH = {"symbol": "BTCUSDT", "interval": "1h"} | {
    "start_date": "2024-01-01",
    "end_date": "2024-01-31",
}
LEAD = (
    "`raymill serve --demo` on a free port of this machine: vendors that speak the protocols of "
    "real ones tell of simulated prices, and every answer says so."
)


def services(folder: Path, say: Say) -> Part:
    """Start the host, ask each route once, and stop it."""
    say("serving the HTTP API over simulated prices")
    with _serving(folder) as client:
        tour = Tour(client)
        tour.go()
    facts = (
        Fact(f"{len(tour.rows)} routes answered with 2xx", tour.is_well),
        Fact("every answer of a service says that it is simulated", tour.is_marked),
        Fact("the run of an algorithm completed, with its figures", tour.is_completed),
    )
    keep = f"stay with it: RAYMILL_HOME={folder} raymill serve --demo"
    return Part("The services over HTTP", LEAD, HEADINGS, tuple(tour.rows), facts, left_out=(keep,))


class Tour:
    """Asks each of the routes that the older services had, once."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        self.rows: list[tuple[str, ...]] = []
        self.is_well = self.is_marked = True
        self.is_completed = False

    def go(self) -> None:
        """Ask each route once."""
        self._ask("GET", "/")
        self._ask("GET", "/health")
        self._algorunner()
        self._screener()
        self._tickscrawler()

    def _algorunner(self) -> None:
        api = "/api/algorunner"
        self._ask("GET", f"{api}/status")
        self._ask("GET", f"{api}/algorithms")
        run = self._ask("POST", f"{api}/run?wait=60", RUN)
        self.is_completed = run.get("result", {}).get("status") == "completed"
        self._ask("POST", f"{api}/stop", {"algorithm_id": "momentum_strategy"})

    def _screener(self) -> None:
        api = "/api/screener"
        for name in ("status", "filters", "market-overview"):
            self._ask("GET", f"{api}/{name}")
        self._ask("POST", f"{api}/screen", SCREEN)
        made = self._ask("POST", f"{api}/custom-filter", FILTER)
        if found := made.get("result"):  # so that the next demo may store it again
            self._client.delete(f"{api}/custom-filter/{found['filter_id']}")

    def _tickscrawler(self) -> None:
        api = "/api/tickscrawler"
        self._ask("GET", f"{api}/status")
        self._ask("GET", f"{api}/sources")
        self._ask("POST", f"{api}/crawl?wait=30", CRAWL)
        self._ask("GET", f"{api}/historical", MONTH)
        started = self._ask("POST", f"{api}/stream", STREAM)
        if found := started.get("result"):
            self._ask("DELETE", f"{api}/stream/{found['stream_id']}")

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        begun = time.perf_counter()
        answer = self._client.request(method, path, json=body)
        milliseconds = (time.perf_counter() - begun) * 1e3
        found: dict[str, Any] = json.loads(answer.content)
        is_well = 200 <= answer.status_code < 300
        self.is_well &= is_well
        if path.startswith("/api/") and is_well:
            self.is_marked &= found.get("simulated") is True
        shown = re.sub(r"/k[0-9a-f]{12,}", "/ID", path)
        figure = f"{milliseconds:.1f}" if milliseconds < 100 else f"{milliseconds:.0f}"
        self.rows.append((f"{method} {shown}", said(found), str(answer.status_code), figure))
        return found


def said(body: dict[str, Any]) -> str:
    """What an answer says, in a few words.

    >>> said({"status": "success", "filters": [1, 2], "simulated": True})
    '2 filters'
    >>> said({"status": "success", "result": {"status": "started", "stream_id": "s"}})
    'started'
    """
    if "detail" in body:
        return str(body["detail"])
    if "services" in body:
        return f"{len(body['services'])} services {body['status']}"
    rest = {name: value for name, value in body.items() if name not in ("status", "simulated")}
    for name, value in rest.items():
        if isinstance(value, list):
            return f"{len(value)} {name}"
        if isinstance(value, dict):
            return _few(value)
    return str(rest.get("message", body.get("status", "")))


def _few(found: dict[str, Any]) -> str:
    for name, text in (
        ("filtered_count", "{} of {total_stocks} match"),
        ("total_records", "{} records"),
        ("data_points", "{} bars"),
        ("instruments_total", "{} instruments"),
        ("message", "{}"),
        ("messages_received", "stopped, {} messages received"),
    ):
        if found.get(name) is not None:
            return text.format(found[name], **found)
    if "status" in found:
        return str(found["status"])
    return ", ".join(f"{name} {value}" for name, value in found.items() if isinstance(value, str))


@contextmanager
def _serving(folder: Path) -> Iterator[httpx2.Client]:
    """`raymill serve --demo` as a process of its own, and a client of it."""
    env = {**os.environ, "RAYMILL_HOME": str(folder), "RAYMILL_DATABASE_URL": ""}
    env |= {"RAYMILL_WORKFLOWS_IDLE_S": "5"}
    command = [sys.executable, "-m", "raymill", "serve", "--demo", "--port", "0"]
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    try:
        with httpx2.Client(base_url=_address(process), timeout=120) as client:
            yield client
    finally:
        process.terminate()
        process.wait(30)
        if process.stderr is not None:
            process.stderr.close()


def _address(process: "subprocess.Popen[str]") -> str:
    lines = []
    assert process.stderr is not None
    for line in process.stderr:
        lines.append(line)
        if found := ADDRESS.search(line):
            return found[1]
    raise EngineError(f"`raymill serve --demo` ended at once: {''.join(lines)[-500:].strip()}")
