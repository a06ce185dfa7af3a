"""Where a run writes: dead letters beside the output, nothing over an input."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raymill.connectors.dead_letter import DeadLetterSink
from raymill.connectors.output import in_place
from raymill.errors import CheckpointError, ConfigError
from raymill.flow.sink import Sink
from raymill.flow.source import Source


def letters_beside(sink: Sink, otherwise: str) -> DeadLetterSink:
    """Dead letters go beside the output, or bear the task's name where that is no file."""
    path = getattr(sink, "path", None)
    beside = isinstance(path, str) and not in_place(path)
    return DeadLetterSink(f"{path if beside else otherwise}.dead.jsonl")


def check_outputs(source: Source, sinks: Sequence[Sink], letters: DeadLetterSink | None) -> None:
    """Refuse to write over an input, or two outputs into one file. Raises ConfigError."""
    taken = {os.path.realpath(name): "is an input of the run" for name in source.names}
    for path in filter(None, (_path(each) for each in (*sinks, letters))):
        real = os.path.realpath(path)
        if not in_place(path) and real in taken:
            raise ConfigError(f"Output `{path}` {taken[real]}", hint="give it another name")
        taken[real] = "is named twice"


def check_resumable(source: Source, sinks: Sequence[Sink], letters: DeadLetterSink | None) -> None:
    """Refuse a checkpoint where input or output cannot be gone back in. Raises CheckpointError."""
    if not getattr(source, "resumable", True) or "-" in source.names:
        place = "standard input" if "-" in source.names else f"`{source.names[0]}`"
        raise CheckpointError(
            f"A run that reads from {place} cannot be resumed, so --checkpoint has no meaning",
            hint="write the input to a file first",
        )
    for sink in (*sinks, letters):
        if not getattr(sink, "resumable", True):
            path = _path(sink) or "memory"
            place = "standard output" if path == "-" else f"`{path}`"
            raise CheckpointError(
                f"A run that writes to {place} cannot be resumed, so --checkpoint has no meaning",
                hint="give a file with -o",
            )


def make_folder(folder: str) -> None:
    """Make the folder of a checkpoint. Raises CheckpointError."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"Checkpoint folder `{folder}` cannot be made: {error.strerror}",
            hint="name a folder that you can write to",
        ) from error


def _path(sink: Any) -> str | None:
    path = getattr(sink, "path", None)
    return path if isinstance(path, str) else None
