"""`raymill run`: a task or a pipeline over files or a stream."""

from typing import Annotated, Literal

from cyclopts import Parameter

from raymill.app.outputs import runs
from raymill.app.pipelines import Request
from raymill.arrow import do_without_pandas
from raymill.cli.asked import names, pace, pairs
from raymill.cli.series import run_all
from raymill.cli.summary import Summary, check_metrics_file, show, write_metrics
from raymill.flow import registry

OnError = Literal["dead-letter", "skip", "stop"]


def run(
    task: str,
    /,
    *inputs: Annotated[str, Parameter(name="input", allow_leading_hyphen=True)],
    output: Annotated[
        str | None, Parameter(name=["-o", "--output"], allow_leading_hyphen=True)
    ] = None,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    field: list[str] | None = None,
    key: list[str] | None = None,
    as_: Annotated[str | None, Parameter(name="--as")] = None,
    set_: Annotated[list[str] | None, Parameter(name="--set")] = None,
    config: Annotated[str | None, Parameter(name=["-c", "--config"])] = None,
    engine: str = "local",
    workers: int = 1,
    on_error: OnError | None = None,
    dead_letter: str | None = None,
    checkpoint: str | None = None,
    resume: bool = False,
    metrics: str | None = None,
    repeat: int = 1,
    rate: float | None = None,
    time_scale: float | None = None,
    time: str = "ts",
    unordered: bool = False,
    json_: bool = False,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> None:
    """Run a task or a pipeline over files or a stream.

    Without `-o`, records go to standard output as JSON lines. The summary goes to standard error.

    Parameters
    ----------
    task
        A task's name, `module:object`, `FILE.py:object`, or a pipeline in `FILE.yaml`.
    inputs
        Files, globs, or `-` for standard input.
    output
        Where records go; a directory takes one output for each input.
    from_
        The input's format: lines, csv, jsonl, senml-csv, parquet, arrow. Told by the ending if not
        given.
    to
        The output's format, likewise.
    field
        The field that the task reads; several (again, or with commas) make one task for each.
    key
        The field, or the fields, that tell whose record it is.
    as_
        What the added column is called; `{field}` in it stands for the field.
    set_
        A parameter as `name=value`; in a pipeline `TASK.name=value`. May be given again.
    config
        Parameters from a YAML or a RIoTBench `.properties` file; the command line goes before it.
    engine
        local, ray, or another that is installed.
    workers
        How many workers; the output is the same.
    on_error
        What becomes of a record that fails: dead-letter, skip, or stop. A setting has the default.
    dead_letter
        Where failed records go: `OUTPUT.dead.jsonl`, or `TASK.dead.jsonl` in the current folder,
        unless given.
    checkpoint
        A folder to commit progress to, so that the run can be resumed.
    resume
        Go on from the checkpoint; start over where there is none.
    metrics
        Write what was counted to a file, `.json`, `.csv` or `.prom`.
    repeat
        Read the input so many times.
    rate
        Give so many records a second.
    time_scale
        Replay records as their times say, each gap times this: 0.01 is a hundred times faster.
    time
        The field with the times for it, in epoch milliseconds.
    unordered
        Give up the order of the output; `local` and `ray` keep it all the same.
    json_
        Give the summary as JSON; on standard output, unless records go there.
    verbose
        Show each worker and each task, and where an error was raised.
    """
    check_metrics_file(metrics)
    if registry.is_own(registry.TASKS, task):
        do_without_pandas()
    request = Request(
        task, inputs, output, from_, to, names(field), names(key), as_, pairs(set_), config
    )
    wanted = runs(
        request,
        engine=engine,
        workers=workers,
        on_error=on_error,
        dead_letter=dead_letter,
        checkpoint=checkpoint,
        resume=resume,
        ordered=not unordered,
        wrap=pace(repeat, rate, time_scale, time),
    )
    reports = run_all(wanted)
    summary = Summary.of(wanted[0].name or task, reports)
    write_metrics(summary, metrics)
    show(summary, as_json=json_, verbose=verbose)
