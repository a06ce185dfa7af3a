"""kill -9, for real: the whole local run, one Ray worker, the driver. What is left is whole."""

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.conformance.sums import Made, letters, sums, write_input
from tests.engines.doomed import Doom

from raymill import faults
from raymill.app.streams import run
from raymill.engines.run import Report
from raymill.testing import Aborted

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
COUNT = 200_000
UNIT = 32_768  # bytes of a piece: some 80 of them
MARK = "RAYMILL_TESTS_MARK"  # every process that a doomed run starts has it
LIMIT_S = 120


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An input of 200,000 good records and 8,000 bad ones, 2.6 MB."""
    return write_input(tmp_path_factory.mktemp("input") / "input.csv", COUNT)


@pytest.fixture(scope="module")
def expected(
    source: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Made, bool], None]:
    """Compare outputs: text with what is written down, Parquet with an undisturbed run."""
    folder = tmp_path_factory.mktemp("undisturbed")
    undisturbed = Doom(str(source), str(folder), UNIT)
    undisturbed.go()
    table = undisturbed.made.table.read_bytes()
    lines = sums(COUNT)

    def compare(made: Made, python: bool = False) -> None:
        assert made.left() == ["bad.jsonl", "sums.jsonl", "sums.parquet"]
        assert made.lines.read_bytes() == lines
        assert made.letters.read_bytes() == letters(source, COUNT, "same" if python else "add_up")
        assert made.table.read_bytes() == table

    compare(undisturbed.made)
    return compare


class Started:
    """A doomed run in a process of its own, and every process that comes of it."""

    def __init__(self, doom: Doom) -> None:
        self.mark = uuid4().hex
        self.process = subprocess.Popen(
            doom.command(),
            cwd=ROOT,
            env={**os.environ, MARK: self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def ended(self) -> dict[str, Any]:
        """Wait for the end, which is a good one."""
        out, error = self.process.communicate(timeout=LIMIT_S)
        assert self.process.returncode == 0, error.decode()[-2000:]
        return dict(json.loads(out.splitlines()[-1]))

    def killed(self) -> None:
        """Wait for the death by SIGKILL, and for that of all that it started."""
        _, error = self.process.communicate(timeout=LIMIT_S)
        assert self.process.returncode == -signal.SIGKILL, error.decode()[-2000:]
        wait(lambda: not self.left(), lambda: f"left behind: {self.left()}")

    def left(self) -> list[str]:
        """The processes of this run that are there."""
        return [name for pid in _pids() if (name := _name_of(pid, self.mark)) is not None]


def _pids() -> Iterator[str]:
    yield from filter(str.isdigit, os.listdir("/proc"))


def _name_of(pid: str, mark: str) -> str | None:
    try:
        place = Path("/proc", pid)
        if f"{MARK}={mark}".encode() in (place / "environ").read_bytes():
            return place.joinpath("cmdline").read_text().replace("\0", " ")
    except OSError:  # it ended meanwhile
        pass
    return None


def wait(done: Callable[[], bool], problem: Callable[[], str]) -> None:
    """Wait for a condition, with a limit."""
    limit = time.monotonic() + LIMIT_S
    while not done():
        assert time.monotonic() < limit, problem()
        time.sleep(0.01)


def doom(source: Path, folder: Path, **how: Any) -> Doom:
    """A run over the input, with its outputs in a fresh folder."""
    folder.mkdir()
    return Doom(str(source), str(folder), UNIT, **how)


@pytest.fixture(scope="module")
def passages(source: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many fault points an undisturbed run passes."""
    return int(doom(source, tmp_path_factory.mktemp("count") / "out").go()["passed"])


def unfinished(one: Doom) -> bool:
    """Some output has not got its final name."""
    return not {"bad.jsonl", "sums.jsonl", "sums.parquet"} <= set(one.made.left())


def kill_from_outside(one: Doom, size: int) -> None:
    """Kill a run as soon as its output has so many bytes. Again, if it was quicker than we are."""
    partial = one.made.folder / "sums.jsonl.partial"

    def large(started: Started) -> bool:
        grown = partial.exists() and partial.stat().st_size >= size
        return grown or started.process.poll() is not None

    for _ in range(5):
        started = Started(one)
        wait(lambda s=started: large(s), lambda: "no output comes")  # type: ignore[misc]
        started.process.kill()
        started.process.wait(LIMIT_S)
        if started.process.returncode == -signal.SIGKILL:
            return started.killed()
    raise AssertionError("every run was over before it could be killed")


