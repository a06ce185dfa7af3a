"""Options of `raymill run`: what is read, what is written, how it is run."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

OnError = Literal["dead-letter", "skip", "stop"]


@Parameter(name="*")
@dataclass(frozen=True)
class ReadOptions:
    """What is read.

    Parameters
    ----------
    from_
        The input's format: lines, csv, jsonl, senml-csv, parquet, arrow. Told by the ending if not
        given.
    field
        The field that the task reads; several (again, or with commas) make one task for each.
    key
        The field, or the fields, that tell whose record it is.
    repeat
        Read the input so many times.
    rate
        Give so many records a second.
    time_scale
        Replay records as their times say, each gap times this: 0.01 is a hundred times faster.
    time
        The field with the times for it, in epoch milliseconds.
    """

    from_: Annotated[str | None, Parameter(name="--from")] = None
    field: list[str] | None = None
    key: list[str] | None = None
    repeat: int = 1
    rate: float | None = None
    time_scale: float | None = None
    time: str = "ts"


@Parameter(name="*")
@dataclass(frozen=True)
class WriteOptions:
    """What is written.

    Parameters
    ----------
    output
        Where records go; a directory takes one output for each input.
    to
        The output's format; told by the ending if not given.
    as_
        What the added column is called; `{field}` in it stands for the field.
    dead_letter
        Where failed records go: `OUTPUT.dead.jsonl`, or `TASK.dead.jsonl` in the current folder,
        unless given.
    metrics
        Write what was counted to a file, `.json`, `.csv` or `.prom`.
    unordered
        Give up the order of the output; `local` and `ray` keep it all the same.
    """

    output: Annotated[str | None, Parameter(name=["-o", "--output"], allow_leading_hyphen=True)] = (
        None
    )
    to: str | None = None
    as_: Annotated[str | None, Parameter(name="--as")] = None
    dead_letter: str | None = None
    metrics: str | None = None
    unordered: bool = False


@Parameter(name="*")
@dataclass(frozen=True)
class HowOptions:
    """How it is run.

    Parameters
    ----------
    engine
        local, ray, or another that is installed.
    workers
        How many workers; the output is the same.
    on_error
        What becomes of a record that fails: dead-letter, skip, or stop. A setting has the default.
    checkpoint
        A folder to commit progress to, so that the run can be resumed.
    resume
        Go on from the checkpoint; start over where there is none.
    """

    engine: str = "local"
    workers: int = 1
    on_error: OnError | None = None
    checkpoint: str | None = None
    resume: bool = False


READ, WRITE, HOW = ReadOptions(), WriteOptions(), HowOptions()
