"""Facts as files: Parquet, CSV, JSON lines, or any other format that records can be written in."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from raymill import arrow, json
from raymill.connectors import format_of, open_sink
from raymill.errors import ConfigError, SinkError
from raymill.flow.sink import Sink, Write
from raymill.state.durable import sync_folder

FORMATS = ("parquet", "csv", "jsonl", "arrow")


class FactFile:
    """A file that facts are appended to; it has its name once it is closed.

    The dimensions of a fact are a map in Parquet and Arrow, JSON text in CSV, and a list of
    `axis` and `member` in JSON lines.
    """

    def __init__(self, path: str) -> None:
        self.format = "jsonl" if path == "-" else format_of(path)
        if self.format not in FORMATS:
            raise ConfigError(
                f"`{path}` does not say in which format facts are to be written",
                hint="end its name in .parquet, .csv or .jsonl",
            )
        self._sink: Sink = open_sink(Write(path, self.format))
        self._is_open = False

    def append(self, facts: pa.Table) -> None:
        """Write facts behind those that are there. Raises SinkError."""
        rows = _flat(facts, self.format)
        if not self._is_open:
            self._sink.open(rows.schema)
            self._is_open = True
        for batch in rows.to_batches(max_chunksize=65_536):
            self._sink.write(self._sink.encode(batch))

    def __enter__(self) -> "FactFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, *where: object) -> None:
        """Finish the file; after an error its name does not appear. Raises SinkError."""
        if self._is_open:
            self._sink.close() if kind is None else self._sink.abandon()


def write_facts(path: Path, facts: pa.Table) -> str:
    """Write facts to a file at once: what was there is there until the new file is whole.

    Raises SinkError.
    """
    new = path.with_name(f".{os.getpid()}.{os.urandom(4).hex()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FactFile(str(new)) as target:
            target.append(facts)
        new.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise SinkError(f"`{path}` cannot be written: {error.strerror or error}") from error
    finally:
        for rest in (new, new.with_name(f"{new.name}.partial")):
            rest.unlink(missing_ok=True)
    return str(path)


def _flat(facts: pa.Table, form: str) -> pa.Table:
    if form in ("parquet", "arrow") or "dims" not in facts.column_names:
        return facts
    cells: list[Any] = facts["dims"].to_pylist()
    if form == "csv":
        texts = [json.dumps(dict(dims or ())).decode() for dims in cells]
        return arrow.with_column(facts, "dims", arrow.array(texts, pa.string()))
    kind = pa.list_(pa.struct([("axis", pa.string()), ("member", pa.string())]))
    pairs = [[{"axis": axis, "member": member} for axis, member in dims or ()] for dims in cells]
    return arrow.with_column(facts, "dims", arrow.array(pairs, kind))
