"""Arrow IPC files and streams."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from connectors.sourcing import drain, put
from raymill.connectors.arrow import ArrowSource
from raymill.errors import DataError, InputError

ROWS = 400_000


def write(path: Path, table: pa.Table, kind: str, codec: str | None, rows: int | None) -> str:
    make: Any = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with make(path, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)
    return str(path)


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("codec", [None, "zstd"])
@pytest.mark.parametrize("rows", [10_000, None])
def test_all_rows_come_in_order(
    tmp_path: Path, kind: str, codec: str | None, rows: int | None
) -> None:
    ids = pa.array(["a", "b"] * (ROWS // 2)).dictionary_encode()
    table = pa.table({"id": ids, "v": np.arange(ROWS)})
    path = write(tmp_path / "x.arrow", table, kind, codec, rows)
    source = ArrowSource((path, path))
    pieces = list(source.pieces())
    assert [piece.number for piece in pieces] == list(range(len(pieces)))
    blocks = [block for piece in pieces for block in source.read(piece)]
    assert max(block.span for block in blocks) <= 65_536
    whole = pa.Table.from_batches([block.batch for block in blocks])
    assert whole["v"].to_pylist() == [*range(ROWS), *range(ROWS)]
    assert whole["id"].type == ids.type
    later = [block.batch for piece in source.pieces(2) for block in source.read(piece)]
    assert later == [block.batch for block in blocks[len(blocks) - len(later) :]]
    size = sum(block.size_bytes for block in blocks)
    assert size == source.size_bytes() or (kind == "stream" and size / source.size_bytes() > 0.99)
    narrow = source.select(frozenset({"v"}))
    assert next(narrow.read(next(narrow.pieces()))).batch.schema.names == ["v"]


def test_what_lies_open_in_a_file_is_not_copied(tmp_path: Path) -> None:
    path = write(tmp_path / "x.arrow", pa.table({"v": np.arange(ROWS)}), "file", None, None)
    source = ArrowSource((path,))
    source.schema()
    before = pa.total_allocated_bytes()
    blocks = [block for piece in source.pieces() for block in source.read(piece)]
    assert sum(block.span for block in blocks) == ROWS
    assert pa.total_allocated_bytes() - before < 100_000


def test_rows_survive_the_way_to_a_worker(tmp_path: Path) -> None:
    table = pa.table({"v": [1, 2, 3], "t": ["x", None, "z"]})
    for kind in ("file", "stream"):
        source = ArrowSource((write(tmp_path / kind, table, kind, None, 2),))
        assert drain(source).rows == [(1, (1, "x")), (2, (2, None)), (3, (3, "z"))]


def test_a_stream_in_a_pipe_is_read_once() -> None:
    table = pa.table({"v": [1, 2, 3]})
    body = io.BytesIO()
    with pa.ipc.new_stream(body, table.schema) as writer:
        writer.write_table(table)
    reading, writing = os.pipe()
    os.write(writing, body.getvalue())
    os.close(writing)
    source = ArrowSource((f"/dev/fd/{reading}",))
    assert (source.resumable, source.size_bytes()) == (False, None)
    assert drain(source).values == [1, 2, 3]
    os.close(reading)
    with pytest.raises(InputError, match="can be read only once"):
        next(source.pieces())


def test_broken_files(tmp_path: Path) -> None:
    table = pa.table({"v": np.arange(1000)})
    file = Path(write(tmp_path / "x.arrow", table, "file", None, 100)).read_bytes()
    stream = Path(write(tmp_path / "y.arrow", table, "stream", None, 100)).read_bytes()
    with pytest.raises(DataError, match=r"cut.arrow` breaks off or is damaged"):
        ArrowSource((put(tmp_path, "cut.arrow", file[:-30]),)).schema()
    with pytest.raises(DataError, match=r"empty.arrow` breaks off before its first row"):
        ArrowSource((put(tmp_path, "empty.arrow", b""),)).schema()
    with pytest.raises(InputError, match=r"text.arrow` is no Arrow file"):
        ArrowSource((put(tmp_path, "text.arrow", "hello, world"),)).schema()
    source = ArrowSource((put(tmp_path, "cut2.arrow", stream[:5000]),))
    pieces: list[Any] = []
    with pytest.raises(DataError, match=r"cut2.arrow` breaks off or is damaged"):
        pieces.extend(source.pieces())
    assert drain(source, pieces).values == list(range(100 * len(pieces)))
    assert pieces


def test_files_must_agree(tmp_path: Path) -> None:
    first = write(tmp_path / "1.arrow", pa.table({"a": [1]}), "file", None, None)
    other = write(tmp_path / "2.arrow", pa.table({"a": ["x"]}), "stream", None, None)
    with pytest.raises(InputError, match=r"Column `a` is string in `.*2.arrow` but int64"):
        ArrowSource((first, other)).schema()
