"""Records kept in memory, for tests, notebooks and callers in the same program."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from raymill.errors import ConfigError, SinkError, unknown
from raymill.flow.sink import Mark


class MemorySink:
    """Appends each record to a list as a dictionary; with `batches=True`, the record batches.

    >>> sink = MemorySink()
    >>> sink.open(pa.schema({"a": pa.int64()}))
    >>> sink.write(sink.encode(pa.record_batch({"a": [1, 2]})))
    >>> sink.records
    [{'a': 1}, {'a': 2}]
    """

    format = "memory"
    resumable = False

    def __init__(
        self, records: list[Any] | str | None = None, *, batches: bool = False, **options: Any
    ) -> None:
        for name in options:
            raise unknown("option of format `memory`", name, ["batches"], kind=ConfigError)
        self.records: list[Any] = records if isinstance(records, list) else []
        self.batches = batches
        self.schema = pa.schema([])
        self._bytes = 0

    def open(self, schema: pa.Schema, mark: Mark | None = None) -> None:
        """Begin; what the list holds already stays."""
        if mark is not None:
            raise _not_resumable()
        self.schema = schema

    def encode(self, batch: pa.RecordBatch) -> tuple[int, Sequence[Any]]:
        """Turn rows into dictionaries, or leave them as they are."""
        return batch.nbytes, [batch] if self.batches else batch.to_pylist()

    def write(self, encoded: tuple[int, Sequence[Any]]) -> None:
        """Append to the list."""
        size, records = encoded
        self.records.extend(records)
        self._bytes += size

    def mark(self) -> Mark:
        """Refuse: memory does not outlive the run."""
        raise _not_resumable()

    def close(self) -> None:
        """Do nothing: the records stay."""

    def abandon(self) -> None:
        """Do nothing: the records stay."""

    def identity(self) -> Mapping[str, Any]:
        """Name the format; memory has no other identity."""
        return {"name": "memory", "format": self.format, "options": {"batches": self.batches}}

    def bytes_written(self) -> int:
        """Bytes of the columns that the records came from."""
        return self._bytes


def _not_resumable() -> SinkError:
    return SinkError(
        "Records in memory cannot be resumed", hint="write to a file to use a checkpoint"
    )
