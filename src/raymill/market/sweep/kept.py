"""Chunks of a sweep that are done, kept in a folder, so that a sweep that was stopped goes on."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raymill import json
from raymill.errors import CheckpointError
from raymill.state.durable import sync_file, sync_folder

IDENTITY = "sweep.json"
CHUNK = re.compile(r"sets-(\d+)-(\d+)\.f8")


class Kept:
    """A folder with the sums of chunks. Raises CheckpointError, SinkError.

    A folder belongs to one sweep: the same bars, sets, costs, code. `resume` goes on with what is
    there; without it, a folder that holds anything is refused.
    """

    def __init__(self, folder: str | Path, identity: Mapping[str, Any], *, resume: bool) -> None:
        self.folder = Path(folder)
        self.identity: Any = json.loads(json.dumps(dict(identity)))
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / IDENTITY
        if place.exists():
            self._check(place, resume)
        else:
            write(place, json.dumps(self.identity, indent=True))

    def _check(self, place: Path, resume: bool) -> None:
        if not resume:
            raise CheckpointError(
                f"`{self.folder}` holds a sweep already", hint="go on with it: --resume"
            )
        try:
            before = json.loads(place.read_bytes())
        except ValueError as error:
            raise CheckpointError(f"`{place}` is damaged: {error}") from error
        if before != self.identity:
            names = [name for name in self.identity if before.get(name) != self.identity[name]]
            raise CheckpointError(
                f"`{self.folder}` holds another sweep: {', '.join(names)} differs",
                hint="name another folder, or give the options of that sweep",
            )

    def found(self, columns: int) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        """The sums of chunks that are done, in order, each set once; damaged ones are left out.

        Where chunks began and ended may differ from run to run: with workers, engine and machine.
        """
        behind = 0
        for path in sorted(self.folder.glob("sets-*.f8")):
            match = CHUNK.fullmatch(path.name)
            begin, end = map(int, match.groups()) if match else (0, 0)
            data = path.read_bytes() if behind <= begin < end else b""
            if data and len(data) == (end - begin) * columns * 8:
                behind = end
                yield begin, end, np.frombuffer(data, "<f8").reshape(end - begin, columns)

    def keep(self, begin: int, end: int, sums: NDArray[np.float64]) -> None:
        """Keep a chunk; it is there whole or not at all."""
        write(self._place(begin, end), sums.astype("<f8").tobytes())

    def _place(self, begin: int, end: int) -> Path:
        return self.folder / f"sets-{begin:07}-{end:07}.f8"


def write(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all, also after a loss of power."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(data)
    sync_file(partial)
    os.replace(partial, path)
    sync_folder(path.parent)
