"""`raymill ray`: commands of the older runner, with its block of totals, on the Ray engine."""

import os
import sys
from dataclasses import replace
from typing import Annotated, Any

from cyclopts import Parameter

from raymill.app.outputs import runs
from raymill.app.pipelines import Request
from raymill.cli.report import show_metrics
from raymill.cli.series import run_all
from raymill.cli.summary import Summary, warnings
from raymill.connectors.nowhere import NowhereSink
from raymill.engines.job import Run
from raymill.errors import ConfigError
from raymill.flow.pipeline import Pipeline
from raymill.flow.sink import Write

RULE = "=" * 60

Actors = Annotated[int, Parameter(name=["-a", "--actors"])]
Config = Annotated[str | None, Parameter(name=["-c", "--config"])]
Verbose = Annotated[bool, Parameter(name=["-v", "--verbose"])]


def run_file(
    task: str,
    file: str,
    /,
    *,
    output: Annotated[str | None, Parameter(name=["-o", "--output"])] = None,
    config: Config = None,
    actors: Actors = 4,
    verbose: Verbose = False,
) -> None:
    """Run a task over one file on Ray.

    Parameters
    ----------
    task
        A task's name.
    file
        The input.
    output
        Where records go; without it they are only counted.
    config
        Parameters from a YAML or a `.properties` file.
    actors
        How many actors.
    verbose
        Show what each actor counted.
    """
    _say(f"Starting Ray execution: task={task}, actors={actors}", f"Input: {file}")
    if output is not None:
        _say(f"Output: {output}")
    request = Request(task, (file,), output, config=config)
    wanted = runs(request, **_how(actors)) if output is not None else _counted(request, actors)
    summary = Summary.of(task, run_all(wanted))
    rows = [
        ("Total records:", f"{summary.records_in}"),
        ("Processed:", f"{summary.records_in}"),
        ("Valid results:", f"{summary.records_out}"),
        ("None filtered:", f"{_without_result(summary)}"),
        ("Errors:", f"{summary.records_failed}"),
        ("Total time:", f"{summary.elapsed_s:.2f}s"),
        ("Throughput:", f"{summary.throughput:.1f} records/sec"),
        ("Actors used:", f"{actors}"),
    ]
    _block("Ray Execution Complete!", rows)
    _details(summary, verbose)


def run_batch(
    task: str,
    /,
    *files: str,
    output_dir: Annotated[str | None, Parameter(name=["-o", "--output-dir"])] = None,
    config: Config = None,
    actors: Actors = 4,
    verbose: Verbose = False,
) -> None:
    """Run a task over many files on Ray, each with a fresh state.

    Parameters
    ----------
    task
        A task's name.
    files
        The inputs.
    output_dir
        A directory that takes one output for each input; without it records are only counted.
    config
        Parameters from a YAML or a `.properties` file.
    actors
        How many actors.
    verbose
        Show what each actor counted.
    """
    if not files:
        raise ConfigError("`raymill ray run-batch` needs files", hint="name one or more")
    _say(f"Starting Ray batch processing: task={task}, actors={actors}")
    _say(f"Files to process: {len(files)}")
    if output_dir is not None:
        _say(f"Output directory: {output_dir}")
    where = os.path.join(output_dir, "") if output_dir is not None else None
    request = Request(task, files, where, config=config)
    wanted = runs(request, **_how(actors)) if where is not None else _counted(request, actors)
    summary = Summary.of(task, run_all(wanted))
    rows = [
        ("Files processed:", f"{len(summary.runs)}"),
        ("Total records:", f"{summary.records_in}"),
        ("Processed:", f"{summary.records_in}"),
        ("Errors:", f"{summary.records_failed}"),
        ("Batch time:", f"{summary.elapsed_s:.2f}s"),
        ("Throughput:", f"{summary.throughput:.1f} records/sec"),
    ]
    _block("Ray Batch Processing Complete!", rows)
    _details(summary, verbose)


def _how(actors: int) -> dict[str, Any]:
    return {"engine": "ray", "workers": actors}


def _counted(request: Request, actors: int) -> list[Run]:
    """Runs over each file whose records are only counted; bad ones are kept under its name."""
    found = []
    for file in request.inputs:
        letters = f"{os.path.basename(file)}.dead.jsonl"
        for run in runs(replace(request, inputs=(file,)), dead_letter=letters, **_how(actors)):
            ends = tuple((node, Write(NowhereSink())) for node, _ in run.pipeline.sinks)
            found.append(replace(run, pipeline=Pipeline(ends)))
    return found


def _without_result(summary: Summary) -> int:
    """Records that were skipped, or held in a window: the older tool's tasks returned None."""
    return max(0, summary.records_in - summary.records_failed - summary.records_out)


def _block(title: str, rows: list[tuple[str, str]]) -> None:
    lines = [f"{name:<20}{value}" for name, value in rows]
    _say("", RULE, title, RULE, *lines, RULE)


def _details(summary: Summary, verbose: bool) -> None:
    if verbose:
        show_metrics(summary.counted, by_worker=True, stream=sys.stdout)
    for text in warnings(summary):
        sys.stderr.write(f"warning: {text}\n")


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
