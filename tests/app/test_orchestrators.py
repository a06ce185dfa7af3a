"""Orchestrators that a process starts, and what stays of them."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from raymill.app.workflows import Workflows

LIMIT_S = 60


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + LIMIT_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def ended() -> set[str]:
    """Processes that this one started, that have ended, and whose end it has not heard of."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, *_ = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if state == "Z" and int(parent) == os.getpid():
            found.add(process.name)
    return found


@pytest.mark.system
def test_an_orchestrator_that_ended_has_no_place_once_others_are_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_HOME", str(tmp_path))
    monkeypatch.setenv("RAYMILL_WORKFLOWS_IDLE_S", "0")
    before = ended()
    workflows = Workflows()
    assert workflows.ensure()
    until(lambda: ended() - before)
    first = ended() - before
    until(lambda: workflows.ensure() and not first & ended())
    until(lambda: not workflows.is_run())
    workflows.close()
