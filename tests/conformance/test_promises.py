"""The same bytes on every engine, with any number of workers, also after a run was broken off."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.conformance.sums import COUNT, TOTALS, Made, letters, sums, write_input

from raymill import faults
from raymill.app.streams import Run, Started
from raymill.engines.job import run_job
from raymill.engines.run import Report, Runner
from raymill.errors import CheckpointError, Interrupted, TaskError
from raymill.testing import Aborted

Go = Callable[..., Report]
STEP = {"local": "local.piece", "ray": "ray.step"}


@pytest.fixture
def made(tmp_path: Path) -> Made:
    (tmp_path / "out").mkdir()
    return Made(write_input(tmp_path / "input.csv"), tmp_path / "out")


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The Parquet file of an undisturbed run with one worker."""
    folder = tmp_path_factory.mktemp("undisturbed")
    plain = Made(write_input(folder / "input.csv"), folder)
    Started(Run(plain.pipeline(), dead_letter=str(plain.letters))).run()
    table = pq.read_table(plain.table)
    assert table.column("n").to_pylist() == list(range(COUNT))
    assert table.column("value").to_pylist() == [
        m * (m + 1) / 2 for m in (n // 7 + 1 for n in range(COUNT))
    ]
    return plain.table.read_bytes()


def whole(made: Made, parquet: bytes) -> None:
    """All outputs are there as they should be, and nothing else."""
    assert made.left() == ["bad.jsonl", "sums.jsonl", "sums.parquet"]
    assert made.given() == (sums(), letters(made.source), parquet)
    assert list(made.checkpoint.iterdir()) == [] if made.checkpoint.exists() else True


def counted(report: Report) -> dict[str, Any]:
    total = report.metrics.total
    return {name: getattr(total, name) for name in TOTALS}


def test_all_outputs_have_the_same_bytes(made: Made, parquet: bytes, go: Go, workers: int) -> None:
    report = go(made.pipeline(), workers=workers, dead_letter=str(made.letters))
    whole(made, parquet)
    assert counted(report) == TOTALS


def test_a_checkpoint_at_every_step_changes_no_byte(
    made: Made, parquet: bytes, go: Go, workers: int
) -> None:
    report = go(made.pipeline(), workers=workers, **made.how(checkpoint_records=1))
    whole(made, parquet)
    assert counted(report) == TOTALS
    assert report.checkpoints > 4


@pytest.fixture
def after(engine: str) -> Iterator[Callable[[int, Callable[[], None]], None]]:
    """Do something when the run has gone some steps."""

    def arm(steps: int, action: Callable[[], None], place: str = STEP[engine]) -> None:
        passed = iter(range(steps))

        def step() -> None:
            if next(passed, None) is None:
                faults.disarm()
                action()

        faults.arm(place, step)

    yield arm
    faults.disarm()


def abort() -> None:
    raise Aborted("the test aborted the run")


def test_a_cancelled_run_goes_on_from_its_checkpoint(
    made: Made, parquet: bytes, make_runner: Callable[[], Runner], after: Any, go: Go
) -> None:
    runner = make_runner()
    after(15, runner.cancel)
    with pytest.raises(Interrupted, match="Interrupted") as stopped:
        run_job(runner, Started(Run(made.pipeline(), workers=2, **made.how())).job)
    assert "--resume" in str(stopped.value.hint)
    assert "sums.jsonl" not in made.left()
    assert 0 < len((made.folder / "sums.jsonl.partial").read_bytes()) < len(sums())
    report = go(made.pipeline(), workers=2, **made.how(resume=True))
    assert report.resumed
    whole(made, parquet)
    assert counted(report) == TOTALS


@pytest.mark.parametrize(("before", "behind"), [(1, 2), (2, 4), (4, 1)])
def test_a_run_goes_on_with_another_number_of_workers(
    made: Made, parquet: bytes, go: Go, after: Any, before: int, behind: int
) -> None:
    after(15, abort)
    with pytest.raises(Aborted):
        go(made.pipeline(), workers=before, **made.how(checkpoint_records=1))
    report = go(made.pipeline(), workers=behind, **made.how(resume=True))
    assert report.resumed
    whole(made, parquet)
    assert counted(report) == TOTALS


def test_a_run_goes_on_from_a_checkpoint_of_the_local_engine(
    made: Made, parquet: bytes, go: Go, after: Any
) -> None:
    after(15, abort, "local.piece")
    with pytest.raises(Aborted):
        Started(Run(made.pipeline(), **made.how(checkpoint_records=1))).run()
    assert go(made.pipeline(), workers=2, **made.how(resume=True)).resumed
    whole(made, parquet)


def test_a_run_goes_on_on_the_local_engine(made: Made, parquet: bytes, go: Go, after: Any) -> None:
    after(15, abort)
    with pytest.raises(Aborted):
        go(made.pipeline(), workers=2, **made.how(checkpoint_records=1))
    assert Started(Run(made.pipeline(), workers=4, **made.how(resume=True))).run().resumed
    whole(made, parquet)


def test_a_run_goes_on_that_was_broken_off_at_its_very_end(
    made: Made, parquet: bytes, go: Go, after: Any, workers: int
) -> None:
    after(1, abort, "output.rename")  # all is read and saved, one output has its final name
    with pytest.raises(Aborted):
        go(made.pipeline(), workers=workers, **made.how())
    assert go(made.pipeline(), workers=workers, **made.how(resume=True)).resumed
    whole(made, parquet)


def test_to_resume_without_a_checkpoint_is_to_begin(made: Made, parquet: bytes, go: Go) -> None:
    report = go(made.pipeline(), workers=2, **made.how(resume=True))
    assert not report.resumed
    whole(made, parquet)


def test_a_run_that_begins_anew_forgets_the_checkpoint_of_the_one_before(
    made: Made, parquet: bytes, go: Go, after: Any
) -> None:
    after(15, abort)
    with pytest.raises(Aborted):
        go(made.pipeline(), workers=1, **made.how(checkpoint_records=1))
    after(1, abort)
    with pytest.raises(Aborted):  # before its own first checkpoint
        go(made.pipeline(), workers=1, **made.how())
    go(made.pipeline(), workers=1, **made.how(resume=True))
    whole(made, parquet)


@pytest.fixture
def broken_off(made: Made) -> Made:
    """A run that was broken off, with its checkpoint."""
    passed = iter(range(3))
    faults.arm("local.piece", lambda: next(passed, None) is None and abort())
    with pytest.raises(Aborted):
        Started(Run(made.pipeline(), **made.how(checkpoint_records=1))).run()
    faults.disarm()
    return made


DIFFERENCES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "key": ({"key": "n"}, {}, r"tasks\[0\]\.key\[0\] was 'key', now it is 'n'"),
    "field": ({"field": "n"}, {}, r"tasks\[0\]\.fields\.value was 'value', now it is 'n'"),
    "output": ({"as_": "sum"}, {}, r"tasks\[0\]\.outputs\.value was 'value', now it is 'sum'"),
    "on-error": ({}, {"on_error": "skip"}, "errors was 'dead-letter', now it is 'skip'"),
    "dead letters": ({}, {"dead_letter": "x.jsonl"}, "dead letters was '.*bad.jsonl'"),
}


