"""`raymill ray`: commands of the older runner, with its block of totals, on the Ray engine."""

import sys
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from raymill.cli.report import show_table
from raymill.engines.ray import RayRunner
from raymill.errors import ConfigError

RULE = "=" * 60
ACTOR = ("actor", "processed", "none filtered", "errors", "busy", "records/sec")


@Parameter(name="*")
@dataclass(frozen=True)
class ActorOptions:
    """With what the actors work, and how many they are.

    Parameters
    ----------
    config
        Parameters from a YAML or a `.properties` file.
    actors
        How many actors.
    verbose
        Show what each actor did.
    """

    config: Annotated[str | None, Parameter(name=["-c", "--config"])] = None
    actors: Annotated[int, Parameter(name=["-a", "--actors"])] = 4
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False


FOUR = ActorOptions()


def run_file(
    task: str,
    file: str,
    /,
    *,
    output: Annotated[str | None, Parameter(name=["-o", "--output"])] = None,
    by: ActorOptions = FOUR,
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
    """
    _say(f"Starting Ray execution: task={task}, actors={by.actors}", f"Input: {file}")
    if output is not None:
        _say(f"Output: {output}")
    with RayRunner(by.actors) as runner:
        totals = runner.run_file(task, file, output, by.config)
    rows = [
        ("Total records:", f"{totals['total_records']}"),
        ("Processed:", f"{totals['processed_records']}"),
        ("Valid results:", f"{totals['valid_results']}"),
        ("None filtered:", f"{totals['none_filtered']}"),
        ("Errors:", f"{totals['errors']}"),
        ("Total time:", f"{totals['total_time']:.2f}s"),
        ("Throughput:", f"{totals['throughput']:.1f} records/sec"),
        ("Actors used:", f"{totals['num_actors']}"),
    ]
    _block("Ray Execution Complete!", rows)
    _details([totals], by.verbose)


def run_batch(
    task: str,
    /,
    *files: str,
    output_dir: Annotated[str | None, Parameter(name=["-o", "--output-dir"])] = None,
    by: ActorOptions = FOUR,
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
    """
    if not files:
        raise ConfigError("`raymill ray run-batch` needs files", hint="name one or more")
    _say(f"Starting Ray batch processing: task={task}, actors={by.actors}")
    _say(f"Files to process: {len(files)}")
    if output_dir is not None:
        _say(f"Output directory: {output_dir}")
    with RayRunner(by.actors) as runner:
        totals = runner.run_batch(task, files, output_dir, by.config)
    rows = [
        ("Files processed:", f"{totals['files_processed']}"),
        ("Total records:", f"{totals['total_records']}"),
        ("Processed:", f"{totals['processed_records']}"),
        ("Errors:", f"{totals['errors']}"),
        ("Batch time:", f"{totals['batch_time']:.2f}s"),
        ("Throughput:", f"{totals['throughput']:.1f} records/sec"),
    ]
    _block("Ray Batch Processing Complete!", rows)
    _details(totals["file_metrics"], by.verbose)


def _block(title: str, rows: list[tuple[str, str]]) -> None:
    lines = [f"{name:<20}{value}" for name, value in rows]
    _say("", RULE, title, RULE, *lines, RULE)


def _details(files: list[dict[str, Any]], verbose: bool) -> None:
    for totals in files:
        for reason, count in totals["failed"].items():
            _warn(f"{count:,} record{'s' if count > 1 else ''} failed: {reason}")
        if verbose:
            show_table(ACTOR, map(_actor, totals["actor_metrics"]), stream=sys.stdout)


def _actor(one: dict[str, Any]) -> tuple[str, ...]:
    counts = (one["total_processed"], one["none_filtered"], one["errors"])
    return (
        f"{one['actor']}",
        *(f"{count:,}" for count in counts),
        f"{one['total_time']:.2f}s",
        f"{one['throughput']:,.1f}",
    )


def _warn(text: str) -> None:
    sys.stderr.write(f"warning: {text}\n")


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
