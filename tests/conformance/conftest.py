"""What the conformance tests share: one crew of Ray workers that goes from run to run."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from raymill.app.streams import Run, Started
from raymill.engines.job import run_job
from raymill.engines.local import LocalRunner
from raymill.engines.run import Report, Runner

Go = Callable[..., Report]


@pytest.fixture(scope="module")
def crew(ray_cluster: None) -> Iterator[list[Any]]:
    """Ray workers that are taken again, since each takes seconds to start; others need their CPUs
    when these tests are over."""
    from raymill.engines.ray.cluster import dismiss

    idle: list[Any] = []
    yield idle
    dismiss(idle)


@pytest.fixture
def make_runner(engine: str, request: pytest.FixtureRequest) -> Callable[[], Runner]:
    """Make a runner of the engine under test."""
    if engine == "local":
        return LocalRunner
    from raymill.engines.ray import RayEngine

    return partial(RayEngine, request.getfixturevalue("crew"))


@pytest.fixture
def go(make_runner: Callable[[], Runner]) -> Go:
    """Run a pipeline on the engine under test."""
    return lambda pipeline, **how: run_job(make_runner(), Started(Run(pipeline, **how)).job)
