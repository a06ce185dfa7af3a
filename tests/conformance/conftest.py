"""What the conformance tests share: one crew of Ray workers that goes from run to run."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from raymill.app.streams import Run, Started
from raymill.engines.job import run_job
from raymill.engines.run import Report

Go = Callable[..., Report]


@pytest.fixture(scope="package")
def crew(ray_cluster: None) -> Iterator[list[Any]]:
    """Ray workers that are taken again, since each takes seconds to start; others need their CPUs
    when these tests are over."""
    from raymill.engines.ray.cluster import dismiss

    idle: list[Any] = []
    yield idle
    dismiss(idle)


@pytest.fixture
def go(engine: str, request: pytest.FixtureRequest) -> Go:
    """Run a pipeline on the engine under test."""
    if engine == "local":
        return lambda pipeline, **how: Started(Run(pipeline, **how)).run()
    from raymill.engines.ray import RayEngine

    idle = request.getfixturevalue("crew")
    return lambda pipeline, **how: run_job(RayEngine(idle), Started(Run(pipeline, **how)).job)
