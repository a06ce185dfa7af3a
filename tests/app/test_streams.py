"""Running pipelines: what is checked first, where things go, what is reported."""

from pathlib import Path
from typing import Any

import pytest
from tests.conformance.tasks import halfway, warm

from raymill import config
from raymill.app.streams import Run, Started, check, run
from raymill.engines.run import Options
from raymill.errors import CheckpointError, ConfigError, PipelineError, UnknownName
from raymill.flow.pipeline import Stream, read
from raymill.testing import TestingSource

RECORDS: list[dict[str, Any]] = [
    {"key": "a", "value": 8.0},
    {"key": "b", "value": None},
    {"key": "a", "value": 1.0},
]


def stream() -> Stream:
    return read(TestingSource(RECORDS)).then(warm)


def test_a_list_takes_the_records() -> None:
    found: list[Any] = []
    report = run(stream().write(found), on_error="skip")
    assert found == [{"key": "a", "value": 8.0}]
    assert (report.records_in, report.records_out) == (3, 1)
    assert report.engine == "local"
    assert report.nodes["warm"]["skipped"] == {"too cold": 1}
    assert report.to_dict()["metrics"]["total"]["failed"] == {"`value` is null": 1}
    assert report.dead_letters is None


def test_nothing_runs_when_a_pipeline_is_checked(tmp_path: Path) -> None:
    plan = check(stream().write(str(tmp_path / "out.jsonl")))
    assert [node.label for node in plan.nodes] == ["read", "warm"]
    with pytest.raises(PipelineError, match="No field `v`"):
        check(read(TestingSource(RECORDS)).then(warm, field="v").write([]))
    assert list(tmp_path.iterdir()) == []


def test_dead_letters_lie_beside_the_output(tmp_path: Path) -> None:
    report = run(stream().write(str(tmp_path / "out.jsonl")))
    assert report.dead_letters == f"{tmp_path}/out.jsonl.dead.jsonl"
    assert report.outputs == [f"{tmp_path}/out.jsonl"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "out.jsonl.dead.jsonl"]


def test_without_a_file_they_bear_the_name_of_the_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(stream().write([])).dead_letters == "warm.dead.jsonl"
    assert run(stream().write([]), dead_letter="x.jsonl").dead_letters == "x.jsonl"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["warm.dead.jsonl", "x.jsonl"]


def test_an_old_file_of_bad_records_goes_when_there_are_none(tmp_path: Path) -> None:
    letters = tmp_path / "out.jsonl.dead.jsonl"
    letters.write_text("old", encoding="utf-8")
    run(read(TestingSource(RECORDS[:1])).then(warm).write(str(tmp_path / "out.jsonl")))
    assert not letters.exists()


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ({"workers": 0}, ConfigError, "at least one worker, not 0"),
        ({"engine": "loca"}, UnknownName, "Unknown engine `loca`"),
        ({"resume": True}, ConfigError, "resume from a checkpoint only"),
    ],
)
def test_what_is_wrong_is_said_before_the_run(
    how: dict[str, Any], kind: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=message):
        run(stream().write(str(tmp_path / "out.jsonl")), **how)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_needs_an_output_that_can_be_gone_back_in(tmp_path: Path) -> None:
    for where in ([], "-", "/dev/null"):
        with pytest.raises(CheckpointError, match="cannot be resumed"):
            Started(Run(stream().write(where), checkpoint=str(tmp_path / "kept")))


def test_an_input_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("key,value\na,1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="is an input of the run"):
        run(read(str(path)).then(halfway).write(str(path)))
    assert path.read_text(encoding="utf-8") == "key,value\na,1\n"


def test_settings_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYMILL_STREAMS_ON_ERROR", "skip")
    monkeypatch.setenv("RAYMILL_STREAMS_CHECKPOINT_S", "2.5")
    monkeypatch.setenv("RAYMILL_STREAMS_KEY_GROUPS", "7")
    config.reset()
    options: Options = Started(Run(stream().write([]))).job.options
    assert (options.on_error, options.checkpoint_s, options.key_groups) == ("skip", 2.5, 7)
    mine = Started(Run(stream().write([]), on_error="stop", checkpoint_s=1.0)).job.options
    assert (mine.on_error, mine.checkpoint_s) == ("stop", 1.0)


def test_a_source_may_be_wrapped() -> None:
    found: list[Any] = []
    wrapped: list[Any] = []

    def wrap(source: Any) -> Any:
        wrapped.append(source)
        return source

    run(stream().write(found), wrap=wrap, on_error="skip")
    assert len(wrapped) == len(found) == 1
