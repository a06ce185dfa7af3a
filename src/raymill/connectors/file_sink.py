"""What all file sinks share: an append-only run of bytes (header, rows or groups of rows, footer).

So a mark is the length, the notes of the groups written and the rows that wait for their group;
to resume is to cut the file off there and to go on.
"""

import inspect
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa

from raymill.connectors.groups import Groups, Packed, Rows
from raymill.connectors.output import Data, Output, in_place, open_output
from raymill.errors import ConfigError, SinkError, unknown
from raymill.flow.sink import Mark


class FileSink(ABC):
    """A sink that is one file; a format fills in the methods from `prepare` on."""

    format: ClassVar[str]
    group: int | None = None  # rows of a group; None: rows are appended as they come
    threads = 0  # threads that pack groups beside the one that writes; set before `open`

    def __init__(self, path: str, **options: Any) -> None:
        self.path = path
        self.options: Mapping[str, Any] = options
        self.schema = pa.schema([])
        self._output: Output | None = None
        self._groups: Groups | None = None
        self._notes: list[Any] = []
        self._records = 0

    def __getstate__(self) -> dict[str, Any]:
        # Another process may encode; the file stays here.
        return {**self.__dict__, "_output": None, "_groups": None, "_notes": []}

    @property
    def resumable(self) -> bool:
        """Whether `mark` works: not for standard output, devices and pipes."""
        return not in_place(self.path)

    def open(self, schema: pa.Schema, mark: Mark | None = None) -> None:
        """Begin, or go on from a mark. Raises SinkError."""
        if mark is not None and not self.resumable:
            raise self._not_resumable()
        self.schema = self.prepare(schema)
        values: Mapping[str, Any] = mark.values if mark else {"records": 0, "notes": []}
        self._records, self._notes = values["records"], list(values["notes"])
        self._output = open_output(self.path, values["bytes"] if mark else None)
        waiting = self.unpark(mark.rows) if mark and mark.rows is not None else []
        if self.group is not None:
            self._groups = Groups(self.group, self.pack, self._append, waiting, self.threads)
        if mark is None:
            self._put(self.header())

    def write(self, encoded: Sequence[Rows]) -> None:
        """Append what `encode` gave. Raises SinkError."""
        for rows in encoded:
            if self._groups is not None:
                self._groups.add(rows)
            else:
                self._put(self.raw(rows))
            self._records += rows.num_rows

    def mark(self) -> Mark:
        """Make everything durable and say how far it goes."""
        if not self.resumable:
            raise self._not_resumable()
        waiting = self._settled()
        output = self._opened()
        output.sync()
        values = {"bytes": output.length, "records": self._records, "notes": list(self._notes)}
        return Mark(values, self.park(waiting) if waiting else None)

    def _settled(self) -> Sequence[Rows]:
        if self._groups is None:
            return ()
        self._groups.settle()
        return self._groups.waiting

    def close(self) -> None:
        """Write what is left, and give the file its final name."""
        if self._groups is not None:
            self._groups.finish()
        self._put(self.footer(self._notes))
        self._opened().finish()

    def abandon(self) -> None:
        """Stop: the partial file stays as it is."""
        if self._groups is not None:
            self._groups.stop()
        if self._output is not None:
            self._output.abandon()

    def identity(self) -> Mapping[str, Any]:
        """What must be the same for a resume."""
        name = self.path if in_place(self.path) else os.path.abspath(self.path)
        return {"name": name, "format": self.format, "options": dict(self.options)}

    def bytes_written(self) -> int:
        """Bytes of output so far."""
        return self._output.length if self._output else 0

    def prepare(self, schema: pa.Schema) -> pa.Schema:
        """Check the columns, and say which go into the file. Raises SinkError."""
        return schema

    @abstractmethod
    def encode(self, batch: pa.RecordBatch) -> Sequence[Rows]:
        """Turn rows into what `write` takes. Pure, any thread or process."""

    def raw(self, rows: Any) -> Data:
        """Give the bytes of encoded rows, for a format without groups."""
        raise NotImplementedError

    @abstractmethod
    def pack(self, rows: Sequence[Any]) -> Packed:
        """Give the bytes of one group. Pure, any thread."""

    @abstractmethod
    def park(self, rows: Sequence[Any]) -> pa.Table:
        """Turn rows that wait for their group into a table, for a mark."""

    @abstractmethod
    def unpark(self, table: pa.Table) -> Sequence[Rows]:
        """Turn the table of a mark back into waiting rows."""

    def header(self) -> bytes:
        """What stands before the first row."""
        return b""

    def footer(self, notes: Sequence[Any]) -> bytes:
        """What stands behind the last row, made from the notes of all groups."""
        return b""

    def _append(self, packed: Packed) -> None:
        self._put(packed.data)
        self._notes.append(packed.note)

    def _put(self, data: Data) -> None:
        if len(data):
            self._opened().write(data)

    def _opened(self) -> Output:
        if self._output is None:
            raise SinkError(f"Output `{self.path}` is not open", hint="call `open` first")
        return self._output

    def _not_resumable(self) -> SinkError:
        name = "Standard output" if self.path == "-" else f"Output `{self.path}`"
        return SinkError(f"{name} cannot be resumed", hint="name a regular file with -o")


def refuse(sink: type[FileSink], options: Mapping[str, Any]) -> None:
    """Raise ConfigError for options that the sink's class does not take."""
    for name in options:
        parameters = inspect.signature(sink).parameters.values()
        known = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
        raise unknown(f"option of format `{sink.format}`", name, known, kind=ConfigError)
