"""Databases that earlier releases wrote are brought up to date, and their runs go on."""

import shutil
from pathlib import Path
from typing import Any

from raymill import json
from raymill.app.workbench import Workbench
from raymill.flow.pool import StepContext
from raymill.flow.workflow import Workflow
from raymill.state.sqlite import SqliteStore
from raymill.state.store import RunRow

GOLDEN = Path(__file__).parent / "golden"


def opened(folder: Path, schema: str) -> SqliteStore:
    shutil.copytree(GOLDEN / schema, folder)
    return SqliteStore(folder)


def row(store: Any, run: str) -> RunRow:
    found = store.run(run)
    assert isinstance(found, RunRow)
    return found


def test_a_journal_of_the_first_schema_reads_as_it_was_written(tmp_path: Path) -> None:
    store = opened(tmp_path / "home", "schema-1")
    completed = row(store, "r-completed")
    assert completed == RunRow(
        *("r-completed", "golden", "golden", "1", "completed", 0, b"1", b"4", None, None),
        *(100.0, 102.0, None, "local"),
    )
    assert [(s.step, s.status, s.attempt, s.worker) for s in store.steps("r-open")] == [
        ("first", "done", 1, ""),
        ("second", "begun", 2, ""),
    ]
    assert [(e.kind, e.detail) for e in store.events("r-failed")] == [
        ("error", "OSError: it broke")
    ]
    assert (store.limits(), store.schedules(), store.taken()) == ({"sec": 7.5}, [], 0)
    assert [message.run for message in store.inbox()] == ["r-submitted"]
    store.close()


def test_runs_of_the_first_schema_are_taken_up_and_finished(tmp_path: Path) -> None:
    seen: list[Any] = []

    def first(value: int) -> int:
        return value + 1

    def second(value: int, ctx: StepContext) -> int:
        seen.append((ctx.run, ctx.attempt, ctx.progress))
        return value * 2

    opened(tmp_path / "home", "schema-1").close()
    b = Workbench(tmp_path / "home", Workflow("golden", first, second, version="1"))
    asked = [("resume", "r-paused", b"{}"), ("retry", "r-failed", b"{}")]
    b.store.send(asked, 200.0)
    b.run()
    for run in ("r-completed", "r-failed", "r-open", "r-paused", "r-submitted"):
        assert b.output(run) == 4
    assert sorted(seen) == [
        ("r-failed", 2, None),
        ("r-open", 3, {"at": 7}),  # its second attempt was under way when the journal was left
        ("r-paused", 1, None),
        ("r-submitted", 1, None),
    ]
    assert row(b.store, "r-open").priority == 3
    (done,) = (step for step in b.store.steps("r-completed") if step.step == "second")
    assert (done.attempt, json.loads(done.output or b"")) == (1, 4)
    b.close()
