"""A long mixed load on the local host: whether its memory grows, and whether anything fails."""

import statistics
import time
from collections.abc import Iterator
from typing import Any

from raymill import json
from raymill.bench.case import Case, Sample, Setup, Work
from raymill.bench.services import servers
from raymill.bench.services.servers import Server

SCREEN = {
    "filters": [{"type": "price_filter", "parameters": {"min_price": 1}}],
    "limit": 20,
}
BACKTEST = {"algorithm_id": "momentum_strategy", "parameters": {"symbol": "AAPL", "period": 14}}
ASKED: tuple[tuple[str, str, Any, int], ...] = (
    ("GET", "/health", None, 50),
    ("GET", "/api/screener/status", None, 2000),
    ("POST", "/api/screener/screen", SCREEN, 500),
    ("GET", "/api/screener/market-overview", None, 200),
    ("GET", "/api/screener/filters", None, 500),
    ("GET", "/api/algorunner/status", None, 2000),
    ("GET", "/api/algorunner/algorithms", None, 200),
    ("POST", "/api/algorunner/run", BACKTEST, 1),
    ("GET", "/api/tickscrawler/status", None, 2000),
    ("GET", "/api/tickscrawler/sources", None, 100),
    ("GET", "/api/tickscrawler/historical?symbol=AAPL&start_date=2026-01-01&interval=1d", None, 50),
    ("GET", "/api/nothing", None, 100),
)
CONNECTIONS = 16
WARM = 1 / 3  # of the time, in which caches fill


def cases() -> Iterator[Case]:
    """The one row of the area."""
    text = "how much more memory the local host has at the end of a mixed load than behind a third"
    yield Case("soak", text, _soak, "MB", "", warm=False, most_runs=1, large=True)


def _soak(setup: Setup) -> Work:
    server = setup.lasting.enter_context(servers.local(setup.lasting_folder / "home", "--demo"))
    return lambda: _loaded(server, setup.minutes * 60)


def _loaded(server: Server, seconds: float) -> Sample:
    begun, answers, failed = time.monotonic(), 0, 0
    memory: list[tuple[float, float]] = []
    while (passed := time.monotonic() - begun) < seconds:
        for method, path, body, count in ASKED:
            text = "" if body is None else json.dumps(body).decode()
            many = min(CONNECTIONS, count)
            done = server.load(path, count, many, method=method, body=text)
            answers += count
            failed += done["failed"] + _broken(done["statuses"])
        memory.append((passed / seconds, server.memory_mb()))
    if failed:
        raise AssertionError(f"{failed} of {answers} requests failed, or were answered with 5xx")
    return Sample(growth(memory), answers)


def _broken(statuses: dict[str, int]) -> int:
    return sum(count for status, count in statuses.items() if int(status) >= 500)


def growth(memory: list[tuple[float, float]]) -> float:
    """How much more there is in the last third of a time than in the second, by the medians.

    memory: when, as a part of the whole time, and how much.
    """
    second = [size for at, size in memory if WARM <= at < 1 - WARM] or [memory[0][1]]
    last = [size for at, size in memory if at >= 1 - WARM] or [memory[-1][1]]
    return statistics.median(last) - statistics.median(second)
