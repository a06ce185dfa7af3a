"""`raymill run`: a task or a pipeline over files or a stream."""

from typing import Annotated

from cyclopts import Parameter

from raymill.app.outputs import runs
from raymill.app.pipelines import Request
from raymill.cli.asked import names, pace, pairs
from raymill.cli.run_options import HOW, READ, WRITE, HowOptions, ReadOptions, WriteOptions
from raymill.cli.series import run_all
from raymill.cli.summary import Summary, check_metrics_file, show, write_metrics


def run(
    task: str,
    /,
    *inputs: Annotated[str, Parameter(name="input", allow_leading_hyphen=True)],
    read: ReadOptions = READ,
    write: WriteOptions = WRITE,
    how: HowOptions = HOW,
    set_: Annotated[list[str] | None, Parameter(name="--set")] = None,
    config: Annotated[str | None, Parameter(name=["-c", "--config"])] = None,
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
    set_
        A parameter as `name=value`; in a pipeline `TASK.name=value`. May be given again.
    config
        Parameters from a YAML or a RIoTBench `.properties` file; the command line goes before it.
    json_
        Give the summary as JSON; on standard output, unless records go there.
    verbose
        Show each worker and each task, and where an error was raised.
    """
    check_metrics_file(write.metrics)
    given = (task, inputs, write.output, read.from_, write.to, names(read.field), names(read.key))
    wanted = runs(
        Request(*given, write.as_, pairs(set_), config),
        engine=how.engine,
        workers=how.workers,
        on_error=how.on_error,
        dead_letter=write.dead_letter,
        checkpoint=how.checkpoint,
        resume=how.resume,
        ordered=not write.unordered,
        wrap=pace(read.repeat, read.rate, read.time_scale, read.time),
    )
    reports = run_all(wanted)
    summary = Summary.of(wanted[0].name or task, reports)
    write_metrics(summary, write.metrics)
    show(summary, as_json=json_, verbose=verbose)
