"""Where records go: the protocol of a sink."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a sink is written: what a checkpoint keeps of it."""

    values: Mapping[str, Any]  # JSON values: bytes written, records, groups
    rows: pa.Table | None = None  # records that wait for their group to fill


class Sink(Protocol):
    """Writes records in order. A regular file is `NAME.partial` until `close`, then takes its
    final name."""

    def open(self, schema: pa.Schema, mark: Mark | None = None) -> None:
        """Begin, or go on from a mark (what was written behind it is cut off). Raises SinkError."""
        ...

    def encode(self, batch: pa.RecordBatch) -> Any:
        """Turn rows into what `write` takes. Pure, any thread or process, so that several can work
        at it."""
        ...

    def write(self, encoded: Any) -> None:
        """Append, in order. Raises SinkError."""
        ...

    def mark(self) -> Mark:
        """Make everything written so far durable (fsync) and say how far it goes."""
        ...

    def close(self) -> None:
        """Finish and give the output its final name."""
        ...

    def abandon(self) -> None:
        """Stop without finishing: the partial output stays, the final name does not appear."""
        ...

    def identity(self) -> Mapping[str, Any]:
        """What must be the same for a resume: name, format, options (JSON values)."""
        ...

    def bytes_written(self) -> int:
        """Bytes of output so far."""
        ...


@dataclass(frozen=True, slots=True)
class Write:
    """The declaration of a sink in a pipeline: where to write, and how."""

    where: Any  # a path, "-", None (standard output as JSONL), a list to append records to, a Sink
    format: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
