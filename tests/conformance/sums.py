"""An input whose running sums are known in closed form, and a run that leaves several files.

Record n belongs to key `k{n % 7}` and is its m-th record, with value m: the running sum is
m (m + 1) / 2. Two bad lines follow every 50th: one has no value, one too many columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.tasks import add_up

from raymill.connectors.csv import CsvSource
from raymill.flow.pipeline import Pipeline, read

COUNT = 1200
UNIT = 128  # bytes of a piece: some 12 records, so that there are about 100 pieces
KEYS = 7
BAD = 50


@dataclass(frozen=True)
class Made:
    """Where an input lies, and where the outputs of a run over it go."""

    source: Path
    folder: Path
    unit: int = UNIT

    @property
    def lines(self) -> Path:
        return self.folder / "sums.jsonl"

    @property
    def table(self) -> Path:
        return self.folder / "sums.parquet"

    @property
    def letters(self) -> Path:
        return self.folder / "bad.jsonl"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint"

    def pipeline(
        self, task: Any = add_up, format: str = "jsonl", before: Any = None, **given: Any
    ) -> Pipeline:
        """The running sums, as JSON lines and as Parquet."""
        start = read(CsvSource((str(self.source),), unit=self.unit))
        start = start.then(before) if before else start
        sums = start.then(task, **({"key": "key"} | given))
        return sums.write(str(self.lines), format) + sums.write(str(self.table))

    def how(self, **more: Any) -> dict[str, Any]:
        """Where dead letters and checkpoints go."""
        return {"dead_letter": str(self.letters), "checkpoint": str(self.checkpoint), **more}

    def given(self) -> tuple[bytes, bytes, bytes]:
        """The bytes of all outputs."""
        return self.lines.read_bytes(), self.letters.read_bytes(), self.table.read_bytes()

    def left(self) -> list[str]:
        """The names of all files that a run left."""
        return sorted(path.name for path in self.folder.iterdir() if path.is_file())


def write_input(path: Path, count: int = COUNT) -> Path:
    """Write the input."""
    rows = ["n,key,value"]
    for n, key, m in _records(count):
        rows.append(f"{n},{key},{m}")
        if n % BAD == 0:
            rows += [f"{n},bad,", f"{n},bad,1,2"]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def _records(count: int) -> Iterator[tuple[int, str, int]]:
    for n in range(count):
        yield n, f"k{n % KEYS}", n // KEYS + 1


def sums(count: int = COUNT) -> bytes:
    """The JSON lines that the running sums are."""
    rows = [f'{{"n":{n},"key":"{key}","value":{m * (m + 1) / 2}}}' for n, key, m in _records(count)]
    return ("\n".join(rows) + "\n").encode()


def letters(source: Path, count: int = COUNT, task: str = "add_up") -> bytes:
    """The dead letters: line n + 2 holds record n, and two lines behind each 50th are bad."""
    rows = []
    for at, n in enumerate(range(0, count, BAD)):
        line = n + 3 + 2 * at
        rows.append(
            f'{{"record":{{"n":{n},"key":"bad","value":null}},"task":"{task}",'
            f'"reason":"`value` is null","file":"{source}","line":{line}}}'
        )
        rows.append(
            f'{{"record":"{n},bad,1,2","task":"read","reason":"4 columns instead of 3",'
            f'"file":"{source}","line":{line + 1}}}'
        )
    return ("\n".join(rows) + "\n").encode()


TOTALS = {
    "records_in": COUNT + 2 * COUNT // BAD,
    "records_out": 2 * COUNT,  # of both outputs
    "failed": {"`value` is null": COUNT // BAD, "4 columns instead of 3": COUNT // BAD},
    "skipped": {},
    "held": 0,
    "unfinished": 0,
}
