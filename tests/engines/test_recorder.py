"""The ordered end of a run: a crash at any place of it leaves something to go on from."""

from pathlib import Path
from typing import Any

import pytest
from tests.conformance.sums import Made, letters, sums, write_input
from tests.conformance.tasks import warm
from tests.engines.doomed import PLACES

from raymill import faults
from raymill.app.streams import Run, Started, run
from raymill.connectors.csv import CsvSource
from raymill.engines.recorder import _differences
from raymill.errors import TaskError
from raymill.flow.pipeline import read
from raymill.testing import Aborted

COUNT = 120


@pytest.fixture
def made(tmp_path: Path) -> Made:
    (tmp_path / "out").mkdir()
    return Made(write_input(tmp_path / "input.csv", COUNT), tmp_path / "out", unit=400)


def crash_at(made: Made, passage: int) -> int:
    """Run and break off at some passage of a fault point, or at the end. Gives how many passed."""
    passed = 0

    def count() -> None:
        nonlocal passed
        passed += 1
        if passed == passage:
            raise Aborted("the test aborted the run")

    for place in PLACES:
        faults.arm(place, count)
    try:
        run(made.pipeline(), **made.how(checkpoint_records=40, resume=True))
    except Aborted:
        assert passed == passage
    finally:
        faults.disarm()
    return passed


def test_a_crash_at_any_place_of_a_run_leaves_something_to_go_on_from(made: Made) -> None:
    undisturbed = crash_at(made, 0)
    given = made.given()
    assert given[:2] == (sums(COUNT), letters(made.source, COUNT))
    assert undisturbed > 30
    for passage in range(1, undisturbed + 1):
        for path in made.folder.iterdir():
            path.unlink() if path.is_file() else None
        crash_at(made, passage)
        run(made.pipeline(), **made.how(resume=True))
        assert made.given() == given, f"crashed at passage {passage}"
        assert made.left() == ["bad.jsonl", "sums.jsonl", "sums.parquet"]


def test_a_crash_behind_every_crash(made: Made) -> None:
    passage = 1
    while crash_at(made, passage) >= passage:
        passage += 1
        assert passage < 100
    assert made.given()[:2] == (sums(COUNT), letters(made.source, COUNT))


def stream(path: Path, text: str) -> Any:
    path.write_text(text, encoding="utf-8")
    return read(CsvSource((str(path),), types={"value": "string"}, unit=8)).then(warm)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("value\n5\n\n6\nx\n", "input.csv:5: task `warm` failed: `value` is not a number"),
        ("value\n5\n6,7\n", "input.csv:3: 2 columns instead of 1"),
    ],
)
def test_a_run_that_stops_names_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    pipeline = stream(tmp_path / "input.csv", text).write(str(tmp_path / "out.jsonl"))
    with pytest.raises(TaskError, match=f"{message}$") as stopped:
        run(pipeline, on_error="stop")
    assert "dead-letter" in str(stopped.value.hint)
    assert "record" in stopped.value.details
    assert sorted(p.name for p in tmp_path.iterdir()) == ["input.csv", "out.jsonl.partial"]


def test_differences_are_named_by_their_place() -> None:
    old = {"a": [1, {"b": 2}], "gone": 1, "same": 0}
    new = {"a": [1, {"b": 3}], "same": 0, "more": None}
    assert list(_differences(old, new)) == [("a[1].b", 2, 3), ("gone", 1, None)]
    assert list(_differences([1], [1, 2])) == [("", [1], [1, 2])]


def test_progress_tells_records_and_bytes(made: Made) -> None:
    told: list[Any] = []
    started = Started(Run(made.pipeline(), progress=told.append, dead_letter=str(made.letters)))
    report = started.run()
    assert all(one.bytes_total == made.source.stat().st_size for one in told)
    assert report.metrics.total.bytes_in == made.source.stat().st_size
