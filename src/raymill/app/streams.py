"""Runs pipelines: opens what they name, plans them, hands them to an engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from raymill.config import settings
from raymill.connectors import open_sink, open_source
from raymill.connectors.dead_letter import DeadLetterSink
from raymill.engines.run import Job, OnError, Options, Progress, Report, Runner
from raymill.errors import CheckpointError, ConfigError
from raymill.flow import registry
from raymill.flow.pipeline import Pipeline, order
from raymill.flow.plan import Plan, plan
from raymill.flow.sink import Sink
from raymill.flow.source import Source


@dataclass(frozen=True)
class Run:
    """A pipeline with everything that says how it is run."""

    pipeline: Pipeline
    engine: str = "local"
    workers: int = 1
    on_error: OnError | None = None
    dead_letter: str | None = None
    checkpoint: str | None = None
    resume: bool = False
    checkpoint_s: float | None = None
    checkpoint_records: int | None = None
    ordered: bool = True
    progress: Callable[[Progress], None] | None = None
    wrap: Callable[[Source], Source] | None = None  # replay, repeat
    extra: Mapping[str, Any] | None = None


def check(pipeline: Pipeline) -> Plan:
    """Check a pipeline without running it. Raises PipelineError that names field and near matches."""
    return plan(pipeline, _source(pipeline))


def run(pipeline: Pipeline, **how: Any) -> Report:
    """Run a pipeline to its end and report what it did.

    engine: "local" or "ray"; workers: how many; on_error: dead-letter, skip or stop; checkpoint: a folder;
    resume: go on from it. Whatever these say, the output is the same.
    """
    return Started(Run(pipeline, **how)).run()


class Started:
    """A run that can be cancelled from another thread."""

    def __init__(self, wanted: Run) -> None:
        self.job = _job(wanted)
        self.runner: Runner = registry.load(registry.ENGINES, wanted.engine)()

    def run(self) -> Report:
        """Run to the end."""
        report = self.runner.run(self.job)
        letters = self.job.letters
        report.outputs = [str(getattr(sink, "path", "-")) for sink in self.job.sinks]
        if letters is not None and report.metrics.total.records_failed:
            report.dead_letters = letters.path
        return report

    def cancel(self) -> None:
        """Stop at the next checkpoint."""
        self.runner.cancel()


def _source(pipeline: Pipeline) -> Source:
    node = order([node for node, _ in pipeline.sinks])[0]
    assert node.read is not None
    return open_source(node.read)


def _job(wanted: Run) -> Job:
    if wanted.workers < 1:
        raise ConfigError(f"A run needs at least one worker, not {wanted.workers}")
    source = _source(wanted.pipeline)
    made = plan(wanted.pipeline, source)
    source = source.select(made.wanted)
    if wanted.wrap is not None:
        source = wanted.wrap(source)
    sinks = tuple(open_sink(write) for _, write in made.sinks)
    defaults = settings().streams
    on_error = wanted.on_error or defaults.on_error
    letters = _letters(wanted, made, sinks) if on_error == "dead-letter" else None
    if wanted.checkpoint:
        _check_checkpoint(source, sinks)
    options = Options(
        workers=wanted.workers,
        on_error=on_error,
        checkpoint=wanted.checkpoint,
        resume=wanted.resume,
        checkpoint_s=defaults.checkpoint_s if wanted.checkpoint_s is None else wanted.checkpoint_s,
        checkpoint_records=wanted.checkpoint_records,
        key_groups=defaults.key_groups,
        in_flight=defaults.in_flight,
        ordered=wanted.ordered,
        progress=wanted.progress,
        extra=wanted.extra or {},
    )
    job = Job(made, source, sinks, letters, options)
    return replace(job, identity=_identity(job))


def _letters(wanted: Run, made: Plan, sinks: tuple[Sink, ...]) -> DeadLetterSink:
    """Dead letters go beside the output, or are named after the task where that has no name."""
    if wanted.dead_letter:
        return DeadLetterSink(wanted.dead_letter)
    path = getattr(sinks[0], "path", None)
    if isinstance(path, str) and path != "-" and not Path(path).is_char_device():
        return DeadLetterSink(f"{path}.dead.jsonl")
    tasks = [node.label for node in made.nodes if node.kind == "task"]
    return DeadLetterSink(f"{tasks[-1] if tasks else 'records'}.dead.jsonl")


def _check_checkpoint(source: Source, sinks: tuple[Sink, ...]) -> None:
    if not getattr(source, "resumable", True) or "-" in source.names:
        raise CheckpointError(
            "A run that reads from standard input cannot be resumed, so --checkpoint has no meaning",
            hint="write the input to a file first",
        )
    for sink in sinks:
        if not getattr(sink, "resumable", True):
            raise CheckpointError(
                f"A run that writes to `{getattr(sink, 'path', 'memory')}` cannot be resumed, "
                "so --checkpoint has no meaning",
                hint="give a file with -o",
            )


def _identity(job: Job) -> dict[str, Any]:
    return {
        "input": dict(job.source.identity()),
        "tasks": job.plan.identity(),
        "output": [dict(sink.identity()) for sink in job.sinks],
        "errors": job.options.on_error,
        "dead letters": job.letters.path if job.letters is not None else None,
        "key groups": job.options.key_groups,
    }
