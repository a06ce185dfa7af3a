"""Backtests and sweeps of two moving averages: bar by bar, over columns, 1,000 pairs of them."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from raymill import json
from raymill.bench.case import Case, Sample, Setup, Work
from raymill.bench.market import series
from raymill.errors import EngineError
from raymill.market.backtest import Path, backtest
from raymill.market.costs import Costs
from raymill.market.strategies.sma_cross import SmaCross
from raymill.market.sweep.run import job_for, sweep

CHILD = "raymill.bench.market.child"
FAST, SLOW = 10, 50
IN_A_ROW = 10  # a run of milliseconds is too short to be timed alone
BARS = "M bars/s"


def cases() -> Iterator[Case]:
    """A run on each path, and sweeps."""
    text = "two moving averages over 500,000 bars of a minute, bar by bar through the engine"
    yield Case("market.on_bar", text, _path("on_bar"), BARS, "", against="market.on_bar.python")
    text = "a plain Python loop with the same averages and equity over a list of closes"
    yield Case("market.on_bar.python", text, _plain, BARS, "")
    text = "the same run over columns: targets, fills, equity; ten times in a row"
    yield Case("market.vector", text, _path("vector", IN_A_ROW), BARS, "", against="market.on_bar")
    text = "1,000 pairs over 2,520 daily bars, from parameters to ranked figures"
    yield Case("market.sweep.daily", text, _daily, "ms", "")
    text = "1,000 pairs over 500,000 bars of a minute on one thread"
    yield Case("market.sweep.minutes", text, _minutes(1), "s", "", most_runs=3)
    text = "the same on two threads"
    against = "market.sweep.minutes"
    name = "market.sweep.minutes.two_threads"
    yield Case(name, text, _minutes(2), "s", "", against=against, most_runs=3)
    text = "peak memory of a process that does it on two threads, all of it"
    name = "market.sweep.minutes.memory"
    yield Case(name, text, _memory, "MB", "", warm=False, most_runs=1)


def _count(setup: Setup) -> int:
    return max(1_000, setup.count(series.MINUTES))


def _path(path: Path, times: int = 1) -> Callable[[Setup], Work]:
    def prepare(setup: Setup) -> Work:
        bars = setup.once("market.minutes", lambda: series.minutes(_count(setup)))
        strategy, costs = SmaCross(FAST, SLOW), Costs(fee_bps=series.COSTS["minutes"])

        def work() -> int:
            runs = (backtest(strategy, bars, costs, path=path, per_year=1e5) for _ in range(times))
            return sum(len(done.equity) for done in runs)

        return _timed(work, lambda bars, elapsed: bars / elapsed / 1e6)

    return prepare


def _plain(setup: Setup) -> Work:
    closes = setup.once("market.minutes", lambda: series.minutes(_count(setup))).close.tolist()

    def work() -> int:
        fast, slow = sum(closes[:FAST]), sum(closes[:SLOW])
        cash, units, equity = 1.0, 0.0, []
        for at in range(SLOW, len(closes)):
            close = closes[at]
            fast += close - closes[at - FAST]
            slow += close - closes[at - SLOW]
            if fast * SLOW > slow * FAST:
                if units == 0.0:
                    cash, units = 0.0, cash / close
            elif units:
                cash, units = units * close, 0.0
            equity.append(cash + units * close)
        return len(closes)

    return _timed(work, lambda bars, elapsed: bars / elapsed / 1e6)


def _daily(setup: Setup) -> Work:
    bars, costs = series.days(), Costs(fee_bps=series.COSTS["days"])
    count = min(series.SETS, setup.count(series.SETS))

    def work() -> int:
        sets = series.sets(count)
        sweep(job_for(sets, bars, costs), sets, threads=1).best("sharpe", 10)
        return len(sets)

    return _timed(work, lambda sets, elapsed: elapsed * 1e3)


def _minutes(threads: int) -> Callable[[Setup], Work]:
    def prepare(setup: Setup) -> Work:
        bars = setup.once("market.minutes", lambda: series.minutes(_count(setup)))
        sets = series.sets(min(series.SETS, setup.count(series.SETS)))
        job = job_for(sets, bars, Costs(fee_bps=series.COSTS["minutes"]), per_year=1e5)

        def work() -> int:
            return sweep(job, sets, threads=threads).trials

        return _timed(work, lambda sets, elapsed: elapsed)

    return prepare


def _memory(setup: Setup) -> Work:
    sets = min(series.SETS, setup.count(series.SETS))

    def work() -> Sample:
        told = _child(str(_count(setup)), str(sets))
        return Sample(told["peak_mb"], told["sets"])

    return work


def _child(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", CHILD, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineError(f"The measured process failed: {done.stderr.strip()[-500:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1].encode())
    return told


def _timed(work: Callable[[], int], figure: Callable[[int, float], float]) -> Work:
    def run() -> Sample:
        begun, busy = time.perf_counter(), time.process_time()
        records = work()
        elapsed = time.perf_counter() - begun
        return Sample(figure(records, elapsed), records, (time.process_time() - busy) / elapsed)

    return run
