"""A checkpoint: one file that is replaced in one step, holding JSON values and Arrow tables."""

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from raymill import faults, json
from raymill.errors import CheckpointError
from raymill.state.durable import sync_folder

MAGIC = b"RAYMILL-CHECKPOINT-1\n"
NAME = "checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """What a run keeps to go on from: values (JSON), and tables by name."""

    values: Mapping[str, Any]
    tables: Mapping[str, pa.Table | pa.RecordBatch] = field(default_factory=dict)


def save(folder: str | Path, checkpoint: Checkpoint) -> int:
    """Replace the checkpoint in a folder, atomically and durably. Gives its size in bytes."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    parts = {name: _dump(table) for name, table in checkpoint.tables.items()}
    about = {
        "values": checkpoint.values,
        "tables": [[name, part.size, zlib.crc32(part)] for name, part in parts.items()],
    }
    head = json.dumps(about)
    prefix = MAGIC + b"%d %d\n" % (len(head), zlib.crc32(head))
    partial = place / f"{NAME}.partial"
    try:
        with partial.open("wb") as file:
            file.write(prefix + head)
            for part in parts.values():
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        faults.point("checkpoint.before-rename")
        partial.replace(place / NAME)
        sync_folder(place)
    except OSError as error:
        raise CheckpointError(
            f"Checkpoint in `{place}` cannot be written: {error.strerror}"
        ) from error
    faults.point("checkpoint.committed")
    return len(prefix) + len(head) + sum(part.size for part in parts.values())


def load(folder: str | Path) -> Checkpoint | None:
    """Read the checkpoint of a folder; None if there is none. Raises CheckpointError if it is
    damaged."""
    place = Path(folder) / NAME
    try:
        whole = place.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"Checkpoint `{place}` cannot be read: {error.strerror}") from error
    try:
        return _parse(whole)
    except (ValueError, KeyError, IndexError, pa.ArrowException) as error:
        raise CheckpointError(
            f"Checkpoint `{place}` is damaged: {error}",
            hint="remove the folder, or run without --resume, to start over",
        ) from error


def remove(folder: str | Path) -> None:
    """Forget the checkpoint of a folder, as a finished run does."""
    (Path(folder) / NAME).unlink(missing_ok=True)
    (Path(folder) / f"{NAME}.partial").unlink(missing_ok=True)


def _parse(whole: bytes) -> Checkpoint:
    if not whole.startswith(MAGIC):
        raise ValueError("it has another format")
    line_end = whole.index(b"\n", len(MAGIC))
    size, crc = map(int, whole[len(MAGIC) : line_end].split())
    at = line_end + 1
    head = whole[at : at + size]
    if zlib.crc32(head) != crc:
        raise ValueError("its head does not match its checksum")
    about = json.loads(head)
    at += size
    tables: dict[str, pa.Table] = {}
    for name, length, check in about["tables"]:
        part = whole[at : at + length]
        if zlib.crc32(part) != check:
            raise ValueError(f"table `{name}` does not match its checksum")
        tables[name] = pa.ipc.open_stream(part).read_all()
        at += length
    return Checkpoint(about["values"], tables)


def _dump(table: pa.Table | pa.RecordBatch) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    return sink.getvalue()
