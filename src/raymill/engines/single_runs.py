"""Runs of a single task: over a file, over many files, over items in memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias

from raymill.connectors import format_of
from raymill.connectors.nowhere import NowhereSink
from raymill.engines.items import NUMBER, Answers, ItemSource, as_batch, numbered
from raymill.engines.job import Run, make_job, run_job, source_of
from raymill.engines.run import Report, Runner
from raymill.engines.single import Config, SingleTask, single
from raymill.engines.totals import Totals, of_batch, of_run
from raymill.errors import ConfigError, SinkError
from raymill.flow.pipeline import Pipeline, Stream, read
from raymill.flow.plan import plan
from raymill.metrics import Metrics

PathName: TypeAlias = str | PathLike[str]


@dataclass(frozen=True)
class SingleRuns:
    """How single tasks are run: on which engine, with how many workers."""

    runner: Callable[[], Runner]
    workers: int = 1
    extra: dict[str, Any] = field(default_factory=dict)

    def file(
        self, task: Any, input: PathName, output: PathName | None = None, config: Config = None
    ) -> Totals:
        """Run a task over a file; without an output only the counts are kept."""
        return of_run(self._run(_over_file(single(task, config), fspath(input), output)))

    def batch(
        self,
        task: Any,
        inputs: Iterable[PathName],
        output_dir: PathName | None = None,
        config: Config = None,
    ) -> Totals:
        """Run a task over files, each for itself; outputs bear the names of their inputs."""
        one = single(task, config)
        places = list(_places([fspath(name) for name in inputs], output_dir))
        pipelines = [_over_file(one, name, output) for name, output in places]
        totals = [of_run(self._run(pipeline)) for pipeline in pipelines]
        named = zip(places, totals, strict=True)
        return of_batch([{"file": name, **about} for (name, _), about in named])

    def stream(self, task: Any, data: Iterable[Any], config: Config = None) -> Totals:
        """Run a task over items; `results` has an entry for each, None where there is no answer."""
        items = list(data)
        one = single(task, config)
        if not items:
            nothing = Report("none", self.workers, Metrics())
            return {"results": [], "metrics": _of_items(of_run(nothing))}
        batch = as_batch(items, one.column)
        records: list[dict[str, Any]] = []
        one = one.seeing(batch.schema.names)
        stream = one.then(read(ItemSource(numbered(batch))))
        pipeline = stream.write(records)
        added = dict.fromkeys(_added(pipeline))
        report = self._run(pipeline, on_error="skip")
        results = Answers(items, list(added)).in_order(_by_number(records))
        return {"results": results, "metrics": _of_items(of_run(report))}

    def _run(self, pipeline: Pipeline, **how: Any) -> Report:
        job = make_job(Run(pipeline, workers=self.workers, extra=self.extra, **how))
        return run_job(self.runner(), job)


def _by_number(records: Iterable[dict[str, Any]]) -> Iterator[tuple[int | None, dict[str, Any]]]:
    for record in records:
        yield record.pop(NUMBER), record


def _added(pipeline: Pipeline) -> list[str]:
    nodes = plan(pipeline, source_of(pipeline)).nodes
    return [name for node in nodes for name in node.outputs.values()]


def _of_items(totals: Totals) -> Totals:
    """The figures of a stream bear another name for the same count."""
    return {"total_items": totals["total_records"], **totals}


def _over_file(one: SingleTask, input: str, output: PathName | None) -> Pipeline:
    start = read(input)
    names = source_of(start.write([])).schema().names
    stream = one.reading(names).then(start)
    if output is None:
        return stream.write(NowhereSink())
    return _as_lines(stream, fspath(output))


def _as_lines(stream: Stream, output: str) -> Pipeline:
    """Plain lines hold the task's one result; several fields become JSON in each line."""
    pipeline = stream.write(output)
    if format_of(output) != "lines":
        return pipeline
    added = _added(pipeline)
    if len(added) > 1:
        return stream.write(output, "jsonl")
    return stream.write(output, "lines", column=added[0]) if added else pipeline


def _places(inputs: Sequence[str], folder: PathName | None) -> Iterator[tuple[str, str | None]]:
    """Each input with its output."""
    if folder is None:
        yield from ((name, None) for name in inputs)
        return
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"Folder `{place}` cannot be made: {error.strerror}") from error
    taken: dict[str, str] = {}
    for name in inputs:
        output = str(place / Path(name).name)
        if output in taken:
            raise ConfigError(
                f"`{taken[output]}` and `{name}` would both be written to `{output}`",
                hint="run them one after the other, into different folders",
            )
        taken[output] = name
        yield name, output
