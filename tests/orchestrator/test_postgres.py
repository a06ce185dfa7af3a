"""Runs of workflows on a PostgreSQL server that fails under them."""

import threading
from collections import Counter
from pathlib import Path

import pytest

from raymill.app.workbench import Workbench
from raymill.flow.workflow import Step, Workflow
from servers import PostgresServer


@pytest.mark.system
def test_runs_go_on_while_the_server_crashes_and_starts_again(
    tmp_path: Path, postgres_url: str, postgres_server: PostgresServer
) -> None:
    halfway = threading.Event()
    calls: Counter[int] = Counter()

    def double(value: int) -> int:
        calls[value] += 1
        if len(calls) == 100:
            halfway.set()
        return 2 * value

    flow = Workflow("w", double, Step(lambda value: value + 1, name="more"))
    bench = Workbench(tmp_path, flow, url=postgres_url)
    runs = bench.start(flow, *range(300))
    thread = threading.Thread(target=bench.run)
    thread.start()
    assert halfway.wait(30)
    postgres_server.restart()
    thread.join(60)
    assert [bench.output(run) for run in runs] == [2 * value + 1 for value in range(300)]
    assert set(calls.values()) == {1}
    assert [step.attempt for run in runs for step in bench.store.steps(run)] == [1] * 600
    bench.close()
