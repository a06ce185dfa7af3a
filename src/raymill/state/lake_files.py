"""The files of the lake: written whole or not at all, and read with what a condition leaves."""

import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from raymill import arrow, faults
from raymill.errors import StoreError
from raymill.state.durable import sync_file, sync_folder
from raymill.state.lake_table import LakeTable, Where, described, schema_id

PARTIAL = ".partial"
SCHEMA = b"raymill.schema"
TABLE = b"raymill.table"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the greatest value of a column in a file, as text."""

    column_name: str
    null_count: int
    min_value: str | None
    max_value: str | None


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a table. Its path is relative to the folder of the lake."""

    path: str
    partition_value: str
    record_count: int
    file_size_bytes: int
    schema_id: str
    bounds: tuple[Bounds, ...] = ()
    data_file_id: int = 0  # 0 as long as the manifest does not name it
    begin_snapshot: int = 0


def write_file(folder: Path, table: LakeTable, partition: str, rows: pa.Table) -> DataFile:
    """Write rows as a new file that nobody knows of yet. Raises StoreError."""
    relative = "/".join(part for part in (table.name, partition, _new_name()) if part)
    path = folder / relative
    partial = path.with_name(path.name + PARTIAL)
    with _explained(path):
        _make_folders(path.parent)
        try:
            _write(partial, table, rows)
            faults.point("lake.written")
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        faults.point("lake.renamed")
        sync_folder(path.parent)
        size = path.stat().st_size
    bounds = tuple(_bounds(rows, name) for name in table.stats)
    columns = schema_id(described(table.schema))
    return DataFile(relative, partition, rows.num_rows, size, columns, bounds)


def in_order(rows: pa.Table, table: LakeTable) -> pa.Table:
    """The rows in the order of the table."""
    if not table.sort or rows.num_rows < 2:
        return rows
    return arrow.take_rows(rows, arrow.sort_places(rows, table.sort))


def _new_name() -> str:
    return f"part-{time.time_ns():016x}-{os.urandom(5).hex()}.parquet"


def _make_folders(folder: Path) -> None:
    """Make folders whose names survive too."""
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def _write(path: Path, table: LakeTable, rows: pa.Table) -> None:
    columns = schema_id(described(table.schema))
    about = {SCHEMA: columns.encode(), TABLE: table.name.encode()}
    options: dict[str, Any] = {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": list(table.dictionary) or False,
        "column_encoding": _encodings(table) or None,
        "write_statistics": list(table.stats) or False,
        "row_group_size": table.rows_a_group,
    }
    pq.write_table(rows.replace_schema_metadata(about), path, **options)
    sync_file(path)


def _encodings(table: LakeTable) -> dict[str, str]:
    split = dict.fromkeys(table.split, "BYTE_STREAM_SPLIT")
    return split | dict.fromkeys(table.delta, "DELTA_BINARY_PACKED")


def _bounds(rows: pa.Table, name: str) -> Bounds:
    return Bounds(name, rows[name].null_count, *arrow.bounds_as_text(rows[name]))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(f"No space left for `{path}`", hint="free some, then go on") from error
        raise StoreError(f"File `{path}` cannot be written: {error}") from error


def remove_file(folder: Path, file: DataFile) -> None:
    """Remove a file that the manifest does not name."""
    (folder / file.path).unlink(missing_ok=True)


def read_files(
    folder: Path,
    table: LakeTable,
    files: Sequence[DataFile],
    columns: Sequence[str] | None = None,
    where: Where = (),
) -> pa.Table:
    """The rows of files that fulfil all conditions. Raises StoreError naming a bad file."""
    names = list(table.schema.names if columns is None else columns)
    if not files:
        return pa.schema([table.schema.field(name) for name in names]).empty_table()
    try:
        rows: pa.Table = _scanned(folder, table, files).to_table(
            columns=names, filter=_filter(where)
        )
        return rows
    except (OSError, pa.ArrowException) as error:
        raise blamed(folder, files, error) from error


def batches_of(
    folder: Path,
    table: LakeTable,
    files: Sequence[DataFile],
    columns: Sequence[str] | None = None,
    where: Where = (),
) -> Iterator[pa.RecordBatch]:
    """The same rows, some at a time."""
    if not files:
        return
    names = list(table.schema.names if columns is None else columns)
    try:
        yield from _scanned(folder, table, files).to_batches(columns=names, filter=_filter(where))
    except (OSError, pa.ArrowException) as error:
        raise blamed(folder, files, error) from error


def _scanned(folder: Path, table: LakeTable, files: Sequence[DataFile]) -> Any:
    paths = [str(folder / file.path) for file in files]
    import pyarrow.dataset

    make: Any = pyarrow.dataset.dataset
    return make(paths, schema=table.schema, format="parquet")


def _filter(where: Where) -> Any:
    return arrow.condition(where) if where else None


def blamed(folder: Path, files: Sequence[DataFile], error: BaseException) -> StoreError:
    """The error that names the first file that is missing or damaged."""
    for file in files:
        wrong = what_is_wrong(folder, file)
        if wrong is not None:
            return StoreError(
                f"File `{folder / file.path}` of the lake {wrong}",
                hint="restore it from a copy, or store its rows again",
            )
    return StoreError(f"The lake in `{folder}` cannot be read: {error}")


def what_is_wrong(folder: Path, file: DataFile) -> str | None:
    """Why a file cannot be used; None for a sound one."""
    path = folder / file.path
    try:
        size = path.stat().st_size
        if size != file.file_size_bytes:
            return f"is damaged: {size:,} bytes instead of {file.file_size_bytes:,}"
        read: Any = pq.read_table
        rows = read(path, partitioning=None).num_rows
    except FileNotFoundError:
        return "is missing"
    except (OSError, pa.ArrowException) as error:
        return f"is damaged: {str(error).splitlines()[0]}"
    if rows != file.record_count:
        return f"is damaged: {rows:,} rows instead of {file.record_count:,}"
    return None
