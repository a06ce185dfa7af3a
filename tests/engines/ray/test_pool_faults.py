"""What becomes of workflows when workers, nodes or the whole cluster fail: with real faults, the
orchestrator and its store."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.engines.ray.doings import LIMIT_S, PLACE, marks, until

from raymill import config, json
from raymill.app.workbench import Workbench
from raymill.engines.ray.pool import RayPool
from raymill.flow.places import workflow_at
from raymill.orchestrator.turn import Pace

pytestmark = [pytest.mark.ray, pytest.mark.system]


class Running:
    """An orchestrator that runs in a thread with its steps on Ray."""

    def __init__(self, folder: Path, **pool: Any) -> None:
        self.folder = folder
        self.pool = RayPool(folder / "artifacts", **pool)
        pace = Pace(inbox_s=0.01, sweep_s=0.5)
        self.bench = Workbench(folder, pool=self.pool, find=workflow_at, pace=pace)
        self._thread = threading.Thread(target=self.bench.run)
        self._thread.start()

    def start(self, name: str, value: Any) -> str:
        (run,) = self.bench.start(workflow_at(PLACE + name), value, place=PLACE + name)
        return run

    def end(self, run: str) -> Any:
        """The row of a run that has ended."""

        def ended() -> Any:
            row = self.bench.store.run(run)
            return row if row and row.ended else None

        return until(ended, f"run {run} ended")

    def ended(self, name: str, value: Any) -> str:
        """A run that was started and has ended."""
        run = self.start(name, value)
        self.end(run)
        return run

    def events(self, run: str) -> list[tuple[str, int]]:
        return [(event.kind, event.attempt) for event in self.bench.store.events(run)]

    def close(self) -> None:
        self.bench.orchestrator.stop()
        self._thread.join()
        self.bench.close()


@contextmanager
def running(folder: Path, **pool: Any) -> Iterator[Running]:
    one = Running(folder, **pool)
    try:
        yield one
    finally:
        one.close()


def begun(folder: Path, what: str = "begun-1") -> int:
    """The process of a step that has begun."""
    return next(pid for name, pid in marks(folder) if name == what)


def wait_for(folder: Path, what: str) -> int:
    until(lambda: what in dict(marks(folder)), f"`{what}` was marked")
    return begun(folder, what)


def connected_process() -> int:
    """The process that is connected to Ray for the pool."""
    threads = Path("/proc/self/task").glob("*/children")
    children = [child for thread in threads for child in thread.read_text().split()]
    (found,) = (
        int(child)
        for child in children
        if "engines.ray.driver" in Path(f"/proc/{child}/cmdline").read_text()
    )
    return found


@pytest.fixture(autouse=True)
def nothing_unforeseen(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """No fault is one that the pool does not know."""
    yield
    assert "ray.pool-failed" not in capfd.readouterr().err


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_a_step_whose_worker_is_killed_runs_again_on_another_one(
    tmp_path: Path, ray_address: str, by: signal.Signals
) -> None:
    with running(tmp_path, workers_min=1, workers_max=1, address=ray_address) as one:
        run = one.start("HOLD", str(tmp_path))
        os.kill(wait_for(tmp_path, "begun-1"), by)
        assert (one.end(run).status, one.bench.output(run)) == ("completed", 2)
        assert one.events(run) == [("lost", 1)]
        (row,) = one.bench.store.steps(run)
        assert (row.attempt, row.losses, row.failures, row.worker) == (2, 1, 0, "ray-0")
    assert [name for name, _ in marks(tmp_path)] == ["begun-1", "begun-2", "ended-2"]


def test_a_worker_that_says_nothing_is_given_up_and_its_late_result_does_not_count(
    tmp_path: Path, ray_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_WORKFLOWS_RAY_SILENT_S", "1")
    config.reset()
    with running(tmp_path, workers_min=1, workers_max=1, address=ray_address) as one:
        run = one.start("HOLD", str(tmp_path))
        os.kill(wait_for(tmp_path, "begun-1"), signal.SIGSTOP)
        assert one.end(run).status == "completed"
        (row,) = one.bench.store.steps(run)
        assert (row.attempt, row.losses) == (2, 1)
        (lost,) = one.bench.store.events(run)
        assert lost.detail == "WorkerLost: worker `ray-0` was silent for 1 s"


def test_the_pool_follows_its_queue_and_gives_its_workers_the_settings(
    tmp_path: Path, ray_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_WORKFLOWS_RAY_IDLE_S", "0.3")
    monkeypatch.setenv("RAYMILL_STREAMS_KEY_GROUPS", "77")
    config.reset()
    with running(tmp_path, workers_min=1, workers_max=3, address=ray_address) as one:
        runs = [one.start("MEET", str(tmp_path)) for _ in range(3)]
        assert [(one.end(run).status, one.bench.output(run)) for run in runs] == [
            ("completed", 77)
        ] * 3
        workers = [step.worker for run in runs for step in one.bench.store.steps(run)]
        assert sorted(workers) == ["ray-0", "ray-1", "ray-2"]
        processes = {pid for _, pid in marks(tmp_path)}
        assert len(processes) == 3
        until(lambda: sum(Path(f"/proc/{pid}").exists() for pid in processes) == 1, "two left")
        assert one.bench.output(one.ended("QUICK", 7)) == 7


def test_a_connection_to_the_cluster_that_is_lost_is_made_anew(
    tmp_path: Path, ray_address: str
) -> None:
    with running(tmp_path, workers_min=1, workers_max=1, address=ray_address) as one:
        run = one.start("HOLD", str(tmp_path))
        worker = wait_for(tmp_path, "begun-1")
        os.kill(connected_process(), signal.SIGKILL)
        assert (one.end(run).status, one.bench.output(run)) == ("completed", 2)
        assert one.events(run) == [("lost", 1)]
        until(lambda: not Path(f"/proc/{worker}").exists(), "the worker ended")


def test_the_workers_of_an_orchestrator_that_is_killed_end_with_it(
    tmp_path: Path, ray_address: str
) -> None:
    module = "tests.engines.ray.doomed_orchestrator"
    doomed = subprocess.Popen([sys.executable, "-m", module, str(tmp_path), ray_address])
    worker = wait_for(tmp_path, "begun-1")
    doomed.kill()
    doomed.wait()
    until(lambda: not Path(f"/proc/{worker}").exists(), "the worker ended")
    with running(tmp_path, workers_min=1, workers_max=1, address=ray_address) as one:
        (row,) = one.bench.store.runs()
        assert (one.end(row.id).status, one.bench.output(row.id)) == ("completed", 2)
    assert [name for name, _ in marks(tmp_path)] == ["begun-1", "begun-2", "ended-2"]


@pytest.mark.slow
def test_however_many_workers_are_killed_nothing_is_lost_or_recorded_twice(
    tmp_path: Path, ray_address: str
) -> None:
    with running(tmp_path, workers_min=2, workers_max=3, address=ray_address) as one:
        runs = [one.start("NOTE", str(tmp_path)) for _ in range(300)]
        killed: set[int] = set()
        while len(killed) < 8:
            (pid,) = until(lambda: {pid for _, pid in marks(tmp_path)[-1:]} - killed, "one works")
            killed.add(pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            runs += [one.start("NOTE", str(tmp_path)) for _ in range(100)]
        assert {one.end(run).status for run in runs} == {"completed"}
        steps = [step for run in runs for step in one.bench.store.steps(run)]
        assert {(step.status, step.failures) for step in steps} == {("done", 0)}
        assert len(steps) == 3 * len(runs)
        assert sum(step.losses for step in steps) <= len(killed)
        assert {name for name, _ in marks(tmp_path)} == {f"{s.run}/{s.step}" for s in steps}
        assert one.bench.output(one.ended("QUICK", 7)) == 7


class Cluster:
    """Several nodes on this machine; see `nodes`."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.engines.ray.nodes", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def tell(self, *words: str) -> None:
        """Have something done."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(LIMIT_S)
        self._process.stdout.close()


QUICK_TO_NOTICE = {
    "RAY_AUTH_MODE": "disabled",
    "RAYMILL_RAY_AUTH_MODE": "disabled",
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "300",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "2",
}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    """One cluster for all faults of nodes: a head that runs no step."""
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        for name, value in QUICK_TO_NOTICE.items():
            patch.setenv(name, value)
        cluster = Cluster(port)
    try:
        cluster.tell("up")
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def quick_to_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in QUICK_TO_NOTICE.items():
        monkeypatch.setenv(name, value)
    config.reset()


@pytest.mark.usefixtures("quick_to_notice")
class TestNodes:
    def test_a_step_that_takes_all_memory_is_tried_twice_and_the_pool_stays(
        self, nodes: Cluster, tmp_path: Path
    ) -> None:
        nodes.tell("add", "small", str(3000 * 2**20))  # others take memory too
        with running(tmp_path, workers_min=1, workers_max=1, address=nodes.address) as one:
            run = one.start("GORGE", str(tmp_path))
            row = one.end(run)
            about = json.loads(row.error)
            assert (row.status, about["type"]) == ("failed", "OutOfMemory")
            assert about["message"] == "the node of worker `ray-0` ran out of memory"
            assert "Memory usage" in about["report"]
            (step,) = one.bench.store.steps(run)
            assert (step.status, step.attempt, step.losses) == ("dead", 2, 2)
            assert one.bench.output(one.ended("QUICK", 7)) == 7
        nodes.tell("kill", "small")

    def test_the_steps_of_a_node_that_is_lost_run_again_on_another_one(
        self, nodes: Cluster, tmp_path: Path
    ) -> None:
        nodes.tell("add", "first")
        with running(tmp_path, workers_min=1, workers_max=2, address=nodes.address) as one:
            run = one.start("HOLD", str(tmp_path))
            wait_for(tmp_path, "begun-1")
            nodes.tell("kill", "first")
            until(lambda: one.events(run), "the loss was noticed")
            nodes.tell("add", "second")
            assert (one.end(run).status, one.bench.output(run)) == ("completed", 2)
            assert one.events(run) == [("lost", 1)]

    def test_what_a_node_does_that_was_believed_dead_does_not_count(
        self, nodes: Cluster, tmp_path: Path
    ) -> None:
        with running(tmp_path, workers_min=1, workers_max=2, address=nodes.address) as one:
            run = one.start("HOLD", str(tmp_path))
            worker = wait_for(tmp_path, "begun-1")
            nodes.tell("freeze", "second")
            until(lambda: one.events(run), "the loss was noticed")
            nodes.tell("add", "third")
            assert (one.end(run).status, one.bench.output(run)) == ("completed", 2)
            assert Path(f"/proc/{worker}").exists()
            (tmp_path / "go").touch()
            until(lambda: len(one.events(run)) == 2, "the late result came")
            nodes.tell("thaw", "second")
            assert one.events(run) == [("lost", 1), ("fenced", 1)]
            assert one.bench.output(run) == 2
        assert [name for name, _ in marks(tmp_path)] == [
            *("begun-1", "begun-2", "ended-2", "ended-1"),
        ]

    def test_runs_wait_while_the_whole_cluster_is_gone_and_go_on_when_it_is_back(
        self, nodes: Cluster, tmp_path: Path
    ) -> None:
        with running(tmp_path, workers_min=1, workers_max=2, address=nodes.address) as one:
            held = one.start("HOLD", str(tmp_path))
            wait_for(tmp_path, "begun-1")
            nodes.tell("down")
            until(lambda: one.events(held), "the loss was noticed")
            waits = one.start("QUICK", 7)
            until(lambda: one.bench.store.run(waits), "the second run was taken up")
            nodes.tell("up", "2")
            assert (one.end(held).status, one.bench.output(held)) == ("completed", 2)
            assert (one.end(waits).status, one.bench.output(waits)) == ("completed", 7)
            assert one.events(waits) == []
