"""What the conformance tests share: one crew of Ray workers that goes from run to run."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from raymill.app.streams import Run, Started
from raymill.engines.job import run_job
from raymill.engines.local import LocalRunner
from raymill.engines.run import Report, Runner

Go = Callable[..., Report]
HERE = Path(__file__).parent
_idle: list[Any] = []  # Ray workers that are taken again, since each takes seconds to start


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Others need the CPUs of the crew when the tests of this folder are over."""
    if _idle and (nextitem is None or HERE not in nextitem.path.parents):
        from raymill.engines.ray.cluster import dismiss

        dismiss(_idle)
        _idle.clear()


@pytest.fixture
def make_runner(engine: str, request: pytest.FixtureRequest) -> Callable[[], Runner]:
    """Make a runner of the engine under test."""
    if engine == "local":
        return LocalRunner
    from raymill.engines.ray import RayEngine

    request.getfixturevalue("ray_cluster")
    return partial(RayEngine, _idle)


@pytest.fixture
def go(make_runner: Callable[[], Runner]) -> Go:
    """Run a pipeline on the engine under test."""
    return lambda pipeline, **how: run_job(make_runner(), Started(Run(pipeline, **how)).job)
