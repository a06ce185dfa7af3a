"""A sink that keeps nothing: for runs of which only the counts are wanted."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from raymill.flow.sink import Mark


class NowhereSink:
    """Counts the bytes of the columns that it is given, and forgets them."""

    format = "nowhere"
    resumable = False

    def __init__(self) -> None:
        self._bytes = 0

    def open(self, schema: pa.Schema, mark: Mark | None = None) -> None:
        """Begin."""
        self._bytes = 0

    def encode(self, batch: pa.RecordBatch) -> int:
        """Measure the rows."""
        return batch.nbytes

    def write(self, encoded: int) -> None:
        """Count."""
        self._bytes += encoded

    def mark(self) -> Mark:
        """Say how much went by."""
        return Mark({"bytes": self._bytes})

    def close(self) -> None:
        """Do nothing: there is nothing to keep."""

    def abandon(self) -> None:
        """Do nothing: there is nothing to leave."""

    def identity(self) -> Mapping[str, Any]:
        """Name the format."""
        return {"format": self.format}

    def bytes_written(self) -> int:
        """Bytes of the columns that went by."""
        return self._bytes