@pytest.mark.parametrize("what", DIFFERENCES)
def test_another_run_is_refused_and_the_difference_named(
    broken_off: Made, go: Go, what: str
) -> None:
    given, how, message = DIFFERENCES[what]
    with pytest.raises(CheckpointError, match=f"another run: {message}") as refused:
        go(broken_off.pipeline(**given), **broken_off.how(resume=True, **how))
    assert "without --resume" in str(refused.value.hint)
    assert refused.value.exit_code == 2


def test_another_task_is_refused(broken_off: Made, go: Go) -> None:
    with pytest.raises(CheckpointError, match="task was 'add_up', now it is 'kalman_filter'"):
        go(broken_off.pipeline("kalman_filter"), **broken_off.how(resume=True))


def test_another_parameter_is_refused(made: Made, go: Go, after: Any) -> None:
    pipeline = made.pipeline("kalman_filter", q=0.5)
    after(2, abort, "local.piece")
    with pytest.raises(Aborted):
        Started(Run(pipeline, **made.how(checkpoint_records=1))).run()
    message = r"tasks\[0\]\.parameters\.q was 0\.5, now it is 0\.25"
    with pytest.raises(CheckpointError, match=message):
        go(made.pipeline("kalman_filter", q=0.25), **made.how(resume=True))


def test_another_output_is_refused(broken_off: Made, go: Go, tmp_path: Path) -> None:
    other = Made(broken_off.source, tmp_path)
    with pytest.raises(CheckpointError, match=r"output\[0\]\.name was '.*out/sums.jsonl'"):
        go(other.pipeline(), **broken_off.how(resume=True))


def test_another_format_is_refused(broken_off: Made, go: Go) -> None:
    with pytest.raises(CheckpointError, match=r"output\[0\]\.format was 'jsonl', now it is 'csv'"):
        go(broken_off.pipeline(format="csv"), **broken_off.how(resume=True))


def test_a_changed_input_is_refused(broken_off: Made, go: Go) -> None:
    with broken_off.source.open("a") as file:
        file.write("1000,k0,1\n")
    with pytest.raises(CheckpointError, match=r"input\.files\[0\]\.size was \d+"):
        go(broken_off.pipeline(), **broken_off.how(resume=True))


def test_a_bad_record_stops_the_run_when_told_to(made: Made, go: Go) -> None:
    with pytest.raises(TaskError, match=f"^{made.source}:3: task `add_up` failed: `value` is null"):
        go(made.pipeline(), workers=1, on_error="stop")
    assert not {"sums.jsonl", "sums.parquet", "bad.jsonl"} & set(made.left())


def test_bad_records_are_counted_and_left_out_when_told_to(
    made: Made, parquet: bytes, go: Go
) -> None:
    report = go(made.pipeline(), workers=2, on_error="skip", dead_letter=str(made.letters))
    assert made.left() == ["sums.jsonl", "sums.parquet"]
    assert (made.lines.read_bytes(), made.table.read_bytes()) == (sums(), parquet)
    assert counted(report) == TOTALS


def test_without_order_the_records_are_the_same(made: Made, go: Go) -> None:
    go(made.pipeline(), workers=4, ordered=False, dead_letter=str(made.letters))
    assert sorted(made.lines.read_bytes().splitlines()) == sorted(sums().splitlines())
