"""What every file sink promises: bytes depend on the records alone, a resume changes nothing."""

import gzip
import itertools
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raymill import faults
from raymill.connectors.arrow_sink import ArrowSink
from raymill.connectors.csv_sink import CsvSink
from raymill.connectors.file_sink import FileSink
from raymill.connectors.jsonl_sink import JsonlSink
from raymill.connectors.lines_sink import LinesSink
from raymill.connectors.parquet_sink import ParquetSink
from raymill.connectors.senml_csv_sink import SenmlCsvSink
from raymill.errors import ConfigError, SinkError
from raymill.flow.sink import Mark

SINKS: dict[str, tuple[type[FileSink], str, dict[str, Any]]] = {
    "lines": (LinesSink, "out.txt", {"column": "text"}),
    "csv": (CsvSink, "out.csv", {}),
    "jsonl": (JsonlSink, "out.jsonl", {}),
    "senml-csv": (SenmlCsvSink, "out.senml.csv", {}),
    "parquet": (ParquetSink, "out.parquet", {}),
    "parquet-zstd": (ParquetSink, "out.parquet", {"compression": "zstd"}),
    "arrow": (ArrowSink, "out.arrow", {}),
    "arrow-lz4": (ArrowSink, "out.arrow", {"compression": "lz4"}),
    "csv-gzip": (CsvSink, "out.csv.gz", {}),
    "jsonl-zstd": (JsonlSink, "out.jsonl.zst", {}),
}
TABLE = pa.table(
    {
        "ts": list(range(40)),
        "text": [None if row % 7 == 3 else f'"{row}", é' for row in range(40)],
        "number": [None if row % 5 == 1 else row / 3 for row in range(40)],
        "flag": [None if row % 11 == 4 else row % 2 == 0 for row in range(40)],
    }
)
LISTS = TABLE.append_column(
    "list", pa.array([None if row % 4 == 2 else [row / 7] * (row % 3) for row in range(40)])
)
cuts = st.lists(st.integers(0, 40), max_size=6).map(lambda at: [0, *sorted(at), 40])


def columns(name: str) -> pa.Table:
    return TABLE if name.startswith("senml") else LISTS


def build(name: str, folder: Path, threads: int = 0) -> FileSink:
    kind, path, options = SINKS[name]
    sink = kind(str(folder / path), **options)
    sink.group = None if sink.group is None else 7
    sink.threads = threads
    return sink


def batches(table: pa.Table, at: Sequence[int], keyed: bool = False) -> list[pa.RecordBatch]:
    """Cut a table; keyed: each batch with a text column as a dictionary of its own."""
    result = []
    for start, stop in itertools.pairwise(at):
        piece = table.slice(start, stop - start).combine_chunks()
        if keyed:
            number = piece.schema.get_field_index("text")
            piece = piece.set_column(number, "text", piece["text"].dictionary_encode())
        rows = piece.to_batches()
        result.append(rows[0] if rows else pa.RecordBatch.from_pylist([], schema=piece.schema))
    return result


def written(sink: FileSink, parts: Sequence[pa.RecordBatch]) -> bytes:
    sink.open(parts[0].schema)
    for part in parts:
        sink.write(sink.encode(part))
    sink.close()
    return Path(sink.path).read_bytes()


