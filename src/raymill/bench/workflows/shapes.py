"""How runs spread over workers, and what a store full of finished runs costs."""

import itertools
import time
from collections.abc import Iterator

from raymill.app.workbench import Workbench
from raymill.bench.case import Case, Setup, Work, seconds
from raymill.bench.workflows.busy import FINISHED, fill
from raymill.flow.workflow import Step, Workflow
from raymill.state.sqlite import SqliteStore

TICKERS = 4
STEP_S = 0.1


def cases() -> Iterator[Case]:
    """Four runs of slow steps on four workers; a page of a long list."""
    text = f"{TICKERS} runs of 4 steps of {STEP_S} s on {TICKERS} workers; 0.4 s is what it takes"
    yield Case("workflows.spread", text, _spread, unit="s", stream="", most_runs=3)
    text = f"the newest 50 of {FINISHED:,} finished runs"
    yield Case("workflows.page", text, _page, unit="ms", stream="")


def slow(value: int) -> int:
    """Take a tenth of a second."""
    time.sleep(STEP_S)
    return value


def _spread(setup: Setup) -> Work:
    turn = itertools.count()
    flow = Workflow("slow", *(Step(slow, name=f"step_{n}") for n in range(4)))

    def work() -> int:
        bench = Workbench(setup.folder / f"spread-{next(turn)}", flow, workers=TICKERS)
        try:
            bench.start(flow, *range(TICKERS))
            bench.run()
        finally:
            bench.close()
        return TICKERS

    return seconds(work)


def _page(setup: Setup) -> Work:
    count = fill(setup, "full")
    store = SqliteStore(setup.folder / "full")
    setup.lasting.callback(store.close)

    def work() -> int:
        assert len(store.runs(most=50)) == min(count, 50)
        return count

    return seconds(work, 1e3)