def check_local_kills(seed: int, source: Path, folder: Path, passages: int, expected: Any) -> None:
    """Kill a local run seven times: from outside, from in it, and at its end."""
    chosen = random.Random(seed)
    one = doom(source, folder / "threads")
    kill_from_outside(one, chosen.randint(1, len(sums(COUNT)) // 3))
    for moment in [chosen.randint(1, passages // 10) for _ in range(5)]:
        workers = chosen.choice([1, 2])
        Started(replace(one, kill_at=moment, workers=workers, resume=True)).killed()
        assert unfinished(one)
    end = replace(one, resume=True, places=("output.rename",), kill_at=chosen.randint(1, 3))
    Started(end).killed()
    assert Started(replace(one, resume=True)).ended()["resumed"]
    expected(one.made)


def check_kills_with_processes(
    seed: int, source: Path, folder: Path, passages: int, expected: Any
) -> None:
    """Kill a local run with processes three times; none of them outlives it."""
    chosen = random.Random(seed)
    one = doom(source, folder / "processes", workers=2, python=True)
    for at in range(3):
        moment = chosen.randint(1, passages // 4)
        Started(replace(one, kill_at=moment, resume=at > 0)).killed()
    Started(replace(one, resume=True)).ended()
    expected(one.made, python=True)


def test_a_local_run_that_was_killed_goes_on(
    source: Path, tmp_path: Path, expected: Any, passages: int
) -> None:
    check_local_kills(0, source, tmp_path, passages, expected)


def test_a_killed_local_run_leaves_no_process_behind(
    source: Path, tmp_path: Path, expected: Any, passages: int
) -> None:
    check_kills_with_processes(0, source, tmp_path, passages, expected)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_a_local_run_that_was_killed_again_and_again_goes_on(
    seed: int, source: Path, tmp_path: Path, expected: Any, passages: int
) -> None:
    check_local_kills(seed, source, tmp_path, passages, expected)
    check_kills_with_processes(seed, source, tmp_path, passages, expected)


on_ray = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


def ray_test(function: Any) -> Any:
    """A test that needs Ray."""
    for mark in on_ray:
        function = mark(function)
    return function


def workers(*, of_others: bool = False) -> list[int]:
    """The processes of the Ray workers of this process, or of the other drivers of its cluster."""
    import ray
    from ray._private.state import actors

    job = ray.get_runtime_context().get_job_id()
    alive = [one for one in actors().values() if one["State"] == "ALIVE"]
    mine = [one for one in alive if one["ActorClassName"] == "RayWorker"]
    return [one["Pid"] for one in mine if (one["JobID"] != job) is of_others]


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> int:
    """Steps of one piece for each worker, with a checkpoint now and then; how many there are."""
    from raymill.engines.ray import engine

    monkeypatch.setattr(engine, "STEP_BYTES", 1)
    return 2_600_000 // UNIT // 2


def at_steps(moments: list[int], action: Callable[[], None]) -> None:
    """Do something when the driver has gone so many steps; behind a loss they are counted on."""
    passed = 0

    def step() -> None:
        nonlocal passed
        passed += 1
        if passed in moments:
            action()

    faults.arm("ray.step", step)


def on_workers(chosen: random.Random, number: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(chosen.choice(workers()), number)


def run_on_ray(made: Made, **how: Any) -> Report:
    """Run in this process, on the cluster that is there."""
    return run(made.pipeline(), engine="ray", workers=2, dead_letter=str(made.letters), **how)


def check_lost_workers(
    seed: int, losses: int, source: Path, folder: Path, steps: int, expected: Any
) -> None:
    """Lose workers at random steps, without a checkpoint on disk and without any help."""
    chosen = random.Random(seed)
    moments = chosen.sample(range(2, steps), losses)
    at_steps(moments, on_workers(chosen, signal.SIGKILL))
    made = Made(source, folder, UNIT)
    report = run_on_ray(made, checkpoint_s=chosen.choice([0.01, 0.1, 60]))
    assert report.recoveries >= 1
    assert report.records_in == COUNT + 2 * COUNT // 50
    expected(made)


@ray_test
def test_a_lost_ray_worker_is_replaced(
    source: Path, tmp_path: Path, expected: Any, small_steps: int
) -> None:
    (tmp_path / "out").mkdir()
    check_lost_workers(0, 3, source, tmp_path / "out", small_steps, expected)


@ray_test
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 18))
def test_ray_workers_that_are_lost_again_and_again_are_replaced(
    seed: int, source: Path, tmp_path: Path, expected: Any, small_steps: int
) -> None:
    (tmp_path / "out").mkdir()
    check_lost_workers(seed, 3, source, tmp_path / "out", small_steps, expected)


@ray_test
def test_a_ray_worker_that_stands_still_for_a_moment_changes_nothing(
    source: Path, tmp_path: Path, expected: Any, small_steps: int
) -> None:
    stopped: list[int] = []

    def stop() -> None:
        stopped.append(random.Random(1).choice(workers()))
        os.kill(stopped[0], signal.SIGSTOP)
        threading.Timer(0.5, os.kill, (stopped[0], signal.SIGCONT)).start()

    at_steps([5], stop)
    (tmp_path / "out").mkdir()
    made = Made(source, tmp_path / "out", UNIT)
    report = run_on_ray(made)
    assert stopped
    assert report.recoveries == 0
    expected(made)


@ray_test
def test_a_checkpoint_behind_a_lost_worker_does_not_speak_of_records_twice(
    source: Path, tmp_path: Path, expected: Any, small_steps: int
) -> None:
    """Steps that are gone again behind a loss are written already; none of them is a place to
    go on from, though replacing a worker takes so long that a checkpoint is due."""
    (tmp_path / "out").mkdir()
    made = Made(source, tmp_path / "out", UNIT)
    passed = 0

    def step() -> None:
        nonlocal passed
        passed += 1
        if passed == 20:
            os.kill(workers()[0], signal.SIGKILL)
        if passed == 26:
            raise Aborted("the test aborted the run")

    faults.arm("ray.step", step)
    with pytest.raises(Aborted):
        run_on_ray(made, checkpoint=str(made.checkpoint), checkpoint_s=0.8)
    faults.disarm()
    run_on_ray(made, checkpoint=str(made.checkpoint), resume=True)
    expected(made)


def check_lost_driver(seed: int, one: Doom, expected: Any) -> None:
    """Kill the driver at a random moment; nobody outlives it, and another goes on."""
    Started(replace(one, kill_at=random.Random(seed).randint(5, 60))).killed()
    assert unfinished(one)
    report = run_on_ray(one.made, checkpoint=str(one.made.checkpoint), resume=True)
    assert report.records_in == COUNT + 2 * COUNT // 50
    expected(one.made)


@ray_test
def test_a_driver_that_was_killed_takes_its_cluster_along_and_its_run_goes_on(
    source: Path, tmp_path: Path, expected: Any, small_steps: int
) -> None:
    check_lost_driver(0, doom(source, tmp_path / "out", engine="ray", workers=2), expected)


@ray_test
def test_a_driver_of_a_shared_cluster_takes_its_workers_along_and_its_run_goes_on(
    source: Path, tmp_path: Path, expected: Any, small_steps: int
) -> None:
    import ray

    address = ray.get_runtime_context().gcs_address
    one = doom(source, tmp_path / "out", engine="ray", workers=2, address=address)
    check_lost_driver(1, one, expected)
    wait(lambda: not workers(of_others=True), lambda: f"left behind: {workers(of_others=True)}")


@ray_test
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 52))
def test_drivers_that_are_killed_again_and_again_are_followed_by_others(
    seed: int, source: Path, tmp_path: Path, expected: Any, small_steps: int
) -> None:
    import ray

    address = None if seed % 10 == 0 else ray.get_runtime_context().gcs_address
    one = doom(source, tmp_path / "out", engine="ray", workers=2, address=address)
    check_lost_driver(seed, one, expected)