@pytest.fixture(scope="module", params=SINKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def whole(name: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return written(build(name, tmp_path_factory.mktemp("whole")), batches(columns(name), [0, 40]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


BLIND = settings(
    max_examples=min(25, settings().max_examples),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@BLIND
@given(at=cuts, keyed=st.booleans(), threads=st.integers(0, 2))
def test_bytes_do_not_depend_on_how_records_arrive(
    name: str, whole: bytes, folder: Path, at: list[int], keyed: bool, threads: int
) -> None:
    parts = batches(columns(name), at, keyed)
    assert written(build(name, folder, threads), parts) == whole


@BLIND
@given(at=cuts, stop=st.integers(0, 6), threads=st.integers(0, 1), garbage=st.binary(max_size=9))
def test_a_run_killed_behind_any_mark_resumes_to_the_same_bytes(
    name: str, whole: bytes, folder: Path, at: list[int], stop: int, threads: int, garbage: bytes
) -> None:
    parts = batches(columns(name), at)
    stop = min(stop, len(parts))
    sink = build(name, folder, threads)
    sink.open(parts[0].schema)
    for part in parts[:stop]:
        sink.write(sink.encode(part))
    mark = through_a_checkpoint(sink.mark())
    for part in parts[stop:]:
        sink.write(sink.encode(part))
    sink.abandon()
    assert not Path(sink.path).exists()
    with open(f"{sink.path}.partial", "ab") as partial:
        partial.write(garbage)
    resumed = build(name, folder, threads)
    resumed.open(parts[0].schema, mark)
    for part in parts[stop:]:
        resumed.write(resumed.encode(part))
    resumed.close()
    assert Path(sink.path).read_bytes() == whole


def through_a_checkpoint(mark: Mark) -> Mark:
    """Write a mark down and read it back, values as JSON and rows as Arrow IPC."""
    import json

    rows = mark.rows
    if rows is not None:
        out = pa.BufferOutputStream()
        with pa.ipc.new_file(out, rows.schema) as file:
            file.write_table(rows)
        rows = pa.ipc.open_file(out.getvalue()).read_all()
    return Mark(json.loads(json.dumps(mark.values)), rows)


def test_a_run_killed_behind_its_end_resumes_to_the_same_bytes(
    name: str, whole: bytes, folder: Path
) -> None:
    (part,) = batches(columns(name), [0, 40])
    sink = build(name, folder)
    sink.open(part.schema)
    sink.write(sink.encode(part))
    mark = sink.mark()
    sink.close()
    resumed = build(name, folder)
    resumed.open(part.schema, mark)
    assert not Path(sink.path).exists()
    resumed.close()
    assert Path(sink.path).read_bytes() == whole


def test_no_record_gives_a_readable_file(name: str, folder: Path) -> None:
    sink = build(name, folder)
    data = written(sink, batches(columns(name), [0, 0]))
    if name.startswith("parquet"):
        assert pq.read_table(sink.path).num_rows == 0
    elif name.startswith("arrow"):
        assert pa.ipc.open_file(sink.path).num_record_batches == 0
    elif name == "csv-gzip":
        assert gzip.decompress(data) == b"ts,text,number,flag,list\n"
    elif name == "jsonl-zstd":
        assert pa.input_stream(sink.path, compression="zstd").read() == b""
    else:
        assert data == (b"ts,text,number,flag,list\n" if name == "csv" else b"")


def test_another_process_can_encode(name: str, whole: bytes, folder: Path) -> None:
    sink = build(name, folder)
    (part,) = batches(columns(name), [0, 40])
    sink.open(part.schema)
    away = pickle.loads(pickle.dumps(sink))
    sink.write(pickle.loads(pickle.dumps(away.encode(part))))
    sink.close()
    assert Path(sink.path).read_bytes() == whole


def test_the_final_name_does_not_appear_when_closing_fails(name: str, folder: Path) -> None:
    sink = build(name, folder)
    (part,) = batches(columns(name), [0, 40])
    Path(sink.path).write_text("an old result")
    sink.open(part.schema)
    sink.write(sink.encode(part))

    def fail() -> None:
        raise OSError(28, "No space left on device")

    faults.arm("output.sync", fail)
    with pytest.raises(SinkError, match="no space left"):
        sink.close()
    sink.abandon()
    assert [path.name for path in folder.iterdir()] == [f"{Path(sink.path).name}.partial"]


def test_a_device_is_written_and_not_resumable(name: str) -> None:
    kind, _, options = SINKS[name]
    sink = kind("/dev/null", **options)
    (part,) = batches(columns(name), [0, 40])
    sink.open(part.schema)
    sink.write(sink.encode(part))
    assert not sink.resumable
    with pytest.raises(SinkError, match="Output `/dev/null` cannot be resumed"):
        sink.mark()
    sink.close()
    assert sink.bytes_written() > 0


def test_a_full_device_is_told(name: str) -> None:
    kind, _, options = SINKS[name]
    parts = batches(columns(name), [0, 40])
    sink = kind("/dev/full", **options)
    with pytest.raises(SinkError, match="Cannot write output `/dev/full`: no space left"):
        written(sink, parts)
    sink.abandon()


def test_an_unknown_option_is_told_with_its_near_match(name: str) -> None:
    kind, path, _ = SINKS[name]
    with pytest.raises(ConfigError, match=f"option of format `{kind.format}` `compresion`") as told:
        kind(path, compresion="gzip")
    assert str(told.value.hint).startswith("did you mean `compression`?")


def test_an_unknown_compression_is_told(name: str) -> None:
    kind, path, options = SINKS[name]
    with pytest.raises(ConfigError, match="Unknown compression `zst`"):
        kind(path, **{**options, "compression": "zst"})


def test_identity_names_place_format_and_options(folder: Path) -> None:
    sink = build("csv-gzip", folder)
    options = {"compression": "gzip", "header": True}
    place = str(folder / "out.csv.gz")
    assert sink.identity() == {"name": place, "format": "csv", "options": options}
    assert JsonlSink("-").identity()["name"] == "-"


def test_a_sink_that_is_not_open_says_so(folder: Path) -> None:
    sink = build("csv", folder)
    with pytest.raises(SinkError, match="is not open"):
        sink.close()
    sink.abandon()
    assert sink.bytes_written() == 0


def test_groups_are_cut_by_records_alone(tmp_path: Path) -> None:
    table = pa.table({"value": pa.nulls(140_000, pa.int64())})
    parts = batches(table, [0, 3, 100_000, 140_000])
    written(ParquetSink(str(tmp_path / "out.parquet")), parts)
    metadata = pq.read_metadata(tmp_path / "out.parquet")
    groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    assert groups == [131_072, 8_928]
    written(ArrowSink(str(tmp_path / "out.arrow")), parts)
    file = pa.ipc.open_file(tmp_path / "out.arrow")
    sizes = [file.get_batch(number).num_rows for number in range(file.num_record_batches)]
    assert sizes == [65_536, 65_536, 8_928]
    packed = written(LinesSink(str(tmp_path / "out.gz")), parts)
    assert packed.count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00") == 3
    assert gzip.decompress(packed) == b"\n" * 140_000


def test_what_null_rows_hide_does_not_show(tmp_path: Path) -> None:
    mask = pa.array([True, False, True]).buffers()[1]
    found = set()
    for hidden in (0, 99):
        data = pa.array([1, hidden, 3]).buffers()[1]
        column = pa.Array.from_buffers(pa.int64(), 3, [mask, data])
        batch = pa.record_batch({"value": column})
        found.add(written(ArrowSink(str(tmp_path / "out.arrow")), [batch]))
    assert len(found) == 1
