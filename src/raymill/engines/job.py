"""From a pipeline to a job: opens what it names, plans it, and runs it on an engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from raymill.config import settings
from raymill.connectors import open_sink, open_source
from raymill.connectors.dead_letter import DeadLetterSink
from raymill.engines.peek import Peekable
from raymill.engines.places import check_outputs, check_resumable, letters_beside, make_folder
from raymill.engines.run import Job, OnError, Options, Progress, Report, Runner
from raymill.engines.work import interpreter
from raymill.errors import ConfigError
from raymill.flow.pipeline import Pipeline, order
from raymill.flow.plan import Plan, plan
from raymill.flow.sink import Sink
from raymill.flow.source import Source


@dataclass(frozen=True)
class Run:
    """A pipeline with everything that says how it is run."""

    pipeline: Pipeline
    name: str | None = None  # of a dead-letter file that stands beside no output
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


def source_of(pipeline: Pipeline) -> Source:
    """Open the source that a pipeline reads from. Raises InputError."""
    node = order([node for node, _ in pipeline.sinks])[0]
    assert node.read is not None
    return open_source(node.read)


def make_job(wanted: Run) -> Job:
    """Open, check and plan a run. Raises PipelineError, InputError, ConfigError,
    CheckpointError."""
    if wanted.workers < 1:
        raise ConfigError(f"A run needs at least one worker, not {wanted.workers}")
    if wanted.resume and not wanted.checkpoint:
        raise ConfigError("A run can resume from a checkpoint only", hint="add --checkpoint DIR")
    source = source_of(wanted.pipeline)
    if not getattr(source, "resumable", True):
        source = Peekable(source)
    made = plan(wanted.pipeline, source)
    if isinstance(source, Peekable):
        source.begin()
    if wanted.wrap is not None:
        source = wanted.wrap(source)
    source = source.select(made.wanted)
    sinks = tuple(open_sink(write) for _, write in made.sinks)
    for sink in sinks:
        if wanted.workers > 1 and hasattr(sink, "threads"):
            sink.threads = 1  # groups are packed beside the thread that writes
    options = _options(wanted)
    letters = _letters(wanted, made, sinks) if options.on_error == "dead-letter" else None
    check_outputs(source, sinks, letters)
    if wanted.checkpoint:
        check_resumable(source, sinks, letters)
        make_folder(wanted.checkpoint)
    job = Job(made, source, sinks, letters, options)
    return replace(job, identity=_identity(job))


def run_job(runner: Runner, job: Job) -> Report:
    """Run a job to its end; the report names where its output lies."""
    report = runner.run(job)
    report.outputs = [str(getattr(sink, "path", "-")) for sink in job.sinks]
    if job.letters is not None and report.metrics.total.records_failed:
        report.dead_letters = job.letters.path
    return report


def _options(wanted: Run) -> Options:
    defaults = settings().streams
    return Options(
        workers=wanted.workers,
        on_error=wanted.on_error or defaults.on_error,
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


def _letters(wanted: Run, made: Plan, sinks: tuple[Sink, ...]) -> DeadLetterSink:
    """Dead letters go beside the output, or are named after the task where that has no name."""
    if wanted.dead_letter:
        return DeadLetterSink(wanted.dead_letter)
    tasks = [node.label for node in made.nodes if node.kind == "task"]
    return letters_beside(sinks[0], wanted.name or (tasks[-1] if tasks else "records"))


def _identity(job: Job) -> dict[str, Any]:
    return {
        "input": dict(job.source.identity()),
        "tasks": [{**about, "files": _files(about)} for about in job.plan.identity()],
        "output": [dict(sink.identity()) for sink in job.sinks],
        "errors": job.options.on_error,
        "dead letters": job.letters.path if job.letters is not None else None,
        "key groups": job.options.key_groups,
        "interpreter": interpreter(),
    }


def _files(about: Mapping[str, Any]) -> dict[str, list[int]]:
    """Size and time of change of the files that parameters name: a model, a table."""
    found: dict[str, list[int]] = {}
    for name, value in about.get("parameters", {}).items():
        path = Path(value) if isinstance(value, str) and 0 < len(value) < 4096 else None
        if path is not None and path.is_file():
            found[name] = [path.stat().st_size, path.stat().st_mtime_ns]
    return found
