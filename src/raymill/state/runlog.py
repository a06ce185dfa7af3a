"""What the steps of a run logged: a file of JSON lines for each run."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from raymill import json


@dataclass(frozen=True, slots=True)
class RunLog:
    """The log of one run, in a folder of those of all runs."""

    folder: Path
    run: str

    @property
    def path(self) -> Path:
        """Its file; whatever the run is named, it lies in the folder."""
        return self.folder / f"{quote(self.run, safe='@:').replace('.', '%2E')}.jsonl"

    def write(self, line: Mapping[str, Any]) -> None:
        """Append a line, whole, also while other processes do."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        try:
            os.write(handle, json.dumps(dict(line)) + b"\n")
        finally:
            os.close(handle)

    def read(self, start: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """The lines from a place in the file on, each with the place behind it.

        A line that is torn or no JSON comes as `{"event": its text}`.
        """
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            file.seek(start)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # it is being written
                start += len(line)
                yield start, _parsed(line)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONError:
        found = None
    return found if isinstance(found, dict) else {"event": line.decode(errors="replace").rstrip()}
