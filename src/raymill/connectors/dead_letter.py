"""Records that failed, kept whole with the reason: JSON Lines beside the output."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from raymill import json
from raymill.connectors.assembly import Cells, Text, assemble
from raymill.connectors.jsonl_sink import JsonlSink
from raymill.connectors.output import clear, in_place
from raymill.flow.sink import Mark


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that failed: what it was, which task refused it and why, and where it came from."""

    record: Mapping[str, Any]
    task: str
    reason: str
    file: str | None = None
    line: int | None = None


class DeadLetterSink:
    """Writes failed records, as a file that appears with the first of them.

    It obeys the promises of every file sink: `NAME.partial` until it is whole, an old file of the
    name goes first, and a resumed run gives the same bytes.
    """

    format = "jsonl"

    def __init__(self, path: str) -> None:
        self.path = path
        self._sink = JsonlSink(path)
        self._begun = False

    @property
    def resumable(self) -> bool:
        """Whether `mark` works: not for standard output, devices and pipes."""
        return self._sink.resumable

    def open(self, mark: Mark | None = None) -> None:
        """Begin, or go on from a mark. Raises SinkError."""
        self._begun = mark is not None and mark.values["bytes"] is not None
        if self._begun:
            self._sink.open(pa.schema([]), mark)
        elif not in_place(self.path):
            clear(self.path)

    def encode(self, letters: Sequence[DeadLetter]) -> Sequence[Text]:
        """Turn failed records into lines. Pure, any thread or process."""
        if not letters:
            return []
        lines = Cells.of([_line(letter) for letter in letters])
        return [assemble(len(letters), [lines, b"\n"])]

    def write(self, encoded: Sequence[Text]) -> None:
        """Append, in order. Raises SinkError."""
        if encoded and not self._begun:
            self._sink.open(pa.schema([]))
            self._begun = True
        self._sink.write(encoded)

    def mark(self) -> Mark:
        """Make everything durable and say how far it goes; without a file, that there is none."""
        return self._sink.mark() if self._begun else Mark({"bytes": None})

    def close(self) -> None:
        """Give the file its final name, if there is one."""
        if self._begun:
            self._sink.close()

    def abandon(self) -> None:
        """Stop: the partial file stays as it is."""
        self._sink.abandon()

    def identity(self) -> Mapping[str, Any]:
        """What must be the same for a resume."""
        return self._sink.identity()

    def bytes_written(self) -> int:
        """Bytes of output so far."""
        return self._sink.bytes_written()


def _line(letter: DeadLetter) -> bytes:
    fields = asdict(letter)
    try:
        return json.dumps(fields)
    except TypeError:  # a record may have failed for the very value that JSON cannot hold
        fields["record"] = {str(name): ascii(value) for name, value in letter.record.items()}
        return json.dumps(fields)
