"""Workflows in this process, in a folder, run to their ends: for tests, measurements, scripts."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from raymill import json
from raymill.engines.pool import LocalPool
from raymill.errors import StoreError
from raymill.flow.places import among
from raymill.flow.pool import WorkerPool
from raymill.flow.workflow import Workflow
from raymill.orchestrator.clock import Clock
from raymill.orchestrator.loop import Orchestrator
from raymill.orchestrator.turn import Pace
from raymill.state.artifacts import Artifacts
from raymill.state.owner import alive, owner
from raymill.state.store import RunRow, open_store


class Workbench:
    """A store in a folder, with what is needed to run workflows from it in this process."""

    def __init__(
        self,
        folder: str | Path,
        *flows: Workflow,
        url: str = "",
        workers: int = 2,
        pool: WorkerPool | None = None,
        others: Mapping[str, Callable[[], WorkerPool]] = MappingProxyType({}),
        find: Callable[[str], Workflow] | None = None,
        clock: Clock | None = None,
        pace: Pace | None = None,
        ended: Callable[[RunRow], Any] = lambda row: None,
    ) -> None:
        self.folder = Path(folder)
        self.store = open_store(self.folder, url)
        self.artifacts = Artifacts(self.folder / "artifacts")
        self.clock = clock or Clock()
        find = find or among(*flows)
        self.orchestrator = Orchestrator(
            self.store,
            pool or LocalPool(workers, self.artifacts.folder, find),
            find,
            others=others,
            fetch=self.artifacts.get,
            keep=self.artifacts.put,
            clock=self.clock,
            pace=pace or Pace(inbox_s=0.01, idle_s=0.0),
            ended=ended,
        )

    def run(self) -> None:
        """Take the lease and run until nothing is left to do."""
        lease = self.store.acquire(owner(), self.orchestrator.pace.lease_s, now(self), alive)
        if lease is None:
            raise StoreError(f"`{self.folder}` is run by another orchestrator")
        try:
            self.orchestrator.run(lease)
        finally:
            self.store.release(lease.epoch)

    def start(self, flow: Workflow, *values: Any, place: str = "", **how: Any) -> list[str]:
        """Start runs, to be run by `run`."""
        start = self.orchestrator.submit
        return [start(flow, json.dumps(value), place=place, **how) for value in values]

    def output(self, run: str) -> Any:
        """What a run gave. Raises AssertionError with its error if it did not complete."""
        row = self.store.run(run)
        assert row is not None, f"run `{run}` is not in the journal"
        assert row.status == "completed", f"{row.status}: {(row.error or b'').decode()}"
        return self.artifacts.load(row.output or b"null")

    def statuses(self, run: str) -> dict[str, Any]:
        """The status of each step, of its items in order where it is a fan-out."""
        found: dict[str, Any] = {}
        for row in sorted(self.store.steps(run), key=lambda row: row.item):
            if row.item < 0:
                found[row.step] = row.status
            else:
                found.setdefault(row.step, []).append(row.status)
        return found

    def close(self) -> None:
        """Close the store."""
        self.store.close()


def now(bench: Workbench) -> float:
    """What the clock of a bench says."""
    return bench.clock.now()


def run_workflow(folder: str | Path, flow: Workflow, *values: Any, **how: Any) -> Sequence[Any]:
    """Run a workflow durably in a folder, once for each value; gives the outputs in order."""
    bench = Workbench(folder, flow, **how)
    try:
        ids = bench.start(flow, *values)
        bench.run()
        return [bench.output(one) for one in ids]
    finally:
        bench.close()
