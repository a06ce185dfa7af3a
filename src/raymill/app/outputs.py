"""Several inputs, a directory as output: one run, one output for each input."""

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from raymill.app.pipelines import Request, named_pipeline
from raymill.app.streams import Run
from raymill.connectors.files import bare_name
from raymill.engines.job import source_of
from raymill.errors import ConfigError, SinkError

ENDINGS = {"lines": "txt", "senml-csv": "senml.csv"}


def runs(request: Request, **how: Any) -> list[Run]:
    """The runs that a request means; everything is checked that can be before the first.

    Several have each its own checkpoint folder and dead letters. `how` says the rest of each run.
    Raises ConfigError, InputError, PipelineError.
    """
    if request.output is None or not _is_folder(request.output):
        return [_one(request, how)]
    letters, state = how.pop("dead_letter", None), how.pop("checkpoint", None)
    found = []
    for one, name in _each(request):
        own = {
            "checkpoint": os.path.join(state, name) if state else None,
            "dead_letter": os.path.join(letters, f"{name}.dead.jsonl") if letters else None,
        }
        found.append(_one(one, {**how, **own}))
    if letters and not _is_folder(letters):
        raise ConfigError(
            f"`--dead-letter {letters}` is one file, and each output has its own",
            hint=f"name a directory, as in {letters}/, or leave it out",
        )
    for folder in filter(None, (request.output, letters)):
        _make(folder)
    return found


def _one(request: Request, how: Mapping[str, Any]) -> Run:
    name, pipeline = named_pipeline(request)
    source_of(pipeline)
    return Run(pipeline, name, **how)


def _each(request: Request) -> Iterator[tuple[Request, str]]:
    """One request for each input file, and the name of its output."""
    assert request.output is not None
    taken: dict[str, str] = {}
    for path in _files(request.inputs):
        name = output_name(path, request.to)
        if name in taken:
            raise ConfigError(
                f"`{taken[name]}` and `{path}` would both be written to `{name}`",
                hint="run them one after the other, into different directories",
            )
        taken[name] = path
        output = os.path.join(request.output, name)
        yield replace(request, inputs=(path,), output=output), name


def _files(inputs: Sequence[str]) -> Iterator[str]:
    if not inputs:
        raise ConfigError(
            "A directory as output needs inputs to name the files after", hint="name the inputs"
        )
    for path in inputs:
        if path == "-":
            raise ConfigError(
                "The output of standard input has no name in a directory", hint="give -o a file"
            )
        magic = glob.has_magic(path) and not os.path.lexists(path)
        yield from (sorted(glob.glob(path, recursive=True)) or [path]) if magic else [path]


def output_name(path: str, format: str | None) -> str:
    """What the output of an input is called in a directory.

    >>> output_name("in/a.csv.gz", None), output_name("in/a.csv.gz", "jsonl")
    ('a.csv.gz', 'a.jsonl')
    """
    name = os.path.basename(path)
    if format is None:
        return name
    bare = bare_name(name)
    stem = bare.removesuffix(".senml.csv") if bare.endswith(".senml.csv") else Path(bare).stem
    return f"{stem}.{ENDINGS.get(format, format)}"


def _is_folder(path: str) -> bool:
    return path.endswith(os.sep) or os.path.isdir(path)


def _make(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise SinkError(f"Directory `{folder}` cannot be made: {error.strerror}") from error
