"""The local engine: pieces of any size, threads, processes, and how it stops."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.sums import Made, sums, write_input
from tests.conformance.tasks import add_up

from raymill import faults
from raymill.app.streams import Run, Started, run
from raymill.connectors.csv import CsvSource
from raymill.engines import local
from raymill.errors import EngineError, Interrupted
from raymill.flow import task
from raymill.flow.pipeline import read
from raymill.testing import TestingSource

COUNT = 150


@pytest.fixture
def made(tmp_path: Path) -> Made:
    (tmp_path / "out").mkdir()
    return Made(write_input(tmp_path / "input.csv", COUNT), tmp_path / "out", unit=256)


def test_pieces_that_are_too_large_are_read_block_by_block(
    made: Made, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "STREAMED", 200)
    run(made.pipeline(), workers=workers, dead_letter=str(made.letters))
    assert made.lines.read_bytes() == sums(COUNT)


def test_functions_that_cannot_travel_run_in_threads(workers: int) -> None:
    found: list[Any] = []
    step = 3

    @task
    def onward(value: float) -> float:
        return value + step

    pids: set[int] = set()

    @task
    def where(value: float) -> float:
        pids.add(os.getpid())
        return value

    stream = read(TestingSource([float(n) for n in range(40)], size=4)).then(onward).then(where)
    run(stream.write(found), workers=workers)
    assert [one["value"] for one in found] == [n + 3.0 for n in range(40)]
    assert pids == {os.getpid()}


@task
def whose(value: float) -> int:
    """The process that it runs in."""
    return os.getpid()


@pytest.mark.system
def test_record_functions_get_processes(made: Made) -> None:
    found: list[Any] = []
    start = read(CsvSource((str(made.source),), types={"value": "double"}, unit=256))
    run(start.then(whose, as_="pid").write(found), workers=2, on_error="skip")
    assert len(found) == COUNT
    assert os.getpid() not in {one["pid"] for one in found}


@task
def die(value: float) -> float:
    """Takes its process along."""
    os._exit(7)


@pytest.mark.system
def test_a_process_that_dies_ends_the_run_with_what_to_do(tmp_path: Path) -> None:
    source = write_input(tmp_path / "input.csv", 20)
    start = read(CsvSource((str(source),), types={"value": "double"}))
    with pytest.raises(EngineError, match="process of the run died") as died:
        run(start.then(die).write(str(tmp_path / "out.jsonl")), workers=2)
    assert died.value.hint
    assert sorted(p.name for p in tmp_path.iterdir()) == ["input.csv", "out.jsonl.partial"]


def test_cancelling_without_a_checkpoint_says_what_would_have_helped(
    made: Made, workers: int
) -> None:
    started = Started(Run(made.pipeline(), workers=workers, dead_letter=str(made.letters)))
    faults.arm("local.piece", started.cancel)
    with pytest.raises(Interrupted) as stopped:
        started.run()
    assert "--checkpoint" in str(stopped.value.hint)
    assert "sums.jsonl" not in made.left()


def test_an_error_in_a_thread_is_the_error_of_the_run(made: Made, workers: int) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    faults.arm("output.write", full)
    with pytest.raises(Exception, match="space"):
        run(made.pipeline(add_up), workers=workers, dead_letter=str(made.letters))
    assert not {"sums.jsonl", "sums.parquet"} & set(made.left())
