"""Orchestrators that a process starts, and what stays of them."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from raymill.app.workflows import STARTING, Workflows

LIMIT_S = 60


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def state(process: Path) -> str:
    """As Linux says it: S sleeps, R runs, Z has ended and nobody heard of it."""
    return (process / "stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.system
def test_an_orchestrator_that_ended_has_no_place_once_others_are_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_HOME", str(tmp_path))
    monkeypatch.setenv("RAYMILL_WORKFLOWS_IDLE_S", "0")
    workflows = Workflows()

    def last() -> Path:
        return Path("/proc") / (tmp_path / STARTING).read_text().split("/")[2]

    assert workflows.ensure()
    first = last()
    until(lambda: state(first) == "Z")
    until(lambda: workflows.ensure() and not first.exists())
    until(lambda: state(last()) == "Z")
    workflows.close()
