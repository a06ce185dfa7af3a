"""Runs pipelines: opens what they name, plans them, hands them to an engine."""

from typing import Any

from raymill.engines.job import Run, make_job, run_job, source_of
from raymill.engines.run import Report, Runner
from raymill.flow import registry
from raymill.flow.pipeline import Pipeline
from raymill.flow.plan import Plan, plan

__all__ = ["Run", "Started", "check", "check_inputs", "run"]


def check(pipeline: Pipeline) -> Plan:
    """Check a pipeline without running it.

    Raises PipelineError that names field and near matches.
    """
    return plan(pipeline, source_of(pipeline))


def check_inputs(pipeline: Pipeline) -> None:
    """Check that what a pipeline reads is there and can be read. Raises InputError."""
    source_of(pipeline)


def run(pipeline: Pipeline, **how: Any) -> Report:
    """Run a pipeline to its end and report what it did.

    engine: "local" or "ray"; workers: how many; on_error: dead-letter, skip or stop;
    checkpoint: a folder; resume: go on from it. Whatever these say, the output is the same.
    """
    return Started(Run(pipeline, **how)).run()


class Started:
    """A run that can be cancelled from another thread."""

    def __init__(self, wanted: Run) -> None:
        self.job = make_job(wanted)
        self.runner: Runner = registry.load(registry.ENGINES, wanted.engine)()

    def run(self) -> Report:
        """Run to the end."""
        return run_job(self.runner, self.job)

    def cancel(self) -> None:
        """Stop at the next checkpoint."""
        self.runner.cancel()
