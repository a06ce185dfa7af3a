"""Arrow IPC files out, readable by others."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors.sinking import through
from raymill.connectors.arrow_sink import ArrowSink

TABLE = pa.table(
    {
        "key": pa.array(["b", None, "a", "é"] * 5).dictionary_encode(),
        "number": pa.array([0.1, None, -0.0, 5e-324] * 5),
        "list": pa.array([[1.5, None], [], None, [2.5]] * 5),
        "fixed": pa.array([[1.0, 2.0], None] * 10, pa.list_(pa.float64(), 2)),
        "flag": pa.array([True, None] * 10),
    },
    metadata={"origin": "test"},
)
PLAIN = TABLE.set_column(0, "key", TABLE["key"].cast(pa.string()))


@pytest.fixture(params=["none", "lz4", "zstd"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    sink = ArrowSink(str(tmp_path / "out.arrow"), compression=request.param)
    sink.group = 8
    through(sink, *TABLE.to_batches(max_chunksize=3))
    return Path(sink.path)


@pytest.fixture
def polars(need: Callable[[object, str], None]) -> Any:
    need(importlib.util.find_spec("polars"), "polars (extra `market`)")
    return importlib.import_module("polars")


def test_arrow_reads_the_same_table(path: Path) -> None:
    with pa.ipc.open_file(path) as file:
        assert file.schema.metadata == {b"origin": b"test"}
        assert [file.get_batch(number).num_rows for number in range(3)] == [8, 8, 4]
        assert file.read_all().equals(PLAIN)


def test_arrow_reads_it_as_a_mapped_file_in_any_order(path: Path) -> None:
    with pa.memory_map(str(path)) as mapped, pa.ipc.open_file(mapped) as file:
        last = file.get_batch(2)
        assert last.to_pylist() == PLAIN.slice(16).to_pylist()
        last.validate(full=True)


def test_arrow_reads_it_as_a_stream_behind_its_magic(path: Path) -> None:
    assert pa.ipc.open_stream(path.read_bytes()[8:]).read_all().equals(PLAIN)


def test_polars_reads_the_same_records(path: Path, polars: Any) -> None:
    assert polars.read_ipc(path).drop("fixed").to_dicts() == PLAIN.drop(["fixed"]).to_pylist()
